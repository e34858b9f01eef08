import { describe, expect, test } from 'vitest';
import { lineAt, lineStarts } from '#policies/language/position.ts';
import { Draw } from '../../../support/draw.ts';

const SEED = 20_261_127;
const TEXTS = 2000;

describe('lines of a text', () => {
  test(`begin behind each of the three breaks, in ${TEXTS} texts from seed ${SEED}`, () => {
    for (let seed = SEED; seed < SEED + TEXTS; seed += 1) {
      const draw = new Draw(seed);
      const breaks = draw.of([['\n'], ['\n', '\r\n'], ['\r'], ['\n', '\r', '\r\n']]);
      const lines = Array.from({ length: 1 + draw.integer(6) }, () => ({
        text: draw.of(['', 'a', 'bc ']),
        end: draw.of(breaks),
      }));
      const text = lines.map(({ text: own, end }) => own + end).join('');
      // a carriage return and a line feed that meet are one break, whoever wrote them
      const split = text.split(/\r\n|[\r\n]/);
      const starts = lineStarts(text);
      expect(starts, `seed ${seed}`).toHaveLength(split.length);
      for (const [index, start] of starts.entries()) {
        expect(text.startsWith(split[index] ?? '-', start), `seed ${seed}, line ${index + 1}`).toBe(true);
        expect(lineAt(starts, start), `seed ${seed}, line ${index + 1}`).toBe(index + 1);
      }
    }
  });
});
