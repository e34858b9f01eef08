import { describe, expect, test } from 'vitest';
import { readDocuments } from '#policies/language/document.ts';

const read = (text: string) => readDocuments('a.yaml', text);
const object = 'apiVersion: v1\nkind: X\n';

describe('readDocuments', () => {
  test('objects of a text come in order, empty documents are skipped', () => {
    const { documents, problems } = read(
      `# head\n---\n${object}a: 1\n---\n---\n# only a comment\n---\n${object}a: 2\n...\n`,
    );
    expect(problems).toEqual([]);
    expect(documents.map(({ value }) => value)).toEqual([
      { apiVersion: 'v1', kind: 'X', a: 1 },
      { apiVersion: 'v1', kind: 'X', a: 2 },
    ]);
    expect(documents.map(({ index }) => index)).toEqual([0, 1]);
  });

  test('JSON is read too', () => {
    const { documents } = read('{"apiVersion": "v1", "kind": "X", "a": [true, null, 1.5]}');
    expect(documents.map(({ value }) => value)).toEqual([{ apiVersion: 'v1', kind: 'X', a: [true, null, 1.5] }]);
  });

  test('an empty text holds nothing and is no fault', () => {
    expect(read('')).toEqual({ documents: [], problems: [] });
    expect(read('\uFEFF# nothing\n')).toEqual({ documents: [], problems: [] });
  });

  test.for([
    ['yes', true],
    ['Off', false],
    ['y', 'y'],
    ['n', 'n'],
    ['~', null],
    ['0777', 511],
    ['0o17', 15],
    ['0x1F', 31],
    ['0b11', 3],
    ['-0x10', -16],
    ['1_000', 1000],
    ['08', 8],
    ['1e3', 1000],
    ['.5', 0.5],
    ['12:30:45', '12:30:45'],
    ['2001-01-01', '2001-01-01'],
    ['1.2.3', '1.2.3'],
    ['"0777"', '0777'],
    ['-', null],
  ] as const)('the scalar %s reads as %o, as kubectl reads it', ([scalar, value]) => {
    const { documents } = read(`${object}a: ${scalar === '-' ? '' : scalar}\n`);
    expect(documents.map((document) => document.value)).toEqual([{ apiVersion: 'v1', kind: 'X', a: value }]);
  });

  test('items of a list are documents of their own, with lines of their own', () => {
    const text =
      'apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: A\n    metadata:\n      name: a\n  - apiVersion: v1\n    kind: B\n';
    const { documents, problems } = read(text);
    expect(problems).toEqual([]);
    expect(documents.map(({ value }) => value)).toEqual([
      { apiVersion: 'v1', kind: 'A', metadata: { name: 'a' } },
      { apiVersion: 'v1', kind: 'B' },
    ]);
    expect(documents.map((document) => [document.lineOf([]), document.lineOf(['metadata', 'name'])])).toEqual([
      [4, 7],
      [8, 8],
    ]);
  });

  test('items of a typed list inherit kind and version', () => {
    const { documents } = read('apiVersion: v1\nkind: ServiceList\nitems: [{metadata: {name: a}}]\n');
    expect(documents.map(({ value }) => value)).toEqual([
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' } },
    ]);
  });

  test('a key may be merged and overridden', () => {
    const { documents, problems } = read(`${object}base: &b {x: 1, y: 2}\nspec: {<<: *b, x: 3}\n`);
    expect(problems).toEqual([]);
    expect(documents[0]?.value).toMatchObject({ spec: { x: 3, y: 2 } });
  });
});

describe('lines', () => {
  const text = `---\n${object}spec:\n  rules:\n    - from:\n        - source:\n            principals: [a,\n              b]\n    - to: []\n  "a.b": 1\n`;
  const [document] = read(text).documents;

  test.for([
    [[], 2],
    [['kind'], 3],
    [['spec'], 4],
    [['spec', 'rules'], 5],
    [['spec', 'rules', 0], 6],
    [['spec', 'rules', 0, 'from', 0, 'source', 'principals'], 8],
    [['spec', 'rules', 0, 'from', 0, 'source', 'principals', 1], 9],
    [['spec', 'rules', 1, 'to'], 10],
    [['spec', 'a.b'], 11],
    [['spec', 'rules', 0, 'from', 0, 'source', 'absent'], 7],
    [['spec', 'rules', 7], 5],
    [['absent', 'deeper'], 2],
  ] as const)('%j stands on line %i', ([path, line]) => {
    expect(document?.lineOf(path)).toBe(line);
  });

  test('Windows line ends count once', () => {
    const windows = read(text.replaceAll('\n', '\r\n')).documents[0];
    expect(windows?.lineOf(['spec', 'rules', 1])).toBe(10);
  });
});

describe('faults of a text', () => {
  const faults = (text: string) => read(text).problems.map(({ code, at }) => `${code} ${at.path}:${at.line}`);

  test.for([
    ['a list', '- 1\n', ['document/not-an-object :1']],
    ['a scalar', 'hello\n', ['document/not-an-object :1']],
    ['no kind', 'apiVersion: v1\n', ['document/no-kind kind:1']],
    ['neither', 'a: 1\n', ['document/no-api-version apiVersion:1', 'document/no-kind kind:1']],
    ['kind as a number', 'apiVersion: v1\nkind: 3\n', ['document/no-kind kind:2']],
    [
      'item without kind',
      'apiVersion: v1\nkind: List\nitems: [{apiVersion: v1}]\n',
      ['document/no-kind items[0].kind:3'],
    ],
    ['item that is no object', 'apiVersion: v1\nkind: List\nitems: [3]\n', ['document/not-an-object items[0]:3']],
    ['a key twice', `${object}a: 1\nb: {c: 1, c: 2}\na: 2\n`, ['yaml/duplicate-key b.c:4', 'yaml/duplicate-key a:5']],
    ['a null key', `${object}~: 1\n`, ['yaml/syntax :3']],
    ['a list as a key', `---\n${object}? [a]\n: 1\n`, ['yaml/syntax :2']],
    ['an unknown alias', `${object}a: *b\n`, ['yaml/syntax :3']],
    ['an unknown tag', `${object}a: !!js/function x\n`, ['yaml/syntax :3']],
    ['a tab as indent', `${object}a:\n\tb: 1\n`, ['yaml/syntax :4']],
    ['an open bracket', `${object}a: [1\n`, ['yaml/syntax :4']],
    ['a null byte', `${object}a: \0\n`, ['yaml/syntax :3']],
    ['an alias of itself', `${object}a: &a\n  b: *a\n`, ['yaml/recursive-alias :1']],
    ['deep nesting', `${object}a: ${'['.repeat(200)}${']'.repeat(200)}\n`, ['yaml/syntax :3']],
  ] as const)('%s is located', ([, text, expected]) => {
    expect(faults(text)).toEqual(expected);
  });

  test('a bomb of aliases is refused at once', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const inner = level === 0 ? 'x' : `*l${level - 1}`;
      return `l${level}: &l${level} [${Array.from({ length: 10 }, () => inner).join(', ')}]\n`;
    });
    expect(faults(`${object}${levels.join('')}`)).toEqual(['yaml/alias-bomb :1']);
  });

  test.for([['ascending'], ['descending']] as const)(
    'a chain of aliases, %s, does not exhaust the stack',
    ([order]) => {
      const links = Array.from({ length: 20_000 }, (_, link) => {
        const key = order === 'ascending' ? link : 20_000 - link;
        return `${key}: &l${link} {x: ${link === 0 ? 1 : `*l${link - 1}`}}\n`;
      });
      expect(faults(`${object}${links.join('')}`)).toEqual(['yaml/alias-bomb :1']);
    },
  );

  test('one broken document does not hide the others', () => {
    const text = `${object}a: 1\n---\na: [1\n---\n${object}a: 2\n--- # comment\nkind: [\n`;
    const { documents, problems } = read(text);
    expect(documents.map((document) => [document.value, document.lineOf(['a'])])).toEqual([
      [{ apiVersion: 'v1', kind: 'X', a: 1 }, 3],
      [{ apiVersion: 'v1', kind: 'X', a: 2 }, 9],
    ]);
    expect(problems.map(({ code, at }) => [code, at.line])).toEqual([
      ['yaml/syntax', 6],
      ['yaml/syntax', 12],
    ]);
  });
});
