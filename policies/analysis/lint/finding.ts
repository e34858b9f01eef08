/** What lint reports, and what a check is. Read `lint.ts` for how findings come about. */
import type { Location } from '../../language/problem.ts';

/** `error`: the policy does not do what it says, or a door stands open. `warning`: a risk. `note`: advice. */
export type Severity = 'error' | 'warning' | 'note';

/** The severities, gravest first. */
export const SEVERITIES: readonly Severity[] = ['error', 'warning', 'note'];

/** The object that a finding is about. */
export interface Subject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** True iff two subjects are one object. */
export function isSameSubject(left: Subject, right: Subject): boolean {
  return left.kind === right.kind && left.namespace === right.namespace && left.name === right.name;
}

/** One occurrence that a check found. */
export interface Sighting {
  readonly subject: Subject;
  readonly message: string;
  readonly at: Location;
  /** @default - the check's own severity */
  readonly severity?: Severity;
}

/** A sighting under its code. */
export interface Finding extends Sighting {
  readonly code: string;
  readonly severity: Severity;
  /** The places in source code from which the object was generated, as its annotation `meshwright.dev/source` says. */
  readonly sources: readonly SourcePlace[];
}

/** A line of a source file. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
}

/** A finding that an annotation silences, with the reason given there. */
export interface SuppressedFinding {
  readonly finding: Finding;
  readonly reason: string;
  /** Last day on which the suppression counts, null when it does not expire. */
  readonly until: string | null;
}

/** All findings: by file, line and code. */
export interface LintResult {
  readonly findings: readonly Finding[];
  readonly suppressed: readonly SuppressedFinding[];
}

/** One question that is put to a mesh, under a stable code. */
export interface Check<C> {
  readonly code: string;
  readonly severity: Severity;
  /** One line: what is wrong. */
  readonly title: string;
  /** One paragraph: why it matters and how to repair it. */
  readonly resolution: string;
  readonly find: (context: C) => Iterable<Sighting>;
}
