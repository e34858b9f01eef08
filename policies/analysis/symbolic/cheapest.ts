/** The cheapest way through a diagram to *true*, measured from a request to be near to. */
import type { Node } from './diagram.ts';
import type { Attribute, Universe } from './universe.ts';

/** An atom for every level. */
export type Assignment = readonly number[];

const ATTRIBUTE = 1000;
const DETAIL = 10;
/** The fewest texts make a certificate; those of the request to be near to are taken rather than others. */
const SAN_OF_BASE = 500;

interface Best {
  readonly cost: number;
  readonly value: number;
  readonly child: Node;
}

/** The atoms that nothing names, everywhere. */
export function plainAssignment(universe: Universe): Assignment {
  return universe.levels.map(() => 0);
}

/**
 * The assignment of `node` that differs from `base` in the fewest attributes, undefined when `node` is never true.
 * Its cost is a thousand for each attribute that differs, less for the choice among the others.
 */
export function tryFindCheapest(
  universe: Universe,
  node: Node,
  base: Assignment,
): { readonly assignment: Assignment; readonly cost: number } | undefined {
  if (node === universe.diagrams.never) return undefined;
  const search = new Search(universe, base);
  const assignment = withoutTexts(universe, base);
  let at = node;
  while (at > 1) {
    const { value, child } = search.best(at);
    assignment[universe.diagrams.level(at)] = value;
    at = child;
  }
  return { assignment, cost: search.cost(node) };
}

/** Certificates are made up anew: what nothing asks for they do not hold. */
function withoutTexts({ attributes }: Universe, base: Assignment): number[] {
  const assignment = [...base];
  for (const { kind, first, variable } of attributes)
    if (kind === 'certificate') assignment.fill(0, first + 1, first + variable.levels.length);
  return assignment;
}

/** The levels of an attribute that make it another: the first, or each of what a set holds. */
function leadingOf(attribute: Attribute): readonly number[] {
  if (attribute.kind === 'claim') return attribute.variable.leading();
  const isSet = attribute.kind === 'set' || attribute.kind === 'certificate';
  return isSet ? attribute.variable.levels.map((_, index) => index) : [0];
}

class Search {
  readonly #universe: Universe;
  readonly #base: Assignment;
  readonly #leading: ReadonlySet<number>;
  readonly #best = new Map<Node, Best>();
  readonly #ranks: ReadonlyMap<number, number>;
  readonly #orders = new Map<number, readonly number[]>();

  constructor(universe: Universe, base: Assignment) {
    this.#universe = universe;
    this.#base = base;
    this.#leading = new Set(
      universe.attributes.flatMap((attribute) => leadingOf(attribute).map((index) => attribute.first + index)),
    );
    this.#ranks = new Map(
      universe.attributes.flatMap((attribute) =>
        attribute.kind === 'certificate'
          ? attribute.variable.levels
              .map((_, index) => [attribute.first + index, attribute.variable.rankOf(index)] as const)
              .slice(1)
          : [],
      ),
    );
  }

  cost(node: Node): number {
    if (node === this.#universe.diagrams.always) return 0;
    return node === this.#universe.diagrams.never ? Number.POSITIVE_INFINITY : this.best(node).cost;
  }

  best(node: Node): Best {
    const known = this.#best.get(node);
    if (known !== undefined) return known;
    const { diagrams } = this.#universe;
    const level = diagrams.level(node);
    const values = diagrams.values(node);
    const children = diagrams.children(node);
    const listed = new Set(values);
    const free = this.#order(level).find((value) => !listed.has(value));
    let best: Best = { cost: Number.POSITIVE_INFINITY, value: 0, child: diagrams.never };
    const offer = (value: number, child: Node) => {
      const cost = this.#valueCost(level, value) + this.cost(child);
      if (cost < best.cost) best = { cost, value, child };
    };
    if (free !== undefined) offer(free, diagrams.fallback(node));
    values.forEach((value, index) => {
      offer(value, children[index] ?? diagrams.never);
    });
    this.#best.set(node, best);
    return best;
  }

  /** The values of a level, cheapest first. */
  #order(level: number): readonly number[] {
    const known = this.#orders.get(level);
    if (known !== undefined) return known;
    const order = Array.from({ length: this.#universe.levels[level] ?? 1 }, (_, value) => value).toSorted(
      (left, right) => this.#valueCost(level, left) - this.#valueCost(level, right) || left - right,
    );
    this.#orders.set(level, order);
    return order;
  }

  /** Named values are shown rather than nameless ones. */
  #valueCost(level: number, value: number): number {
    const isKept = value === (this.#base[level] ?? 0);
    const rank = this.#ranks.get(level);
    if (rank !== undefined) return value === 0 ? 0 : (isKept ? SAN_OF_BASE : ATTRIBUTE) + rank;
    if (isKept) return 0;
    return (this.#leading.has(level) ? ATTRIBUTE : DETAIL) + (value === 0 ? 2 : value === 1 ? 1 : 0);
  }
}
