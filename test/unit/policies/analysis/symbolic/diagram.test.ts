import { describe, expect, test } from 'vitest';
import { Diagrams, type Node } from '#policies/analysis/symbolic/diagram.ts';
import { Draw } from '../../../../support/draw.ts';

const SEED = 20_261_127;
const CASES = 20_000;
const LEVELS = 4;
const VALUES = 4;

/** A diagram of a few levels: chains of single values, as rules give them, and anything else. */
function drawn(draw: Draw, diagrams: Diagrams, level = 0): Node {
  if (level === LEVELS || draw.chance(0.15)) return draw.chance(0.5) ? diagrams.always : diagrams.never;
  if (draw.chance(0.2)) return drawn(draw, diagrams, level + 1);
  const values = draw.chance(0.5)
    ? [1 + draw.integer(VALUES)]
    : Array.from({ length: VALUES }, (_, index) => index + 1).filter(() => draw.chance(0.5));
  const fallback = draw.chance(0.6) ? diagrams.never : drawn(draw, diagrams, level + 1);
  return diagrams.node(
    level,
    fallback,
    values,
    values.map(() => drawn(draw, diagrams, level + 1)),
  );
}

describe('diagrams', () => {
  test(`joined many at once are those joined one by one, ${CASES} lists from seed ${SEED}`, () => {
    const draw = new Draw(SEED);
    for (let run = 0; run < CASES; run += 1) {
      const diagrams = new Diagrams(1_000_000);
      const nodes = Array.from({ length: draw.integer(7) }, () => drawn(draw, diagrams));
      const some = nodes.reduce((left, right) => diagrams.or(left, right), diagrams.never);
      const all = nodes.reduce((left, right) => diagrams.and(left, right), diagrams.always);
      expect([diagrams.some(nodes), diagrams.all(nodes)], `list ${run} of seed ${SEED}`).toEqual([some, all]);
      const [one = diagrams.never, two = diagrams.never] = nodes;
      expect(diagrams.minus(one, two), `list ${run} of seed ${SEED}`).toBe(diagrams.and(one, diagrams.not(two)));
    }
  });
});
