import { describe, expect, test } from 'vitest';
import { holdsLabels } from '#policies/analysis/attachment.ts';
import { perhapsSelecting } from '#policies/analysis/namespaced.ts';
import type { Labels } from '#policies/language/mesh.ts';
import { Draw } from '../../../support/draw.ts';

const SEED = 20_261_127;
const LISTS = 500;
const KEYS = ['app', 'tier', '__proto__', 'a=b', 'a'];
const VALUES = ['x', 'y', '', 'b=x', 'toString'];

const labelsOf = (draw: Draw): Labels =>
  Object.fromEntries(draw.list(3, () => [draw.of(KEYS), draw.of(VALUES)] as const));

describe('objects that may select', () => {
  test('may be more than a function takes arguments', () => {
    const objects = Array.from({ length: 300_000 }, () => ({ wanted: { app: 'x' } }));
    expect(perhapsSelecting(objects, { app: 'x' }, ({ wanted }) => wanted)).toHaveLength(objects.length);
  });

  test(`hold all that do, in their order, and few others, in ${LISTS} lists from seed ${SEED}`, () => {
    let [kept, all] = [0, 0];
    for (let seed = SEED; seed < SEED + LISTS; seed += 1) {
      const draw = new Draw(seed);
      const objects = Array.from({ length: draw.integer(60) }, () => ({ wanted: labelsOf(draw) }));
      for (let asked = 0; asked < 5; asked += 1) {
        const labels = labelsOf(draw);
        const found = perhapsSelecting(objects, labels, ({ wanted }) => wanted);
        const selecting = ({ wanted }: { readonly wanted: Labels }) => holdsLabels(labels, wanted);
        expect(found.filter(selecting), `seed ${seed}`).toEqual(objects.filter(selecting));
        kept += found.length;
        all += objects.length;
      }
    }
    expect(kept, 'most that do not select are left out').toBeLessThan(all * 0.7);
  });
});
