/** Draws mutants and pairs of mutants from a seed. */

/** A stream of whole numbers below a bound. Source: Marsaglia, xorshift32. */
export function drawer(seed: number): (bound: number) => number {
  let state = (seed | 0) === 0 ? 0x9e3779b9 : seed | 0;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/** `count` of the items in their order, all of them where there are no more. */
export function sampleOf<T>(items: readonly T[], count: number, draw: (bound: number) => number): readonly T[] {
  if (items.length <= count) return items;
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(draw(items.length));
  return items.filter((_, index) => chosen.has(index));
}
