/** Lints a mesh: every check once, then the suppressions. Read this file first, then `checks/`. */
import type { SourceDocument } from '../../language/document.ts';
import type { Mesh } from '../../language/mesh.ts';
import type { Profile } from '../profile.ts';
import { UNREACHABLE_RULE } from './checks/idle-rules.ts';
import { CODES, MESH_CHECKS } from './checks.ts';
import { contextOf } from './context.ts';
import { type Finding, isSameSubject, type LintResult } from './finding.ts';
import { SourceMap } from './source-map.ts';
import { applySuppressions } from './suppression.ts';

/** What lint reads: a mesh with the documents it was parsed from, and the day on which suppressions are judged. */
export interface LintInput {
  readonly mesh: Mesh;
  readonly documents: readonly SourceDocument[];
  readonly profile: Profile;
  /** YYYY-MM-DD. */
  readonly on: string;
}

/** All findings, sorted by file, line and code; the same input gives the same output. */
export function lint({ mesh, documents, profile, on }: LintInput): LintResult {
  const context = contextOf(mesh, documents, profile);
  const sources = new SourceMap(context.documents);
  const found = MESH_CHECKS.flatMap(({ code, severity, find }) =>
    [...find(context)].map(
      (sighting): Finding => ({
        ...sighting,
        code,
        severity: sighting.severity ?? severity,
        sources: sources.placesOf(sighting.subject),
      }),
    ),
  );
  const codes = new Set(CODES.map(({ code }) => code));
  const told = found.filter((each) => each.code !== UNREACHABLE_RULE || !isExplained(each, found));
  const { findings, suppressed } = applySuppressions(context, told, { on, codes });
  return { findings: inOrder(findings), suppressed };
}

/** True iff another error says why a rule matches nothing: a scheme too many, a method in small letters. */
function isExplained({ subject, at }: Finding, found: readonly Finding[]): boolean {
  return found.some(
    (other) =>
      other.severity === 'error' &&
      other.code !== UNREACHABLE_RULE &&
      isSameSubject(other.subject, subject) &&
      other.at.path.startsWith(at.path) &&
      /^(\W|$)/.test(other.at.path.slice(at.path.length)),
  );
}

/** By file, line, code and message. A line is looked up in the text, so each is asked for once. */
function inOrder(findings: readonly Finding[]): readonly Finding[] {
  const placed = findings.map((finding) => ({ finding, file: finding.at.file, line: finding.at.line }));
  return placed
    .toSorted(
      (left, right) =>
        compare(left.file, right.file) ||
        left.line - right.line ||
        compare(left.finding.code, right.finding.code) ||
        compare(left.finding.message, right.finding.message),
    )
    .map(({ finding, file, line }) => ({ ...finding, at: { file, line, path: finding.at.path } }));
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
