import { describe, expect, test } from 'vitest';
import { MOST_TRIES, parseExpression } from '#policies/analysis/routing/expression.ts';
import { Draw } from '../../../../support/draw.ts';

const SEED = 20_261_127;
const EXPRESSIONS = 1000;

const expressionOf = (source: string) => {
  const found = parseExpression(source);
  if (found === undefined) throw new Error(`${source} is not read`);
  return found;
};

/** Steps that repeat often, so that a text of some dozen letters has more ways through them than are tried. */
function repeating(draw: Draw): string {
  const one = () => draw.of(['a', 'b', '[ab]', '[^a]', '.', '\\w', '(?:a|bc)']);
  const part = () =>
    draw.chance(0.75) ? `${draw.of(['a', 'b', '[ab]', '[^b]', '.', '\\w'])}${draw.of(['*', '+'])}` : one();
  return Array.from({ length: 7 + draw.integer(2) }, part).join('');
}

describe('an expression', () => {
  test.for([`${'a*'.repeat(60)}z`, `${'.*'.repeat(30)}z`, `${'a+'.repeat(40)}b|x`])(
    '%s is held against a long text in no time to speak of',
    (source) => {
      const expression = expressionOf(source);
      expect(expression.tries(5000)).toBeGreaterThan(MOST_TRIES);
      expect(expression.accepts('a'.repeat(5000))).toBe(false);
      expect(expression.accepts(`${'a'.repeat(5000)}${source.includes('z') ? 'z' : 'b'}`)).toBe(true);
    },
  );

  test(`of many repetitions is read as JavaScript reads it, in ${EXPRESSIONS} from seed ${SEED}`, () => {
    const counts = { accepted: 0, refused: 0 };
    for (let seed = SEED; seed < SEED + EXPRESSIONS; seed += 1) {
      const draw = new Draw(seed);
      const source = repeating(draw);
      const expression = parseExpression(source);
      const text = Array.from({ length: 24 + draw.integer(6) }, () =>
        draw.of(['a', 'a', 'a', 'a', 'b', 'b', 'c', '\n']),
      ).join('');
      if (expression === undefined || expression.tries(text.length) <= MOST_TRIES) continue;
      const is = new RegExp(`^(?:${source})$`, 's').test(text);
      if (expression.accepts(text) !== is) throw new Error(`seed ${seed}: ${source} on ${JSON.stringify(text)}`);
      counts[is ? 'accepted' : 'refused'] += 1;
    }
    expect(Math.min(counts.accepted, counts.refused)).toBeGreaterThan(EXPRESSIONS / 20);
  });
});
