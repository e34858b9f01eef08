/** Who may call whom, by numbers: ten thousand workloads are walked in about a millisecond, and a change is walked over. */
import type { Inward } from './prepared.ts';

/** A workload before and after a change. */
export interface InwardChange {
  readonly was: Inward;
  readonly is: Inward;
}

/** Workloads are numbers in the order of their names. */
interface Numbered {
  readonly names: readonly string[];
  readonly numbers: ReadonlyMap<string, number>;
}

/** The calls to the workloads of which they are known from the start, as numbers: what a graph is made of quickly. */
export class KnownCalls implements Numbered {
  readonly names: readonly string[];
  readonly numbers: ReadonlyMap<string, number>;
  readonly #inward: readonly (Inward | undefined)[];
  /** The callers of workload `n` stand from `#starts[n]` up to `#starts[n + 1]` in `#callers`. */
  readonly #starts: Int32Array;
  readonly #callers: Int32Array;

  /** `names` are all workloads, sorted; `inward` is what is known of each, in their order. */
  constructor(names: readonly string[], inward: readonly (Inward | undefined)[]) {
    this.names = names;
    this.numbers = new Map(names.map((name, number) => [name, number]));
    this.#inward = inward;
    this.#starts = new Int32Array(names.length + 1);
    const callers: number[] = [];
    for (const [number, known] of inward.entries()) {
      for (const caller of known?.callers ?? []) callers.push(numberOf(this, caller));
      this.#starts[number + 1] = callers.length;
    }
    this.#callers = Int32Array.from(callers);
  }

  /** Adds the edges to a workload, and says whether it is called from outside; undefined where nothing is known of it. */
  tryAddTo(edges: Edges, number: number): Pick<Inward, 'fromOutside'> | undefined {
    const known = this.#inward[number];
    if (known === undefined) return undefined;
    const end = this.#starts[number + 1] ?? 0;
    for (let at = this.#starts[number] ?? 0; at < end; at += 1) edges.add(this.#callers[at] ?? 0, number);
    return known;
  }
}

/** Edges in the order of their callees, counted by caller. */
class Edges {
  /** `#starts[n + 1]` is how many calls leave workload `n`. */
  readonly #starts: Int32Array;
  /** Caller and callee in turn. */
  readonly #ends: number[] = [];

  constructor(workloads: number) {
    this.#starts = new Int32Array(workloads + 1);
  }

  add(caller: number, callee: number): void {
    this.#starts[caller + 1] = (this.#starts[caller + 1] ?? 0) + 1;
    this.#ends.push(caller, callee);
  }

  /** The callees of each caller together, ascending. */
  byCaller(): Pick<Outward, 'starts' | 'callees'> {
    const starts = this.#starts;
    for (let number = 1; number < starts.length; number += 1)
      starts[number] = (starts[number] ?? 0) + (starts[number - 1] ?? 0);
    const next = starts.slice();
    const callees = new Int32Array(this.#ends.length / 2);
    for (let at = 0; at < this.#ends.length; at += 2) {
      const from = this.#ends[at] ?? 0;
      const place = next[from] ?? 0;
      callees[place] = this.#ends[at + 1] ?? 0;
      next[from] = place + 1;
    }
    return { starts, callees };
  }
}

function numberOf({ numbers }: Numbered, name: string): number {
  const found = numbers.get(name);
  if (found === undefined) throw new Error(`a caller \`${name}\` that is no workload of the mesh`);
  return found;
}

/** Who is called from outside, and by whom each workload is left. */
interface Outward {
  readonly entries: readonly number[];
  /** The callees of caller `n` stand from `starts[n]` up to `starts[n + 1]` in `callees`, ascending. */
  readonly starts: Int32Array;
  readonly callees: Int32Array;
  /** What a change makes of the callees of some callers. */
  readonly instead: ReadonlyMap<number, readonly number[]>;
}

/** The whole graph of one version of a mesh. */
export class CallGraph {
  readonly #numbered: Numbered;
  readonly #outward: Outward;

  /** `inward` is asked for the calls to each workload of which `known` has none. */
  constructor(known: KnownCalls, inward: (name: string) => Inward) {
    this.#numbered = known;
    const entries: number[] = [];
    const edges = new Edges(known.names.length);
    for (const [number, name] of known.names.entries()) {
      const added = known.tryAddTo(edges, number) ?? this.#added(edges, number, inward(name));
      if (added.fromOutside) entries.push(number);
    }
    this.#outward = { entries, ...edges.byCaller(), instead: new Map() };
  }

  #added(edges: Edges, number: number, inward: Inward): Inward {
    for (const caller of inward.callers) edges.add(this.#numberOf(caller), number);
    return inward;
  }

  /** The ways through this graph. */
  ways(): Ways {
    return new Ways(this.#numbered, this.#outward);
  }

  /** The ways through the graph of another version of the same workloads, that differs in the calls to some. */
  waysAfter(changes: ReadonlyMap<string, InwardChange>): Ways {
    const { entries: before, starts, callees } = this.#outward;
    const changed = new Set<number>();
    const instead = new Map<number, number[]>();
    const entries = new Set(before);
    for (const [name, { was, is }] of changes) {
      const number = this.#numberOf(name);
      changed.add(number);
      if (is.fromOutside) entries.add(number);
      else entries.delete(number);
      for (const caller of was.callers) instead.set(this.#numberOf(caller), []);
      for (const caller of is.callers) instead.set(this.#numberOf(caller), []);
    }
    for (const [caller, own] of instead)
      for (const callee of callees.subarray(starts[caller], starts[caller + 1]))
        if (!changed.has(callee)) own.push(callee);
    for (const [name, { is }] of changes)
      for (const caller of is.callers) instead.get(this.#numberOf(caller))?.push(this.#numberOf(name));
    for (const own of instead.values()) own.sort(ascending);
    return new Ways(this.#numbered, { entries: [...entries].toSorted(ascending), starts, callees, instead });
  }

  #numberOf(name: string): number {
    return numberOf(this.#numbered, name);
  }
}

const ascending = (left: number, right: number): number => left - right;

const NOT_REACHED = -2;
const FROM_OUTSIDE = -1;

/** The shortest way from outside to each workload that is reached, found nearest first and in the order of names. */
export class Ways {
  readonly #numbered: Numbered;
  /** By workload, from which one it was reached. */
  readonly #parents: Int32Array;
  /** Every workload that is reached, nearest first. */
  readonly #reached: number[];

  constructor(numbered: Numbered, { entries, starts, callees, instead }: Outward) {
    this.#numbered = numbered;
    this.#parents = new Int32Array(numbered.names.length).fill(NOT_REACHED);
    this.#reached = [];
    for (const entry of entries) this.#reach(entry, FROM_OUTSIDE);
    // an array is walked also over what is added on the way
    for (const caller of this.#reached) {
      const own = instead.get(caller);
      if (own !== undefined) for (const callee of own) this.#reach(callee, caller);
      else
        for (let at = starts[caller] ?? 0; at < (starts[caller + 1] ?? 0); at += 1)
          this.#reach(callees[at] ?? 0, caller);
    }
  }

  /** Every workload that is reached, nearest first. */
  reached(): readonly string[] {
    return this.#reached.map((number) => this.#name(number));
  }

  /** The workloads that are reached here and not there. */
  beyond(other: Ways): readonly string[] {
    if (other.#numbered !== this.#numbered) return this.reached().filter((name) => !other.has(name));
    return this.#reached.filter((number) => other.#parents[number] === NOT_REACHED).map((number) => this.#name(number));
  }

  /** True iff the workload is reached from outside. */
  has(name: string): boolean {
    const number = this.#numbered.numbers.get(name);
    return number !== undefined && this.#parents[number] !== NOT_REACHED;
  }

  /** The workloads on the way, the last one included; none where there is no way. */
  to(name: string): readonly string[] {
    const way: string[] = [];
    if (!this.has(name)) return way;
    for (let at = this.#numbered.numbers.get(name) ?? FROM_OUTSIDE; at >= 0; at = this.#parents[at] ?? FROM_OUTSIDE)
      way.push(this.#name(at));
    return way.toReversed();
  }

  #reach(number: number, from: number): void {
    if (this.#parents[number] !== NOT_REACHED) return;
    this.#parents[number] = from;
    this.#reached.push(number);
  }

  #name(number: number): string {
    return this.#numbered.names[number] ?? '';
  }
}
