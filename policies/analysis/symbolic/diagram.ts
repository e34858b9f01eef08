/**
 * Hash-consed decision diagrams over variables with many values (MDDs). A node has a level, a child for value 0 and for
 * every value not listed, and the listed values with children of their own. For a fixed order and fixed values two
 * functions are equal iff they are the same node.
 */

import { Effort } from './effort.ts';

/** A diagram: an index into its `Diagrams`. */
export type Node = number;

/** Thrown where an answer would take more than the budget; the caller answers *unknown*. */
export class BudgetExceeded extends Error {}

type Operation = 0 | 1 | 2 | 3;
const AND: Operation = 0;
const OR: Operation = 1;
const XOR: Operation = 2;
const MINUS: Operation = 3;

/** Operations are remembered under keys that leave room for so many nodes; each makes one node at most. */
const MOST_NODES = 4_000_000;
/** Nodes below it make keys of 30 bits, which maps hold without a number object each; nearly all diagrams stay below. */
const FEW_NODES = 1 << 14;
const TERMINAL_LEVEL = Number.MAX_SAFE_INTEGER;
const NONE: readonly number[] = [];

/** One family of diagrams: nodes are shared and never removed. */
export class Diagrams {
  /** The diagram that is true nowhere. */
  readonly never: Node = 0;
  /** The diagram that is true everywhere. */
  readonly always: Node = 1;
  readonly #budget: number;
  readonly #effort: Effort;
  readonly #levels: number[] = [TERMINAL_LEVEL, TERMINAL_LEVEL];
  readonly #fallbacks: Node[] = [0, 1];
  readonly #values: (readonly number[])[] = [NONE, NONE];
  readonly #children: (readonly Node[])[] = [NONE, NONE];
  readonly #twins: number[] = [-1, -1];
  readonly #byHash = new Map<number, Node>();
  readonly #applied = new Map<number, Node>();

  /**
   * `budget` is the number of nodes that may be made, and of operations that may be done, four million at most; what is
   * done is taken from `effort`.
   */
  constructor(budget: number, effort: Effort = new Effort()) {
    this.#budget = Math.min(budget, MOST_NODES);
    this.#effort = effort;
  }

  /** How many nodes were made, both terminals included. */
  get size(): number {
    return this.#levels.length;
  }

  level(node: Node): number {
    return this.#levels[node] ?? TERMINAL_LEVEL;
  }

  /** The child for value 0 and for all values that `values` does not list. */
  fallback(node: Node): Node {
    return this.#fallbacks[node] ?? node;
  }

  /** The listed values in rising order. */
  values(node: Node): readonly number[] {
    return this.#values[node] ?? NONE;
  }

  /** The children of the listed values, in their order. */
  children(node: Node): readonly Node[] {
    return this.#children[node] ?? NONE;
  }

  /** The child of one value. */
  child(node: Node, value: number): Node {
    const values = this.values(node);
    let low = 0;
    let high = values.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = values[middle] ?? 0;
      if (found === value) return this.children(node)[middle] ?? this.never;
      if (found < value) low = middle + 1;
      else high = middle - 1;
    }
    return this.fallback(node);
  }

  /** The node with these children; `values` rises and lacks 0. */
  node(level: number, fallback: Node, values: readonly number[], children: readonly Node[]): Node {
    if (children.includes(fallback)) return this.#nodeOfOthers(level, fallback, values, children);
    if (values.length === 0) return fallback;
    let hash = (level * 31 + fallback) | 0;
    for (let index = 0; index < values.length; index += 1) {
      const [value, child] = [values[index] ?? 0, children[index] ?? this.never];
      hash = (Math.imul(hash, 0x01000193) ^ Math.imul(value + 1, 0x85ebca6b) ^ Math.imul(child + 7, 0xc2b2ae35)) | 0;
    }
    const first = this.#byHash.get(hash) ?? -1;
    for (let known = first; known >= 0; known = this.#twins[known] ?? -1) {
      const same = this.#levels[known] === level && this.#fallbacks[known] === fallback;
      if (same && equal(this.values(known), values) && equal(this.children(known), children)) return known;
    }
    if (this.#levels.length >= this.#budget) throw new BudgetExceeded(`more than ${this.#budget} diagram nodes`);
    const node = this.#levels.length;
    this.#levels.push(level);
    this.#fallbacks.push(fallback);
    this.#values.push(values);
    this.#children.push(children);
    this.#twins.push(first);
    this.#byHash.set(hash, node);
    return node;
  }

  /** As `node`, without the values whose child is the fallback. */
  #nodeOfOthers(level: number, fallback: Node, values: readonly number[], children: readonly Node[]): Node {
    const kept = values.filter((_, index) => children[index] !== fallback);
    return this.node(
      level,
      fallback,
      kept,
      children.filter((child) => child !== fallback),
    );
  }

  and(left: Node, right: Node): Node {
    return this.#apply(AND, left, right);
  }

  or(left: Node, right: Node): Node {
    return this.#apply(OR, left, right);
  }

  xor(left: Node, right: Node): Node {
    return this.#apply(XOR, left, right);
  }

  not(node: Node): Node {
    return this.#apply(XOR, node, this.always);
  }

  /** True in `left` and not in `right`. */
  minus(left: Node, right: Node): Node {
    return this.#apply(MINUS, left, right);
  }

  /** The conjunction of all, joined pairwise, the lowest first, which are the smallest. */
  all(nodes: readonly Node[]): Node {
    const lowestFirst =
      nodes.length <= 2 ? nodes : nodes.toSorted((left, right) => this.level(right) - this.level(left));
    return this.#joined(AND, lowestFirst, this.always);
  }

  /**
   * The disjunction of all. Nodes that say something of a single value at the topmost level are joined value by value,
   * all at once: the rules of a workload mostly name a caller each. The rest is joined pairwise.
   */
  some(nodes: readonly Node[]): Node {
    if (nodes.length <= 2) return this.#joined(OR, nodes, this.never);
    let top = TERMINAL_LEVEL;
    for (const node of nodes) if (node > 1) top = Math.min(top, this.level(node));
    const byValue = new Map<number, Node[]>();
    const rest: Node[] = [];
    for (const node of nodes) {
      const values = this.values(node);
      const isSingle = this.level(node) === top && this.fallback(node) === this.never && values.length === 1;
      if (isSingle) pushTo(byValue, values[0] ?? 0, this.children(node)[0] ?? this.never);
      else if (node !== this.never) rest.push(node);
    }
    const values = [...byValue.keys()].toSorted((left, right) => left - right);
    const children = values.map((value) => this.some(byValue.get(value) ?? []));
    if (values.length > 0) rest.push(this.node(top, this.never, values, children));
    return this.#joined(OR, rest, this.never);
  }

  #joined(operation: Operation, nodes: readonly Node[], none: Node): Node {
    let round = nodes;
    while (round.length > 1) {
      const next: Node[] = [];
      for (let index = 0; index < round.length; index += 2) {
        const left = round[index] ?? none;
        const right = round[index + 1];
        next.push(right === undefined ? left : this.#apply(operation, left, right));
      }
      round = next;
    }
    return round[0] ?? none;
  }

  /** The value of a diagram where every level's value is known. */
  evaluate(node: Node, valueAt: (level: number) => number): boolean {
    let at = node;
    while (at > 1) at = this.child(at, valueAt(this.level(at)));
    return at === this.always;
  }

  /** The diagram with one level's value fixed. */
  restrict(node: Node, level: number, value: number, known: Map<Node, Node> = new Map()): Node {
    if (this.level(node) > level) return node;
    if (this.level(node) === level) return this.child(node, value);
    const earlier = known.get(node);
    if (earlier !== undefined) return earlier;
    const children = this.children(node).map((child) => this.restrict(child, level, value, known));
    const fallback = this.restrict(this.fallback(node), level, value, known);
    const made = this.node(this.level(node), fallback, this.values(node), children);
    known.set(node, made);
    return made;
  }

  #apply(operation: Operation, left: Node, right: Node): Node {
    const settled = this.#settle(operation, left, right);
    if (settled >= 0) return settled;
    const isOrdered = operation === MINUS || left < right;
    const [low, high] = isOrdered ? [left, right] : [right, left];
    const key =
      low < FEW_NODES && high < FEW_NODES
        ? (low * FEW_NODES + high) * 4 + operation
        : FEW_NODES ** 2 * 4 + (low * MOST_NODES + high) * 4 + operation;
    const known = this.#applied.get(key);
    if (known !== undefined) return known;
    if (this.#applied.size >= this.#budget)
      throw new BudgetExceeded(`more than ${this.#budget} operations on diagrams`);
    this.#effort.spend();
    const made = this.#descend(operation, low, high);
    this.#applied.set(key, made);
    return made;
  }

  /** The result where an operand decides, else -1. */
  #settle(operation: Operation, left: Node, right: Node): Node {
    if (operation === MINUS) {
      if (left === right || left === 0 || right === 1) return 0;
      return right === 0 ? left : -1;
    }
    if (operation === XOR) {
      if (left === right) return 0;
      if (left === 0) return right;
      return right === 0 ? left : left <= 1 && right <= 1 ? 1 : -1;
    }
    if (left === right) return left;
    const absorbing = operation === AND ? 0 : 1;
    if (left === absorbing || right === absorbing) return absorbing;
    if (left <= 1) return right;
    return right <= 1 ? left : -1;
  }

  #descend(operation: Operation, left: Node, right: Node): Node {
    const level = Math.min(this.level(left), this.level(right));
    const one = this.#branches(left, level);
    const two = this.#branches(right, level);
    const fallback = this.#apply(operation, one.fallback, two.fallback);
    const values: number[] = [];
    const children: Node[] = [];
    let [at, other] = [0, 0];
    while (at < one.values.length || other < two.values.length) {
      const ours = one.values[at] ?? Number.MAX_SAFE_INTEGER;
      const theirs = two.values[other] ?? Number.MAX_SAFE_INTEGER;
      const child = this.#apply(
        operation,
        ours <= theirs ? (one.children[at] ?? 0) : one.fallback,
        theirs <= ours ? (two.children[other] ?? 0) : two.fallback,
      );
      if (child !== fallback) {
        values.push(Math.min(ours, theirs));
        children.push(child);
      }
      if (ours <= theirs) at += 1;
      if (theirs <= ours) other += 1;
    }
    return this.node(level, fallback, values, children);
  }

  /** The children of a node at a level, which it may not look at. */
  #branches(node: Node, level: number): Branches {
    if (this.level(node) !== level) return { fallback: node, values: NONE, children: NONE };
    return { fallback: this.fallback(node), values: this.values(node), children: this.children(node) };
  }
}

interface Branches {
  readonly fallback: Node;
  readonly values: readonly number[];
  readonly children: readonly Node[];
}

function pushTo(lists: Map<number, Node[]>, value: number, node: Node): void {
  const list = lists.get(value);
  if (list === undefined) lists.set(value, [node]);
  else list.push(node);
}

function equal(left: readonly number[], right: readonly number[]): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index += 1) if (left[index] !== right[index]) return false;
  return true;
}
