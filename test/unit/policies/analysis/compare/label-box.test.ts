import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { selects } from '#policies/analysis/attachment.ts';
import { requirementsOf, tryPickLabels } from '#policies/analysis/compare/label-box.ts';
import type { LabelSelector, Labels } from '#policies/language/mesh.ts';

const SEED = 20_261_127;
const expression = fc.record({
  key: fc.constantFrom('k', 'l'),
  operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist' as const),
  values: fc.subarray(['a', 'b'], { minLength: 1 }),
});
const selector: fc.Arbitrary<LabelSelector> = fc.record({
  labels: fc.constantFrom<Labels>({}, { k: 'a' }, { l: 'b' }),
  expressions: fc.array(expression, { maxLength: 3 }),
});

/** Every choice of labels that selectors of this world can tell apart. */
const VALUES = [undefined, 'a', 'b', 'any'];
const WORLD: readonly Labels[] = VALUES.flatMap((k) =>
  VALUES.map((l) => ({ ...(k === undefined ? {} : { k }), ...(l === undefined ? {} : { l }) })),
);

describe('labels that requirements ask for and other selectors miss', () => {
  test('are found exactly where there are any', () => {
    fc.assert(
      fc.property(selector, fc.array(selector, { maxLength: 2 }), (wanted, avoided) => {
        const fits = (labels: Labels) => selects(wanted, labels) && !avoided.some((each) => selects(each, labels));
        const picked = tryPickLabels(requirementsOf(wanted), avoided);
        expect(picked !== undefined).toBe(WORLD.some(fits));
        if (picked !== undefined) expect(fits(picked)).toBe(true);
      }),
      { seed: SEED, numRuns: 5000 },
    );
  });

  test('a first value that is excluded again does not hide the second', () => {
    const both = { key: 'k', operator: 'In' as const, values: ['a', 'b'] };
    expect(tryPickLabels([both, { key: 'k', operator: 'NotIn', values: ['a'] }])).toEqual({ k: 'b' });
  });
});
