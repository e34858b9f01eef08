/** Cuts rules into boxes: conjunctions with the exact peers and paths under which they are found. */
import type { Clause, Rule } from '../../language/authorization.ts';
import type { Profile } from '../profile.ts';
import type { Verdict } from '../verdict.ts';
import { compileClause, exactIdentity, type Test } from './compile-clause.ts';
import type { PathTable } from './path-table.ts';
import type { PeerTable } from './peer-table.ts';

/** A conjunction that is left to test once the peer has been looked up. */
export interface Box {
  /** The rule's number; the lowest that matches is the one that is named. */
  readonly number: number;
  /** The number of the one path that the box asks for, null for any or several. */
  readonly path: number | null;
  /** The one method that the box asks for, null for any or several. */
  readonly method: string | null;
  /** Null for none. */
  readonly tests: readonly Test[] | null;
  /** What the rule decides; in the box itself, which is in the cache when it is needed. */
  readonly verdict: Verdict;
}

/** A box with the peers it stands under, null for any. */
export interface KeyedBox {
  readonly box: Box;
  readonly peers: readonly string[] | null;
}

/** The greatest number of boxes or index entries that one rule is cut into; a rule beyond it is tried as a whole. */
const MAX_CUT = 1024;

/** A rule's number among those of its action, and what it decides. */
export interface NumberedVerdict {
  readonly number: number;
  readonly verdict: Verdict;
}

/** What compiling rules depends on. */
export interface IndexContext {
  readonly port: number;
  readonly profile: Profile;
  /** Where the identities and paths that rules name are numbered. */
  readonly peers: PeerTable;
  readonly paths: PathTable;
}

/** Cuts a rule into boxes; one that would give too many is kept whole. */
export function cutRule(rule: Rule, { number, verdict }: NumberedVerdict, context: IndexContext): readonly KeyedBox[] {
  const count = rule.parts.reduce((product, part) => product * part.alternatives.length, 1);
  if (count > MAX_CUT) return wholeRule(rule, { number, verdict }, context);
  let conjunctions: readonly (readonly Clause[])[] = [[]];
  for (const part of rule.parts) {
    conjunctions = conjunctions.flatMap((left) => part.alternatives.map((right) => [...left, ...right]));
  }
  return conjunctions.flatMap((clauses) => toBoxes(clauses, { number, verdict }, context));
}

/** One box for each path of the conjunction. */
function toBoxes(
  clauses: readonly Clause[],
  { number, verdict }: NumberedVerdict,
  context: IndexContext,
): readonly KeyedBox[] {
  const peerClause = clauses.find((clause) => peerKeys(clause) !== undefined);
  const pathClause = clauses.find((clause) => pathKeys(clause) !== undefined);
  const methodClause = clauses.find((clause) => methodKey(clause) !== undefined);
  const peers = (peerClause && peerKeys(peerClause)) ?? null;
  const allPaths = (pathClause && pathKeys(pathClause)) ?? [];
  const isKeyed = allPaths.length > 0 && allPaths.length * (peers?.length ?? 1) <= MAX_CUT;
  const rest = clauses.filter(
    (clause) => clause !== peerClause && clause !== methodClause && !(isKeyed && clause === pathClause),
  );
  const tests = compileAll(rest, context);
  if (tests === undefined) return [];
  const method = (methodClause && methodKey(methodClause)) ?? null;
  const paths = isKeyed ? allPaths : [null];
  return paths.map((path) => ({
    box: {
      number,
      path: path === null ? null : context.paths.number(path),
      method,
      tests: tests.length === 0 ? null : tests,
      verdict,
    },
    peers,
  }));
}

/** Undefined iff some clause can never hold. */
function compileAll(clauses: readonly Clause[], context: IndexContext): readonly Test[] | undefined {
  const tests: Test[] = [];
  for (const clause of clauses) {
    const compiled = compileClause(clause, context);
    if (compiled === 'never') return undefined;
    if (compiled !== 'always') tests.push(compiled);
  }
  return tests;
}

/** The identities that a clause admits, where they can be listed. */
function peerKeys(clause: Clause): readonly string[] | undefined {
  if (clause.on !== 'peer' || clause.values.length === 0 || clause.notValues.length > 0) return undefined;
  const keys = clause.values.map(exactIdentity);
  return keys.every((key) => key !== undefined) ? [...new Set(keys)] : undefined;
}

function pathKeys(clause: Clause): readonly string[] | undefined {
  if (clause.on !== 'path' || clause.values.length === 0 || clause.notValues.length > 0) return undefined;
  const keys = clause.values.map((pattern) => (pattern.kind === 'exact' ? pattern.value : undefined));
  return keys.every((key) => key !== undefined) ? [...new Set(keys)] : undefined;
}

function methodKey(clause: Clause): string | undefined {
  if (clause.on !== 'method' || clause.values.length !== 1 || clause.notValues.length > 0) return undefined;
  const [only] = clause.values;
  return only?.kind === 'exact' ? only.value : undefined;
}

function wholeRule(rule: Rule, { number, verdict }: NumberedVerdict, context: IndexContext): readonly KeyedBox[] {
  const parts = rule.parts.map((part) =>
    part.alternatives.flatMap((clauses) => {
      const tests = compileAll(clauses, context);
      return tests === undefined ? [] : [tests];
    }),
  );
  const test: Test = (query) =>
    parts.every((alternatives) => alternatives.some((tests) => tests.every((each) => each(query))));
  return [{ box: { number, path: null, method: null, tests: [test], verdict }, peers: null }];
}
