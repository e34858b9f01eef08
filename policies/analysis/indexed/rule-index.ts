/**
 * The rules of one action on one chain, found by exact peer, then exact path; what has neither is tried one by one.
 * Rules are cut into boxes (one alternative of each part); a box stands under every key it can match.
 */
import type { Clause, Rule } from '../../language/authorization.ts';
import type { Profile } from '../profile.ts';
import type { ChainRule } from '../rules.ts';
import { compileClause, exactIdentity, type Test } from './compile-clause.ts';
import type { Query } from './query.ts';

/** A conjunction that is left to test once peer and path have been looked up. */
interface Box {
  /** The rule's number; the lowest that matches is the one that is named. */
  readonly number: number;
  /** The one method that the box asks for, null for any or several. */
  readonly method: string | null;
  readonly tests: readonly Test[];
}

interface PeerNode {
  readonly byPath: Map<string, Box[]>;
  readonly anyPath: Box[];
}

/** A box with the keys it stands under; null keys mean any. */
interface KeyedBox {
  readonly box: Box;
  readonly peers: readonly string[] | null;
  readonly paths: readonly string[] | null;
}

/** The greatest number of boxes or index entries that one rule is cut into; a rule beyond it is tried as a whole. */
const MAX_CUT = 1024;

/** What compiling rules depends on. */
export interface IndexContext {
  readonly port: number;
  readonly profile: Profile;
}

/** Finds the first rule that covers a query. */
export class RuleIndex {
  readonly #byPeer = new Map<string, PeerNode>();
  readonly #byPath = new Map<string, Box[]>();
  readonly #others: Box[] = [];

  constructor(rules: readonly ChainRule[], context: IndexContext) {
    rules.forEach(({ rule }, number) => {
      for (const keyed of cut(rule, number, context)) this.#add(keyed);
    });
  }

  /** True iff no rule can match anything. */
  isEmpty(): boolean {
    return this.#byPeer.size === 0 && this.#byPath.size === 0 && this.#others.length === 0;
  }

  /** The number of the first rule that covers the query, -1 when none does. */
  firstMatch(query: Query): number {
    let best = Number.MAX_SAFE_INTEGER;
    if (query.identities !== null && this.#byPeer.size > 0) {
      for (const identity of query.identities) {
        const node = this.#byPeer.get(identity);
        if (node === undefined) continue;
        if (node.byPath.size > 0) best = firstOf(node.byPath.get(query.path), query, best);
        best = firstOf(node.anyPath, query, best);
      }
    }
    if (this.#byPath.size > 0) best = firstOf(this.#byPath.get(query.path), query, best);
    best = firstOf(this.#others, query, best);
    return best === Number.MAX_SAFE_INTEGER ? -1 : best;
  }

  #add({ box, peers, paths }: KeyedBox): void {
    if (peers === null && paths === null) this.#others.push(box);
    else if (peers === null) for (const path of paths ?? []) append(this.#byPath, path, box);
    else {
      for (const peer of peers) {
        let node = this.#byPeer.get(peer);
        if (node === undefined) {
          node = { byPath: new Map(), anyPath: [] };
          this.#byPeer.set(peer, node);
        }
        if (paths === null) node.anyPath.push(box);
        else for (const path of paths) append(node.byPath, path, box);
      }
    }
  }
}

function append(map: Map<string, Box[]>, key: string, box: Box): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [box]);
  else list.push(box);
}

/** Boxes stand in the order of their rules, so that the first match of a list is its lowest. */
function firstOf(boxes: readonly Box[] | undefined, query: Query, best: number): number {
  if (boxes === undefined) return best;
  for (const box of boxes) {
    if (box.number >= best) return best;
    if (matches(box, query)) return box.number;
  }
  return best;
}

function matches(box: Box, query: Query): boolean {
  if (box.method !== null && box.method !== query.http.method) return false;
  for (const test of box.tests) if (!test(query)) return false;
  return true;
}

/** Cuts a rule into boxes; one that would give too many is kept whole. */
function cut(rule: Rule, number: number, context: IndexContext): readonly KeyedBox[] {
  const count = rule.parts.reduce((product, part) => product * part.alternatives.length, 1);
  if (count > MAX_CUT) return wholeRule(rule, number, context);
  let conjunctions: readonly (readonly Clause[])[] = [[]];
  for (const part of rule.parts) {
    conjunctions = conjunctions.flatMap((left) => part.alternatives.map((right) => [...left, ...right]));
  }
  return conjunctions.flatMap((clauses) => toBox(clauses, number, context));
}

function toBox(clauses: readonly Clause[], number: number, context: IndexContext): readonly KeyedBox[] {
  const peerClause = clauses.find((clause) => peerKeys(clause) !== undefined);
  const pathClause = clauses.find((clause) => pathKeys(clause) !== undefined);
  const methodClause = clauses.find((clause) => methodKey(clause) !== undefined);
  const peers = peerClause === undefined ? null : (peerKeys(peerClause) ?? null);
  const tooMany = (peers?.length ?? 0) * ((pathClause && pathKeys(pathClause)?.length) ?? 0) > MAX_CUT;
  const keyedByPath = tooMany ? undefined : pathClause;
  const paths = keyedByPath === undefined ? null : (pathKeys(keyedByPath) ?? null);
  const rest = clauses.filter((clause) => clause !== peerClause && clause !== keyedByPath && clause !== methodClause);
  const tests = compileAll(rest, context);
  const method = methodClause === undefined ? null : (methodKey(methodClause) ?? null);
  return tests === undefined ? [] : [{ box: { number, method, tests }, peers, paths }];
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

function wholeRule(rule: Rule, number: number, context: IndexContext): readonly KeyedBox[] {
  const parts = rule.parts.map((part) =>
    part.alternatives.flatMap((clauses) => {
      const tests = compileAll(clauses, context);
      return tests === undefined ? [] : [tests];
    }),
  );
  const test: Test = (query) =>
    parts.every((alternatives) => alternatives.some((tests) => tests.every((each) => each(query))));
  return [{ box: { number, method: null, tests: [test] }, peers: null, paths: null }];
}
