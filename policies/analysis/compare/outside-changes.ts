/** Ways from outside through gateways, end to end, of two versions: their common refinement. */
import { BudgetExceeded, type Node } from '../symbolic/diagram.ts';
import { Effort } from '../symbolic/effort.ts';
import { NO_TOKENS } from '../symbolic/token.ts';
import type { Universe } from '../symbolic/universe.ts';
import { type CallClass, callsOf } from './calls.ts';
import {
  type Asked,
  type OutsideWay,
  type OutsideWays,
  outsidePassages,
  outsideUniverse,
  strangersOn,
  undecidedWays,
  waysOf,
} from './outside.ts';
import type { PreparedMesh } from './prepared.ts';

/** A class of calls from outside that goes all the way in one version only, or in both under other conditions. */
export interface OutsideChange {
  readonly change: 'added' | 'removed' | 'changed';
  /** As the version after has it, a removed one as the version before; with `changed` the conditions of both. */
  readonly way: OutsideWay;
  /** What calls satisfy that only the version after lets through; null where there are none. */
  readonly added: readonly string[] | null;
  /** What calls satisfy that only the version before lets through; null where there are none. */
  readonly removed: readonly string[] | null;
}

/** What is compared, and where what could not be decided is told. */
interface Comparing {
  /** The workloads about which something changed. */
  readonly changed: readonly string[];
  readonly unknown: string[];
}

/** The ways that a change opens, closes, widens and narrows; that the route which carries them stands elsewhere is no change. */
export function outsideChanges(
  before: PreparedMesh,
  after: PreparedMesh,
  { changed, unknown }: Comparing,
): readonly OutsideChange[] {
  if (before.mesh.gateways.length + after.mesh.gateways.length === 0) return [];
  const [was, is] = [listedOf(before), listedOf(after)];
  const touched = new Set(changed);
  const asked: Asked = { config: after.mesh.config, profile: after.profile, effort: new Effort() };
  const reads = before.mesh.config.pathNormalization === after.mesh.config.pathNormalization ? 'alike' : 'otherwise';
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((key) => {
    const pair = [was.get(key) ?? NO_WAYS, is.get(key) ?? NO_WAYS] as const;
    for (const each of pair.flatMap(({ unknown: own }) => own)) unknown.push(each);
    if (isSame(pair, touched)) return [];
    // paths that the versions read differently have no common refinement: what is listed is compared
    if (reads === 'otherwise') return [...beyond(pair[0], pair[1], 'removed'), ...beyond(pair[1], pair[0], 'added')];
    try {
      return refined(pair, asked);
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error;
      for (const { ends } of pair.flatMap(({ decided }) => decided).slice(0, 1))
        unknown.push(undecidedWays(ends, error));
      return [];
    }
  });
}

/** All ways from one port of a gateway to one destination; what could not be decided is told and takes no part. */
type Listed = ReturnType<typeof waysOf>;

type Pair = readonly [was: Listed, is: Listed];

const NO_WAYS: Listed = { decided: [], ways: [], unknown: [] };

const known = new WeakMap<PreparedMesh, ReadonlyMap<string, Listed>>();

/** Kept with the version: the next comparison asks again. */
function listedOf(version: PreparedMesh): ReadonlyMap<string, Listed> {
  const found = known.get(version);
  if (found !== undefined) return found;
  const { mesh, profile } = version;
  const groups = Map.groupBy(outsidePassages(mesh, profile), ({ ends: { via: _, ...ends } }) => JSON.stringify(ends));
  const asked: Asked = { config: mesh.config, profile, effort: new Effort() };
  const made = new Map([...groups].map(([key, passages]) => [key, waysOf(passages, asked)]));
  known.set(version, made);
  return made;
}

/** True iff neither end changed and both versions list the same: words alone leave patterns and conditions open. */
function isSame([was, is]: Pair, touched: ReadonlySet<string>): boolean {
  const [passage] = [...is.decided, ...was.decided];
  if (passage === undefined) return true;
  const { gateway, destination } = passage.ends;
  const ends = [gateway, ...(destination.kind === 'workload' ? [destination] : [])];
  if (ends.some(({ namespace, workload }) => touched.has(`${namespace}/${workload}`))) return false;
  return beyond(was, is, 'removed').length + beyond(is, was, 'added').length === 0;
}

function beyond({ ways }: OutsideWays, other: OutsideWays, change: 'added' | 'removed'): readonly OutsideChange[] {
  const others = new Set(other.ways.map(keyOf));
  const own = new Map(ways.map((way) => [keyOf(way), way]));
  const side = ({ conditions }: OutsideWay) =>
    change === 'added' ? { added: conditions, removed: null } : { added: null, removed: conditions };
  return [...own].flatMap(([key, way]) => (others.has(key) ? [] : [{ change, way, ...side(way) }]));
}

function keyOf({ via: _, ...way }: OutsideWay): string {
  return JSON.stringify(way);
}

/** The common refinement of the ways between two ends. */
function refined([was, is]: Pair, asked: Asked): readonly OutsideChange[] {
  const universe = outsideUniverse(
    [...was.decided, ...is.decided].map(({ passage }) => passage),
    asked,
  );
  const { diagrams } = universe;
  const nodes = [was, is].map(({ decided }) =>
    diagrams.some(decided.map(({ passage }) => strangersOn(universe, passage))),
  );
  const [before = diagrams.never, after = diagrams.never] = nodes;
  const added = classesOf(universe, diagrams.minus(after, before), is);
  const removed = classesOf(universe, diagrams.minus(before, after), was);
  const kept = classesOf(universe, diagrams.and(before, after), is);
  return [...new Set([...added.keys(), ...removed.keys()])].flatMap((key) => {
    const [opened, closed, both] = [added.get(key), removed.get(key), kept.get(key)];
    const shown = both ?? opened ?? closed;
    if (shown === undefined) return [];
    const parts = [opened, closed, both].filter((part) => part !== undefined).length;
    const change = parts > 1 ? 'changed' : opened === undefined ? 'removed' : 'added';
    return [{ change, way: shown, added: opened?.conditions ?? null, removed: closed?.conditions ?? null } as const];
  });
}

/** The calls of a node as ways, by method and path; the route is one that carries some of them. */
function classesOf(universe: Universe, node: Node, { decided }: Listed): ReadonlyMap<string, OutsideWay> {
  const { diagrams } = universe;
  const found = new Map<string, OutsideWay>();
  if (node === diagrams.never) return found;
  for (const { http, exact, conditions } of callsOf(universe, node, decided[0]?.passage.token ?? NO_TOKENS)) {
    const [first] = decided;
    if (first !== undefined) found.set(callKey(http), { ...first.ends, http, exact, conditions });
  }
  for (const { ends, passage } of decided.toReversed()) {
    const own = diagrams.and(node, strangersOn(universe, passage));
    for (const { http } of callsOf(universe, own, passage.token)) {
      const way = found.get(callKey(http));
      if (way !== undefined) found.set(callKey(http), { ...way, via: ends.via });
    }
  }
  return found;
}

const callKey = (http: CallClass['http']): string => (http === null ? 'bytes' : `${http.method} ${http.path}`);
