/**
 * Hash-consed decision diagrams over variables with many values (MDDs). A node has a level, a child for value 0 and for
 * every value not listed, and the listed values with children of their own. For a fixed order and fixed values two
 * functions are equal iff they are the same node.
 */

/** A diagram: an index into its `Diagrams`. */
export type Node = number;

/** Thrown where an answer would take more than the budget; the caller answers *unknown*. */
export class BudgetExceeded extends Error {}

type Operation = 0 | 1 | 2;
const AND: Operation = 0;
const OR: Operation = 1;
const XOR: Operation = 2;

const MOST_NODES = 4_000_000;
/** Each is remembered, and a map holds no more than 16 million entries. */
const MOST_OPERATIONS = 4_000_000;
const TERMINAL_LEVEL = Number.MAX_SAFE_INTEGER;
const NONE: readonly number[] = [];

/** One family of diagrams: nodes are shared and never removed. */
export class Diagrams {
  /** The diagram that is true nowhere. */
  readonly never: Node = 0;
  /** The diagram that is true everywhere. */
  readonly always: Node = 1;
  readonly #budget: number;
  readonly #levels: number[] = [TERMINAL_LEVEL, TERMINAL_LEVEL];
  readonly #fallbacks: Node[] = [0, 1];
  readonly #values: (readonly number[])[] = [NONE, NONE];
  readonly #children: (readonly Node[])[] = [NONE, NONE];
  readonly #twins: number[] = [-1, -1];
  readonly #byHash = new Map<number, Node>();
  readonly #applied = new Map<number, Node>();

  /** `budget` is the number of nodes that may be made, four million at most. */
  constructor(budget: number) {
    this.#budget = Math.min(budget, MOST_NODES);
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
    const keptValues: number[] = [];
    const keptChildren: Node[] = [];
    let hash = (level * 31 + fallback) | 0;
    for (let index = 0; index < values.length; index += 1) {
      const child = children[index] ?? this.never;
      if (child === fallback) continue;
      const value = values[index] ?? 0;
      keptValues.push(value);
      keptChildren.push(child);
      hash = (Math.imul(hash, 0x01000193) ^ Math.imul(value + 1, 0x85ebca6b) ^ Math.imul(child + 7, 0xc2b2ae35)) | 0;
    }
    if (keptValues.length === 0) return fallback;
    return this.#intern({ level, fallback, values: keptValues, children: keptChildren }, hash);
  }

  #intern(
    made: {
      readonly level: number;
      readonly fallback: Node;
      readonly values: readonly number[];
      readonly children: readonly Node[];
    },
    hash: number,
  ): Node {
    const first = this.#byHash.get(hash) ?? -1;
    for (let known = first; known >= 0; known = this.#twins[known] ?? -1) {
      const same = this.#levels[known] === made.level && this.#fallbacks[known] === made.fallback;
      if (same && equal(this.values(known), made.values) && equal(this.children(known), made.children)) return known;
    }
    if (this.#levels.length >= this.#budget) throw new BudgetExceeded(`more than ${this.#budget} diagram nodes`);
    const node = this.#levels.length;
    this.#levels.push(made.level);
    this.#fallbacks.push(made.fallback);
    this.#values.push(made.values);
    this.#children.push(made.children);
    this.#twins.push(first);
    this.#byHash.set(hash, node);
    return node;
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
    return this.and(left, this.not(right));
  }

  /** The conjunction of all, joined pairwise. */
  all(nodes: readonly Node[]): Node {
    return this.#joined(AND, nodes, this.always);
  }

  /** The disjunction of all, joined pairwise. */
  some(nodes: readonly Node[]): Node {
    return this.#joined(OR, nodes, this.never);
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
    const low = Math.min(left, right);
    const high = Math.max(left, right);
    const key = (low * MOST_NODES + high) * 3 + operation;
    const known = this.#applied.get(key);
    if (known !== undefined) return known;
    if (this.#applied.size >= MOST_OPERATIONS)
      throw new BudgetExceeded(`more than ${MOST_OPERATIONS} operations on diagrams`);
    const made = this.#descend(operation, low, high);
    this.#applied.set(key, made);
    return made;
  }

  /** The result where an operand decides, else -1. */
  #settle(operation: Operation, left: Node, right: Node): Node {
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
    const one = this.level(left) === level ? left : -1;
    const two = this.level(right) === level ? right : -1;
    const fallback = this.#apply(operation, one < 0 ? left : this.fallback(one), two < 0 ? right : this.fallback(two));
    const values = one < 0 ? this.values(two) : two < 0 ? this.values(one) : union(this.values(one), this.values(two));
    const children: Node[] = [];
    for (const value of values) {
      children.push(
        this.#apply(operation, one < 0 ? left : this.child(one, value), two < 0 ? right : this.child(two, value)),
      );
    }
    return this.node(level, fallback, values, children);
  }
}

function equal(left: readonly number[], right: readonly number[]): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index += 1) if (left[index] !== right[index]) return false;
  return true;
}

function union(left: readonly number[], right: readonly number[]): readonly number[] {
  const joined: number[] = [];
  let [at, other] = [0, 0];
  while (at < left.length || other < right.length) {
    const one = left[at] ?? Number.POSITIVE_INFINITY;
    const two = right[other] ?? Number.POSITIVE_INFINITY;
    joined.push(Math.min(one, two));
    if (one <= two) at += 1;
    if (two <= one) other += 1;
  }
  return joined;
}
