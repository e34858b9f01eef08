import { loadAll } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { NOT_PLAIN, tryReadPlain } from '#policies/language/plain-yaml.ts';
import { isSurelyText, KUBECTL_SCHEMA } from '#policies/language/scalar.ts';
import { newFleet } from '../../../bench/fleet.ts';
import { Draw } from '../../../support/draw.ts';
import { documentsOf, synthesized } from '../../../support/synthesized.ts';

const SEED = Number(process.env['SEED'] ?? 3);

const read = (text: string) => tryReadPlain(text, { from: 0, to: text.length });

/** What js-yaml reads: its one document, or that there is none. */
function byLibrary(text: string): unknown {
  try {
    const documents = loadAll(text, { schema: KUBECTL_SCHEMA, maxDepth: 100 });
    return documents.length === 1 ? documents[0] : NOT_PLAIN;
  } catch {
    return NOT_PLAIN;
  }
}

/** A plain reading is the library's, down to the order of keys; returns whether the text was plain. */
function agrees(text: string): boolean {
  const plain = read(text);
  if (plain === NOT_PLAIN) return false;
  const known = byLibrary(text);
  expect(known, text).not.toBe(NOT_PLAIN);
  expect(plain, text).toEqual(known);
  expect(JSON.stringify(plain), text).toBe(JSON.stringify(known));
  return true;
}

const KEYS = [
  'a',
  'kind',
  'app.kubernetes.io/name',
  'x-y_z',
  'on',
  'null',
  'y',
  '1',
  '__proto__',
  'constructor',
  '"q"',
];
const WORDS = [
  'word',
  'two words',
  'v1',
  'a:b',
  'a#b',
  'b # c',
  'fleet.local/ns/n3/sa/x',
  '/s/A',
  '-1',
  '-x',
  '--flag',
  '- x',
  '0x1F',
  '0777',
  '1e3',
  '.5',
  '.inf',
  '~',
  'null',
  'Null',
  'yes',
  'Off',
  'true',
  'y',
  '1_000',
  '12:30',
  '2026-11-27',
  '+1',
  '<<',
  "'q'",
  "'it''s'",
  '"d"',
  '"a\\nb"',
  '"\\u0041"',
  "'a # b'",
  '"a: b"',
  '[]',
  '{}',
  '[a, b]',
  '{a: b}',
  '*',
  '*a',
  '&a b',
  '!t v',
  '| ',
  '>',
  '%x',
  '@x',
  '`x',
  '?',
  '? x',
  ':',
  ':x',
  '=',
  'é',
  '',
  ' ',
  '#c',
  '(a)',
  '$(A)',
  '~x',
  'a\tb',
  '---',
  '...',
];
const SPACES = ['', '', '', ' ', '  ', ' # comment', '#', '\t', '\r'];

/** What a document is made of: of everything, or of what is mostly plain. */
const ALL = { keys: KEYS, words: WORDS, spaces: SPACES };
const TAME = { keys: KEYS.slice(0, 4), words: [...WORDS.slice(0, 24), ''], spaces: SPACES.slice(0, 6) };

/** Lines of a node, mostly well formed. */
function node(draw: Draw, depth: number, indent: string, of = TAME): string {
  const deeper = `${indent}${draw.of(['  ', '  ', ' ', '    ', ''])}`;
  const rest = () => draw.of(of.spaces);
  const value = () =>
    depth > 0 && draw.chance(0.5)
      ? `${rest()}\n${node(draw, depth - 1, deeper, of)}`
      : ` ${draw.of(of.words)}${rest()}\n`;
  const blank = () => draw.of(['', '', '', '\n', '  # x\n', '# y\n', `${indent}  \n`]);
  const items = Array.from({ length: 1 + draw.integer(3) }, (_, at) => `${at}`);
  if (draw.chance(0.35)) {
    const item = () =>
      draw.chance(0.4)
        ? ` ${draw.of(of.keys)}:${value()}${draw.chance(0.7) ? `${indent}  ${draw.of(of.keys)}:${value()}` : ''}`
        : value();
    return items.map(() => `${blank()}${indent}-${item()}`).join('');
  }
  return items.map((at) => `${blank()}${indent}${draw.of(of.keys)}${draw.chance(0.6) ? at : ''}:${value()}`).join('');
}

const CHARACTERS = [
  '\n',
  ' ',
  '  ',
  '\n  ',
  '- ',
  ': ',
  ':',
  '#',
  ' #',
  "'",
  '"',
  '\\',
  '[',
  '{',
  '|',
  '&',
  '*',
  '!',
  '\t',
  '\r',
  '-',
  '0',
];

function mutated(draw: Draw, text: string): string {
  const [from, length] = [draw.integer(text.length + 1), draw.integer(3)];
  return `${text.slice(0, from)}${draw.chance(0.7) ? draw.of(CHARACTERS) : ''}${text.slice(from + length)}`;
}

describe('plain YAML', () => {
  test(`is read as js-yaml reads it, or left to js-yaml (seed ${SEED})`, { timeout: 600_000 }, () => {
    const draw = new Draw(SEED);
    let plain = 0;
    for (let round = 0; round < 30_000; round += 1) {
      const text = `${draw.of(['', '', '---\n', '--- # x\n', '--- '])}${node(draw, 3, draw.of(['', '', '', '  ']), draw.of([ALL, TAME]))}`;
      if (agrees(draw.chance(0.5) ? text : mutated(draw, text))) plain += 1;
    }
    expect(plain).toBeGreaterThan(2000);
  });

  test(`is read alike in manifests, also in broken ones (seed ${SEED})`, { timeout: 600_000 }, async () => {
    const draw = new Draw(SEED);
    const ours = [...(await synthesized('kind')).values()];
    const texts = [...ours, newFleet(20, 1).yaml].flatMap((text) => text.split(/^---$/m));
    let plain = 0;
    for (let round = 0; round < 10_000; round += 1) {
      const text = draw.of(texts);
      if (agrees(draw.chance(0.1) ? text : mutated(draw, mutated(draw, text)))) plain += 1;
    }
    expect(plain).toBeGreaterThan(2000);
  });

  test(`is surely text only where the schema reads text (seed ${SEED})`, () => {
    const draw = new Draw(SEED);
    const meaningful = [
      'true',
      'False',
      'FALSE',
      'null',
      'Null',
      'yes',
      'Off',
      'on',
      '~',
      '0x1f',
      '-1',
      '+.inf',
      '.nan',
      '1_0',
    ];
    const letters = [...'ynNYtTfFoO-+.0129xXeE_ab'];
    const drawn = () => Array.from({ length: 1 + draw.integer(7) }, () => draw.of(letters)).join('');
    const words = [...WORDS, ...meaningful, ...Array.from({ length: 100_000 }, drawn)];
    const text = words.filter(isSurelyText);
    expect(text.length).toBeGreaterThan(words.length / 20);
    expect(text.filter((word) => KUBECTL_SCHEMA.resolveImplicitScalarTag(word).value !== word)).toEqual([]);
  });

  test('are the manifests that this repository writes, all but a few', async () => {
    const documents = documentsOf(await synthesized('kind'));
    const texts = [...(await synthesized('kind')).values()].flatMap((text) => text.split(/^---$/m));
    const plain = texts.filter((text) => read(text) !== NOT_PLAIN);
    expect(plain.length).toBeGreaterThan(documents.length / 2);
  });

  test.for([
    ['folded text', 'a: b\n  c\n'],
    ['a key that stands twice', 'a: 1\na: 2\n'],
    ['a key that is no text', 'on: 1\n'],
    ['a tab', 'a:\tb\n'],
    ['a tag', 'a: !!str 1\n'],
    ['an escape', 'a: "\\n"\n'],
    ['text beyond ASCII', 'a: é\n'],
    ['a list in a list', '- - a\n'],
    ['a lone word', 'word\n'],
    ['nothing', '# nothing\n'],
    ['indentation that falls back', 'a:\n    b: 1\n  c: 2\n'],
  ] as const)('does not hold %s', ([, text]) => {
    expect(read(text)).toBe(NOT_PLAIN);
  });
});
