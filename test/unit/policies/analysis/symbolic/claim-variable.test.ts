import { describe, expect, test } from 'vitest';
import { accepts } from '#policies/analysis/matching.ts';
import { type ClaimValue, ClaimVariable, claimKey } from '#policies/analysis/symbolic/claim-variable.ts';
import { Diagrams } from '#policies/analysis/symbolic/diagram.ts';
import type { AtomicTest } from '#policies/analysis/symbolic/formula.ts';
import { ANY_WORD, contains, SCALAR_WORD } from '#policies/analysis/symbolic/word-domain.ts';
import { tryWrittenText } from '#policies/analysis/token-headers.ts';
import type { Pattern } from '#policies/language/authorization.ts';
import { Draw } from '../../../../support/draw.ts';

const SEED = 20_261_127;
type ClaimTest = Extract<AtomicTest, { on: 'claim' }>;

const PATTERNS: readonly Pattern[] = [
  { kind: 'exact', value: 'a' },
  { kind: 'exact', value: 'a b' },
  { kind: 'exact', value: '7' },
  { kind: 'prefix', value: 'a' },
  { kind: 'prefix', value: 'b a' },
  { kind: 'suffix', value: 'b' },
  { kind: 'suffix', value: '.500000' },
  { kind: 'nonEmpty' },
];
const VALUES: readonly unknown[] = [
  ...['', 'a', 'b', 'ab', 'a b', 'b a', 'a  b', ' a', 'b ', 'c', '7', 'cab ac', 'true'],
  ...[7, 0, 1.5, -1.5, true, false, null, {}, 123_456],
  ...[[], ['a'], ['a b'], ['a', 'b'], [7], ['ca', 7, 'b']],
];

/** What a test says of a value, as the concrete evaluators do. */
function holdsOf({ as, pattern }: ClaimTest, value: unknown): boolean {
  if (as === 'written') {
    const text = tryWrittenText(value) ?? '';
    return text !== '' && accepts(pattern, text);
  }
  const words =
    typeof value === 'string' ? (as === 'words' ? value.split(' ') : [value]) : Array.isArray(value) ? value : [];
  return words.some((word) => typeof word === 'string' && accepts(pattern, word));
}

function claimValue(value: unknown): ClaimValue {
  if (typeof value === 'string') return { kind: 'text', text: value };
  if (Array.isArray(value)) return { kind: 'list', elements: value.filter((each) => typeof each === 'string') };
  const text = tryWrittenText(value);
  return text === undefined ? { kind: 'list', elements: [] } : { kind: 'scalar', text };
}

describe('a claim read in several ways', () => {
  test(`is what each reading says of every value, under 300 random sets of tests from seed ${SEED}`, () => {
    const draw = new Draw(SEED);
    let checked = 0;
    for (let round = 0; round < 300; round += 1) {
      const tests = draw
        .some(PATTERNS, 4)
        .map(
          (pattern): ClaimTest => ({ on: 'claim', path: ['c'], pattern, as: draw.of(['whole', 'words', 'written']) }),
        );
      const variable = new ClaimVariable('claim ["c"]', tests, {
        space: { domain: ANY_WORD, candidates: ['other'], absence: 'impossible' },
        forms: 'any',
      });
      const diagrams = new Diagrams(100_000);
      for (const each of tests) {
        const node = variable.node(diagrams, 0, claimKey(each));
        for (const value of VALUES) {
          const atoms = variable.encode(claimValue(value));
          const said = diagrams.evaluate(node, (level) => atoms[level] ?? 0);
          const again = variable.encode(variable.decode(atoms));
          if (said !== holdsOf(each, value) || again.join() !== atoms.join())
            throw new Error(`round ${round}: ${claimKey(each)} of ${JSON.stringify(value)}: ${said}`);
          checked += 1;
        }
      }
    }
    expect(checked).toBeGreaterThan(5000);
  });

  test('numbers and booleans are written as Envoy writes them', () => {
    const rows: readonly (readonly [unknown, string | undefined])[] = [
      [7, '7'],
      [1e15, '1000000000000000'],
      [2 ** 64, '18446744073709551616.000000'],
      [-7, '-7.000000'],
      [2.5, '2.500000'],
      [1e-7, '0.000000'],
      [true, 'true'],
      ['', ''],
      [['a'], undefined],
      [null, undefined],
    ];
    for (const [value, text] of rows) expect(tryWrittenText(value), JSON.stringify(value)).toBe(text);
  });

  test.for(['true', 'false', '0', '7', '10', '0.500000', '-0.000000', '-12.340000'])('%s is a scalar', (text) => {
    expect(contains(SCALAR_WORD, text)).toBe(true);
  });
  test.for(['', 'tru', 'truefalse', '07', '-7', '7.5', '1.0000000', '-', '.500000', '1234567890123456'])(
    '`%s` is none',
    (text) => {
      expect(contains(SCALAR_WORD, text)).toBe(false);
    },
  );
});
