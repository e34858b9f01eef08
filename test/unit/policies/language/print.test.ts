import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readDocuments } from '#policies/language/document.ts';
import { printYaml } from '#policies/language/print.ts';

const SEED = 20260523;

/** Strings that some YAML reader takes for something else, next to arbitrary ones. */
const treacherous = fc.oneof(
  fc.constantFrom(
    'yes',
    'No',
    'on',
    'OFF',
    'y',
    'N',
    '~',
    'null',
    '',
    ' ',
    '<<',
    '=',
    '-',
    '---',
    '...',
    '? a',
    '# c',
    '0B1',
    '0XFF',
  ),
  fc.constantFrom(
    '0777',
    '0o17',
    '08',
    '1e3',
    '1_000',
    '+1',
    '.5',
    '1.',
    '.inf',
    '-.INF',
    '.NaN',
    '0x1F',
    '12:30:45',
    '2001-01-01',
  ),
  fc.stringMatching(/^[-+.0-9_xXoObBeE:]{1,8}$/),
  fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  fc.stringMatching(/^[ \t\n\r#:{}&*!|>'"%@`a-]{0,12}$/),
);

const json = fc.letrec((tie) => ({
  leaf: fc.oneof(
    treacherous,
    fc.boolean(),
    fc.constant(null),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  ),
  list: fc.array(tie('node'), { maxLength: 5 }),
  mapping: fc.dictionary(treacherous, tie('node'), { maxKeys: 5, noNullPrototype: true }),
  node: fc.oneof({ depthSize: 'small' }, tie('leaf'), tie('list'), tie('mapping')),
})).node;

describe('printYaml', () => {
  test(`what is printed reads back equal (seed ${SEED})`, () => {
    const property = fc.property(json, (spec) => {
      const object = { apiVersion: 'v1', kind: 'X', spec };
      const { documents, problems } = readDocuments('x.yaml', printYaml(object));
      expect(problems).toEqual([]);
      expect(documents.map(({ value }) => value)).toStrictEqual([object]);
    });
    fc.assert(property, { seed: SEED, numRuns: 3000 });
  });

  test('the order of members in memory does not show', () => {
    const left = {
      spec: { b: 1, a: [{ d: 1, c: 2 }] },
      kind: 'X',
      metadata: { name: 'x' },
      data: {},
      apiVersion: 'v1',
    };
    const right = {
      apiVersion: 'v1',
      data: {},
      metadata: { name: 'x' },
      spec: { a: [{ c: 2, d: 1 }], b: 1 },
      kind: 'X',
    };
    expect(printYaml(left)).toBe(printYaml(right));
    expect(printYaml(left)).toBe(
      'apiVersion: v1\nkind: X\nmetadata:\n  name: x\nspec:\n  a:\n    - c: 2\n      d: 1\n  b: 1\ndata: {}\n',
    );
  });

  test('one value used twice is written twice, never anchored', () => {
    const labels = { app: 'risk' };
    expect(printYaml({ a: labels, b: labels })).toBe('a:\n  app: risk\nb:\n  app: risk\n');
  });

  test.for(['yes', 'on', '1e3', '0777', '2001-01-01', '12:30', '0x1f', '0B1', '~', ''])(
    'the string %o stays a string for every YAML reader',
    (text) => {
      expect(printYaml({ key: text })).toBe(`key: '${text}'\n`);
    },
  );

  test('a value that JSON cannot hold is refused', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => printYaml({ key: () => 1 })).toThrow();
    expect(() => printYaml({ key: cycle })).toThrow();
  });
});
