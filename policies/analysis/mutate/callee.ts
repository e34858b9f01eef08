/**
 * One port of one workload under all mutants at once. Every mutant that may decide otherwise here leaves its decision or
 * its way in; then one universe is made for all of them, and a mutant differs iff its diagram is another than the
 * original's. Requests come in three ways: with a bare certificate or none (`bare`), the same from a known address
 * (`address`), and from a workload of the mesh, whose egress, transport and NetworkPolicies count (its name).
 */
import type { Workload } from '../../language/mesh.ts';
import { BudgetExceeded, type Node } from '../symbolic/diagram.ts';
import { all, type Formula, holds, testsOf } from '../symbolic/formula.ts';
import { oneIdentityTellsApart } from '../symbolic/one-identity.ts';
import { decideAtProxy, type ProxyDecision } from '../symbolic/proxy.ts';
import { Universe } from '../symbolic/universe.ts';
import type { World } from '../world.ts';
import { batchesOf } from './batches.ts';

/** How calls of one workload arrive: not at all, showing an identity or none, or as bytes. */
export type Passage =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly identity: string | null }
  /** TLS that is not the mesh's: bytes without identity. */
  | { readonly kind: 'opaque' };

/** What a version decides at the port. */
export interface Decision {
  readonly proxy: ProxyDecision;
  /** Which addresses NetworkPolicy admits. */
  readonly gate: Formula;
}

/** Who calls, in one of the three ways; `caller` is the name of a workload. */
export type Way = { readonly kind: 'bare' | 'address' } | { readonly kind: 'workload'; readonly caller: Workload };

/** Requests on which a mutant and the original disagree. */
export interface Disagreement {
  readonly mutant: number;
  readonly node: Node;
}

/** All disagreements of one way in. */
export interface WayResult {
  readonly way: Way;
  readonly universe: Universe;
  /** What the original allows. */
  readonly original: Node;
  readonly disagreements: readonly Disagreement[];
}

/** What comparing gave; `unknown` says of which mutants it took too much. */
export interface Comparison {
  readonly results: readonly WayResult[];
  readonly unknown: ReadonlyMap<number, string>;
}

/** How the calls of one workload arrive. */
export interface Arrival {
  readonly caller: Workload;
  readonly passage: Passage;
}

/** Where a callee stands. */
export interface CalleePlace {
  readonly world: World;
  readonly workload: Workload;
  readonly port: number;
  readonly arrivals: () => readonly Arrival[];
}

/** The mutants of one place. */
export class Callee {
  readonly workload: Workload;
  readonly port: number;
  readonly world: World;
  readonly original: Decision;
  readonly #decisions = new Map<number, Decision>();
  #requests: 'with addresses' | 'without addresses' = 'without addresses';
  readonly #passages = new Map<string, { caller: Workload; before: Passage; after: Map<number, Passage> }>();

  readonly #arrivals: () => readonly Arrival[];

  /** `place.arrivals` lists how the calls of every workload arrive in the original. */
  constructor(place: CalleePlace, original: Decision) {
    this.world = place.world;
    this.workload = place.workload;
    this.port = place.port;
    this.#arrivals = place.arrivals;
    this.original = original;
  }

  /** Notes what a mutant decides here; what the original decides is not kept. */
  decides(mutant: number, decision: Decision): void {
    if (!isSameDecision(decision, this.original)) this.#decisions.set(mutant, decision);
  }

  /** Notes how a workload's calls arrive under a mutant. */
  passes(
    mutant: number,
    caller: Workload,
    { before, after }: { readonly before: Passage; readonly after: Passage },
  ): void {
    const key = `${caller.namespace}/${caller.name}`;
    const known = this.#passages.get(key) ?? { caller, before, after: new Map<number, Passage>() };
    this.#passages.set(key, known);
    known.after.set(mutant, after);
  }

  /** The mutants that may differ here. */
  mutants(): ReadonlySet<number> {
    return new Set([
      ...this.#decisions.keys(),
      ...[...this.#passages.values()].flatMap(({ after }) => [...after.keys()]),
    ]);
  }

  /**
   * Compares every mutant with the original, many in one universe: those first that `order` names first. Only mutants of
   * one universe are looked at for requests that separate several of them, so neighbours belong together.
   */
  compare(order: (mutant: number) => number): Comparison {
    const found: { results: WayResult[]; unknown: Map<number, string> } = { results: [], unknown: new Map() };
    const decided = [this.original, ...this.#decisions.values()];
    if (decided.some(readsAddresses)) this.#giveAddresses(decided, found.unknown);
    const mutants = [...this.mutants()].toSorted((left, right) => order(left) - order(right));
    const allowed = (mutant: number) => (this.#decisions.get(mutant) ?? this.original).proxy.allowed;
    for (const batch of batchesOf(mutants, allowed)) this.#compareBatch(batch, found);
    return found;
  }

  /**
   * Where rules read addresses, NetworkPolicy is asked before them, and a workload may be let in where its bare identity
   * is not: every workload is a way of its own.
   */
  #giveAddresses(decided: readonly Decision[], unknown: Map<number, string>): void {
    this.#requests = 'with addresses';
    for (const { caller, passage } of this.#arrivals()) {
      const key = `${caller.namespace}/${caller.name}`;
      if (!this.#passages.has(key)) this.#passages.set(key, { caller, before: passage, after: new Map() });
    }
    if (decided.every(({ gate }) => gate.kind === 'always' || gate.kind === 'never')) return;
    for (const mutant of this.mutants()) unknown.set(mutant, 'rules and NetworkPolicies both name blocks of addresses');
  }

  /** A universe that takes too much is cut in two. */
  #compareBatch(
    mutants: readonly number[],
    found: { readonly results: WayResult[]; readonly unknown: Map<number, string> },
  ): void {
    try {
      const decisions = new Map(
        mutants.flatMap((mutant) => {
          const decision = this.#decisions.get(mutant);
          return decision === undefined ? [] : [[mutant, decision] as const];
        }),
      );
      const gated = [...decisions].filter(
        ([, { gate }]) => this.#requests === 'without addresses' && !isSame(gate, this.original.gate),
      );
      const results = this.#bare({ mutants: new Set(mutants), decisions });
      found.results.push(...results, ...(gated.length === 0 ? [] : [this.#byAddress(gated)]));
      found.results.push(...this.#bySets(decisions, results));
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error;
      const half = mutants.length >> 1;
      if (half === 0) for (const mutant of mutants) found.unknown.set(mutant, error.message);
      else for (const part of [mutants.slice(0, half), mutants.slice(half)]) this.#compareBatch(part, found);
    }
  }

  /** The mutants that no single identity tells apart, where certificates with several SANs may. */
  #bySets(decisions: Batch['decisions'], known: readonly WayResult[]): readonly WayResult[] {
    const told = new Set(known.flatMap(({ disagreements }) => disagreements.map(({ mutant }) => mutant)));
    const open = [...decisions].filter(
      ([mutant, each]) => !told.has(mutant) && !oneIdentityTellsApart([this.#whole(this.original), this.#whole(each)]),
    );
    if (open.length === 0) return [];
    const whole = (each: Decision) => this.#whole(each);
    return [this.#differing({ kind: 'bare' }, open, { whole, peers: 'sets' })];
  }

  #universe(formulas: readonly Formula[], peers: 'single' | 'sets' = 'single'): Universe {
    return new Universe(formulas, {
      config: this.world.mesh.config,
      headers: this.world.profile.repeatedHeaders,
      peers,
      identities: [],
      budget: BUDGET,
    });
  }

  #bare({ mutants, decisions }: Batch): readonly WayResult[] {
    const formulas = [this.original, ...decisions.values()].flatMap((each) => [this.#whole(each), each.proxy.allowed]);
    const extra = this.#requests === 'with addresses' ? [ANY_ADDRESS] : [];
    const universe = this.#universe([...formulas, ...extra]);
    const { diagrams } = universe;
    const possible = universe.possible();
    const differing = (nodes: Iterable<readonly [number, Node]>, from: Node): readonly Disagreement[] =>
      [...nodes]
        .map(([mutant, node]) => ({ mutant, node: diagrams.and(diagrams.xor(node, from), possible) }))
        .filter(({ node }) => node !== diagrams.never);
    const original = universe.node(this.#whole(this.original));
    const bare = [...decisions].map(([mutant, each]) => [mutant, universe.node(this.#whole(each))] as const);
    const results: WayResult[] = [
      { way: { kind: 'bare' }, universe, original, disagreements: differing(bare, original) },
    ];
    const proxy = (mutant: number) => universe.node((decisions.get(mutant) ?? this.original).proxy.allowed);
    for (const { caller, before, after } of this.#passages.values()) {
      const from = arriving(universe, universe.node(this.original.proxy.allowed), before);
      const nodes = [...mutants]
        .filter((mutant) => after.has(mutant) || decisions.has(mutant))
        .map((mutant) => [mutant, arriving(universe, proxy(mutant), after.get(mutant) ?? before)] as const);
      if (nodes.length > 0)
        results.push({
          way: { kind: 'workload', caller },
          universe,
          original: from,
          disagreements: differing(nodes, from),
        });
    }
    return results;
  }

  /** Where rules read the caller's address, requests carry one, and then NetworkPolicy looks at it first. */
  #whole({ proxy, gate }: Decision): Formula {
    return this.#requests === 'with addresses' ? all([proxy.allowed, gate]) : proxy.allowed;
  }

  #byAddress(gated: readonly (readonly [number, Decision])[]): WayResult {
    return this.#differing({ kind: 'address' }, gated, {
      whole: ({ proxy, gate }) => all([proxy.allowed, gate]),
      peers: 'single',
    });
  }

  #differing(
    way: Way,
    mutants: readonly (readonly [number, Decision])[],
    { whole, peers }: { readonly whole: (decision: Decision) => Formula; readonly peers: 'single' | 'sets' },
  ): WayResult {
    const universe = this.#universe([this.original, ...mutants.map(([, each]) => each)].map(whole), peers);
    const { diagrams } = universe;
    const original = universe.node(whole(this.original));
    const disagreements = mutants.map(([mutant, decision]) => ({
      mutant,
      node: diagrams.and(diagrams.xor(universe.node(whole(decision)), original), universe.possible()),
    }));
    return { way, universe, original, disagreements: disagreements.filter(({ node }) => node !== diagrams.never) };
  }
}

const BUDGET = 4_000_000;
interface Batch {
  readonly mutants: ReadonlySet<number>;
  readonly decisions: ReadonlyMap<number, Decision>;
}

/** Decides at the proxy of a port. */
export function proxyDecision(world: World, workload: Workload, port: number): ProxyDecision {
  return decideAtProxy({ world, workload, port, ip: null });
}

function readsAddresses({ proxy }: Decision): boolean {
  return testsOf([proxy.allowed]).some((test) => test.on === 'address' && test.of === 'source');
}

/** A test that gives requests an address. */
const ANY_ADDRESS = holds({ on: 'address', of: 'source', block: { words: [0], bits: 0 } });

function arriving(universe: Universe, node: Node, passage: Passage): Node {
  if (passage.kind === 'closed') return universe.diagrams.never;
  const identity = passage.kind === 'open' ? passage.identity : null;
  const known = fixed(universe, node, { name: 'peer', value: identity });
  return passage.kind === 'open' ? known : fixed(universe, known, { name: 'bytes', value: 'raw' });
}

/** The node where an attribute has one value. */
function fixed(universe: Universe, node: Node, at: { readonly name: string; readonly value: string | null }): Node {
  const attribute = universe.attributes.find(({ name }) => name === at.name);
  if (attribute === undefined || attribute.kind !== 'word') return node;
  return attribute.variable
    .encode(at.value)
    .reduce((rest, atom, index) => universe.diagrams.restrict(rest, attribute.first + index, atom), node);
}

function isSameDecision(left: Decision, right: Decision): boolean {
  return isSame(left.proxy.allowed, right.proxy.allowed) && isSame(left.gate, right.gate);
}

/** True iff calls arrive in the same way. */
export function isSamePassage(left: Passage, right: Passage): boolean {
  if (left.kind !== 'open' || right.kind !== 'open') return left.kind === right.kind;
  return left.identity === right.identity;
}

function isSame(left: Formula, right: Formula): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}
