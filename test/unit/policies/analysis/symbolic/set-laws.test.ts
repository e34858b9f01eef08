import { describe, expect, test } from 'vitest';
import { acceptsPath, acceptsPeer } from '#policies/analysis/matching.ts';
import { BudgetExceeded, Diagrams, type Node } from '#policies/analysis/symbolic/diagram.ts';
import { type AtomicTest, all, type Formula, holds, not, some } from '#policies/analysis/symbolic/formula.ts';
import { Universe } from '#policies/analysis/symbolic/universe.ts';
import { contains, pathDomain } from '#policies/analysis/symbolic/word-domain.ts';
import { parseMesh } from '#policies/language/parse.ts';
import {
  parseNamespace,
  parsePath,
  parsePrincipal,
  parseServiceAccount,
  parseTrustDomain,
} from '#policies/language/parse-pattern.ts';
import { Draw } from '../../../../support/draw.ts';

const SEED = 20_261_125;
/** `MESHWRIGHT_LONG=100` makes the run a hundred times as long. */
const LONG = Number(process.env['MESHWRIGHT_LONG'] ?? 1);
const PAIRS = 100_000 * LONG;
const PATTERN_SETS = 1500 * LONG;

const mesh = parseMesh([]);
const config = mesh.ok ? mesh.value.config : undefined;
if (config === undefined) throw new Error('an empty mesh has settings');

const newUniverse = (formulas: readonly Formula[], normalization: typeof config.pathNormalization = 'BASE') =>
  new Universe(formulas, {
    config: { ...config, pathNormalization: normalization },
    headers: 'individual',
    peers: 'single',
    identities: [],
  });

/** A closed world of three variables with four, three and two values: 24 points. */
const SIZES = [4, 3, 2];
const POINTS = Array.from({ length: 24 }, (_, point) => [point % 4, Math.floor(point / 4) % 3, Math.floor(point / 12)]);

interface Drawn {
  readonly node: Node;
  readonly truth: (point: readonly number[]) => boolean;
}

function drawn(draw: Draw, diagrams: Diagrams, depth: number): Drawn {
  if (depth === 0 || draw.chance(0.25)) {
    const level = draw.integer(3);
    const value = draw.integer(SIZES[level] ?? 1);
    const others = Array.from({ length: (SIZES[level] ?? 1) - 1 }, (_, index) => index + 1);
    const node =
      value === 0
        ? diagrams.node(
            level,
            diagrams.always,
            others,
            others.map(() => diagrams.never),
          )
        : diagrams.node(level, diagrams.never, [value], [diagrams.always]);
    return { node, truth: (point) => point[level] === value };
  }
  const left = drawn(draw, diagrams, depth - 1);
  if (draw.chance(0.2)) return { node: diagrams.not(left.node), truth: (point) => !left.truth(point) };
  const right = drawn(draw, diagrams, depth - 1);
  return draw.chance(0.5)
    ? { node: diagrams.and(left.node, right.node), truth: (point) => left.truth(point) && right.truth(point) }
    : { node: diagrams.or(left.node, right.node), truth: (point) => left.truth(point) || right.truth(point) };
}

describe('diagrams on a closed world', () => {
  test(`equal ${PAIRS} pairs of random policy sets by brute force: values, equality, implication, disjointness, from seed ${SEED}`, () => {
    const draw = new Draw(SEED);
    let wrong = 0;
    let diagrams = new Diagrams(1_000_000);
    for (let pair = 0; pair < PAIRS; pair += 1) {
      if (diagrams.size > 50_000) diagrams = new Diagrams(1_000_000);
      const one = drawn(draw, diagrams, 4);
      const two = drawn(draw, diagrams, 4);
      const rows = POINTS.map((point) => ({ point, one: one.truth(point), two: two.truth(point) }));
      const agrees = rows.every((row) => diagrams.evaluate(one.node, (level) => row.point[level] ?? 0) === row.one);
      const equal = rows.every((row) => row.one === row.two);
      const implies = rows.every((row) => !row.one || row.two);
      const disjoint = rows.every((row) => !(row.one && row.two));
      const { never } = diagrams;
      if (!agrees || equal !== (one.node === two.node)) wrong += 1;
      if (implies !== (diagrams.minus(one.node, two.node) === never)) wrong += 1;
      if (disjoint !== (diagrams.and(one.node, two.node) === never)) wrong += 1;
    }
    expect(wrong).toBe(0);
  });

  test('keep the laws of sets as identities of nodes', () => {
    const draw = new Draw(SEED + 1);
    const diagrams = new Diagrams(1_000_000);
    const { and, or, xor } = {
      and: diagrams.and.bind(diagrams),
      or: diagrams.or.bind(diagrams),
      xor: diagrams.xor.bind(diagrams),
    };
    for (let round = 0; round < 2000; round += 1) {
      const [a, b, c] = [0, 1, 2].map(() => drawn(draw, diagrams, 3).node) as [Node, Node, Node];
      const laws: readonly (readonly [string, Node, Node])[] = [
        ['commutes', and(a, b), and(b, a)],
        ['associates', or(a, or(b, c)), or(or(a, b), c)],
        ['distributes', and(a, or(b, c)), or(and(a, b), and(a, c))],
        ['absorbs', or(a, and(a, b)), a],
        ['de Morgan', diagrams.not(and(a, b)), or(diagrams.not(a), diagrams.not(b))],
        ['double complement', diagrams.not(diagrams.not(a)), a],
        ['excluded middle', or(a, diagrams.not(a)), diagrams.always],
        ['contradiction', and(a, diagrams.not(a)), diagrams.never],
        ['difference', xor(a, b), or(diagrams.minus(a, b), diagrams.minus(b, a))],
        [
          'restriction',
          diagrams.restrict(and(a, b), 1, 2),
          and(diagrams.restrict(a, 1, 2), diagrams.restrict(b, 1, 2)),
        ],
      ];
      expect(laws.filter(([, left, right]) => left !== right).map(([law]) => law)).toEqual([]);
    }
  });

  test('end beyond the budget instead of going on', () => {
    const diagrams = new Diagrams(20);
    const grow = () => {
      for (let level = 0; level < 30; level += 1) diagrams.node(level, diagrams.never, [1], [diagrams.always]);
    };
    expect(grow).toThrow(BudgetExceeded);
  });
});

/** Every word over few letters up to a length. */
function words(letters: string, length: number, start: string): readonly string[] {
  const found = [start];
  for (let from = 0; from < found.length; from += 1) {
    const word = found[from] ?? '';
    if (word.length - start.length < length) for (const letter of letters) found.push(word + letter);
  }
  return found;
}

const PATH_TEXTS = [
  '/',
  '/a',
  '/ab',
  '/a*',
  '/a/*',
  '*b',
  '*/b',
  '*a',
  '/{*}',
  '/a/{*}',
  '/{**}/b',
  '/a/{**}',
  '*',
  '/b/a',
  '//',
  '/a//b',
];
const MODES = ['NONE', 'BASE', 'MERGE_SLASHES'] as const;

/** Draws a formula over some tests. */
function formula(draw: Draw, tests: readonly AtomicTest[]): Formula {
  const parts = draw.some(tests, 3).map((each) => (draw.chance(0.3) ? not(holds(each)) : holds(each)));
  return draw.chance(0.5) ? all(parts) : some(parts);
}

describe('atoms of words', () => {
  const paths = MODES.map((mode) => ({
    mode,
    all: words('ab/.', 5, '/').filter((path) => contains(pathDomain(mode, 'none'), path)),
  }));

  test(`agree with every path of up to six letters under ${PATTERN_SETS} random pairs of path sets, from seed ${SEED}`, () => {
    const draw = new Draw(SEED + 2);
    for (let set = 0; set < PATTERN_SETS; set += 1) {
      const { mode, all: known } = draw.of(paths);
      const texts = draw.chance(0.5) ? PATH_TEXTS.filter((text) => !text.includes('{')) : PATH_TEXTS;
      const tests = draw.some(texts, 5).map((text): AtomicTest => ({ on: 'path', pattern: parsePath(text) }));
      const universe = newUniverse(tests.map(holds), mode);
      const [attribute] = universe.attributes;
      if (attribute?.kind !== 'word') throw new Error('no attribute');
      const nodes = tests.map((each) => universe.node(holds(each)));
      for (let sample = 0; sample < 60; sample += 1) {
        const path = draw.of(known);
        const atoms = attribute.variable.encode(path);
        tests.forEach((each, index) => {
          const expected = each.on === 'path' && acceptsPath(each.pattern, path);
          const found = universe.diagrams.evaluate(nodes[index] ?? 0, (level) => atoms[level] ?? 0);
          if (found !== expected) throw new Error(`set ${set}, ${mode}: ${JSON.stringify(each)} on ${path}: ${found}`);
        });
      }
      const one = formula(draw, tests);
      const two = formula(draw, tests);
      const differ = known.some((path) => truth(one, path) !== truth(two, path));
      if (differ) expect(universe.node(one), `set ${set}`).not.toBe(universe.node(two));
    }
    expect(paths.every(({ all: known }) => known.length > 100)).toBe(true);
  });

  test('call equal what is equal in other words', () => {
    const path = (text: string) => holds({ on: 'path', pattern: parsePath(text) });
    const same: readonly (readonly [Formula, Formula])[] = [
      [some([path('/a*'), path('/ab*')]), path('/a*')],
      [all([path('/a*'), path('/ab*')]), path('/ab*')],
      [all([path('/a/{*}'), path('/a/*')]), path('/a/{*}')],
      [some([path('/{*}'), path('/{**}')]), path('/{**}')],
      [all([path('/a'), path('*b')]), all([path('/b'), path('*a')])],
    ];
    const universe = newUniverse(same.flat());
    expect(same.map(([one, two]) => universe.node(one) === universe.node(two))).toEqual(same.map(() => true));
  });

  test(`of peers agree with the concrete tests on identities in and around the patterns, from seed ${SEED}`, () => {
    const draw = new Draw(SEED + 3);
    const parts = {
      domain: ['td', 'td2', 'x.td', ''],
      namespace: ['a', 'ab', 'b', 'a.b'],
      account: ['s', 'ss', 't/s', ''],
    };
    const pattern = () =>
      draw.of([
        () => parsePrincipal(`${draw.of(parts.domain)}/ns/${draw.of(parts.namespace)}/sa/${draw.of(parts.account)}`),
        () => parsePrincipal(`${draw.of(parts.domain)}*`),
        () => parsePrincipal(`*/sa/${draw.of(parts.account)}`),
        () => parseNamespace(draw.of(['a', 'a*', '*b', '*', 'a*b'])),
        () => parseServiceAccount(draw.of(['a/s', 's', 'ab/ss']), 'a'),
        () => parseTrustDomain(draw.of(['td', 't*', '*d', '*'])),
      ])();
    let compared = 0;
    for (let set = 0; set < 400 * LONG; set += 1) {
      const patterns = (most: number) => Array.from({ length: 1 + draw.integer(most) }, pattern);
      const tests: (AtomicTest & { readonly on: 'peer' | 'peers' })[] = patterns(5).map((each) => ({
        on: 'peer',
        pattern: each,
      }));
      if (draw.chance(0.5)) tests.push({ on: 'peers', patterns: patterns(8) });
      const universe = newUniverse(tests.map(holds));
      const [attribute] = universe.attributes;
      if (attribute?.kind !== 'word') throw new Error('no attribute');
      for (let sample = 0; sample < 40; sample += 1) {
        const identity = `${draw.of(['spiffe://', 'spiffe:/', ''])}${draw.of(parts.domain)}/ns/${draw.of(parts.namespace)}/${draw.of(['sa/', 'x/sa/', ''])}${draw.of(parts.account)}${draw.of(['', '/', '/x'])}`;
        const atoms = attribute.variable.encode(identity);
        for (const each of tests) {
          const found = universe.diagrams.evaluate(universe.node(holds(each)), (level) => atoms[level] ?? 0);
          const asked = each.on === 'peer' ? [each.pattern] : each.patterns;
          if (found !== asked.some((known) => acceptsPeer(known, identity)))
            throw new Error(`set ${set}: ${JSON.stringify(each)} on ${identity}: ${found}`);
          compared += 1;
        }
      }
    }
    expect(compared).toBeGreaterThan(16_000);
  });
});

function truth(of: Formula, path: string): boolean {
  switch (of.kind) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'not':
      return !truth(of.part, path);
    case 'all':
      return of.parts.every((part) => truth(part, path));
    case 'some':
      return of.parts.some((part) => truth(part, path));
    case 'test':
      return of.test.on === 'path' && acceptsPath(of.test.pattern, path);
  }
}
