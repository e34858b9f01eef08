import { describe, expect, test } from 'vitest';
import { type AtomicTest, all, type Formula, holds, NEVER, not, some } from '#policies/analysis/symbolic/formula.ts';
import { areWithin, Terms } from '#policies/analysis/symbolic/terms.ts';
import { Universe } from '#policies/analysis/symbolic/universe.ts';
import { DEFAULT_MESH_CONFIG } from '#policies/language/parse-mesh-config.ts';
import { Draw } from '../../../../support/draw.ts';

const SEED = 20_261_127;
const PAIRS = 20_000;

const exact = (value: string) => ({ kind: 'exact', value }) as const;
const peer = (value: string) => holds({ on: 'peer', pattern: { kind: 'principal', pattern: exact(value) } });
const handshake = (value: string) =>
  holds({ on: 'uri', pattern: { kind: 'principal', pattern: { kind: 'prefix', value } } });
const method = (value: string) => holds({ on: 'method', pattern: exact(value) });
const path = (value: string) => holds({ on: 'path', pattern: exact(value) });

const WORDS = [
  ...['spiffe://td/a', 'spiffe://td/b', 'spiffe://elsewhere/a'].map(peer),
  ...['GET', 'POST'].map(method),
  ...['/a', '/b'].map(path),
];
const CONDITIONS: readonly Formula[] = [
  handshake('spiffe://td/'),
  handshake('spiffe://elsewhere/'),
  holds({ on: 'bytes', is: 'http' }),
  holds({ on: 'acceptedPath' }),
  holds({ on: 'certificate' }),
  holds({ on: 'token', is: 'present' }),
];

function drawn(draw: Draw, depth: number): Formula {
  if (depth === 0 || draw.chance(0.1))
    return draw.chance(0.7) ? draw.of(WORDS) : draw.chance(0.7) ? draw.of(CONDITIONS) : not(draw.of(CONDITIONS));
  const parts = [drawn(draw, depth - 1), ...draw.list(2, () => drawn(draw, depth - 1))];
  return draw.chance(0.5) ? all(parts) : some(parts);
}

/** The formula, some part of it set aside or narrowed: what is within it, or nearly. */
function near(draw: Draw, formula: Formula): Formula {
  if (formula.kind === 'all') return all([...formula.parts, ...(draw.chance(0.5) ? [draw.of(CONDITIONS)] : [])]);
  if (formula.kind !== 'some') return formula;
  const parts = formula.parts.map((part) => near(draw, part));
  return some(draw.chance(0.5) ? parts.slice(1) : parts);
}

function isWithin(left: Formula, right: Formula, peers: 'single' | 'sets'): boolean {
  const universe = new Universe([left, right, holds({ on: 'certificate' })], {
    config: DEFAULT_MESH_CONFIG,
    headers: 'individual',
    peers,
    identities: [],
  });
  const { diagrams } = universe;
  return diagrams.minus(universe.node(left), universe.node(right)) === diagrams.never;
}

describe('terms', () => {
  test(`show no more than diagrams do, in ${PAIRS} pairs of formulas from seed ${SEED}`, { timeout: 180_000 }, () => {
    const counts = { shown: 0, notShown: 0, byOneIdentity: 0, none: 0 };
    for (let seed = SEED; seed < SEED + PAIRS; seed += 1) {
      const draw = new Draw(seed);
      const asked = drawn(draw, 3);
      const left = draw.chance(0.6) ? near(draw, asked) : drawn(draw, 3);
      const right = draw.chance(0.3) ? all([handshake('spiffe://td/'), asked]) : asked;
      const terms = new Terms();
      const [inner, outer] = [terms.of(left), terms.of(right)];
      if (inner === null || outer === null) {
        counts.none += 1;
        continue;
      }
      const isShown = areWithin(inner, outer);
      if (isShown && !isWithin(left, right, 'sets'))
        throw new Error(`seed ${seed}: shown of certificates with any SANs`);
      const isShownOfOne = areWithin(inner, outer, terms.conditionsMet());
      if (isShownOfOne && !isWithin(left, right, 'single')) throw new Error(`seed ${seed}: shown of one identity`);
      if (isShown) counts.shown += 1;
      else if (isShownOfOne) counts.byOneIdentity += 1;
      else if (isWithin(left, right, 'single')) counts.notShown += 1;
    }
    expect(counts.none).toBeLessThan(PAIRS / 2);
    expect(counts.shown).toBeGreaterThan(PAIRS / 5);
    expect(counts.byOneIdentity).toBeGreaterThan(20);
    expect(counts.notShown, 'what terms cannot show is there, so that more would be seen').toBeGreaterThan(20);
  });

  const beyond: readonly AtomicTest[] = [
    { on: 'path', pattern: { kind: 'prefix', value: '/a' } },
    { on: 'method', pattern: { kind: 'present' } },
    { on: 'peer', pattern: { kind: 'anyTrustDomain' } },
    { on: 'peer', pattern: { kind: 'principal', pattern: { kind: 'exact', value: '' } } },
    { on: 'header', name: 'x', pattern: exact('y') },
    { on: 'undecided', because: 'nobody knows' },
  ];
  test.for(beyond)('are not made of $on $pattern', (of) => {
    const terms = new Terms();
    expect(terms.of(all([peer('spiffe://td/a'), some([path('/a'), { kind: 'test', test: of }])]))).toBeNull();
    expect(terms.of(not(all([path('/a'), path('/b')]))), 'nor of what is negated as a whole').toBeNull();
  });

  test('of two paths are none, of two peers not made: a certificate may hold both', () => {
    const terms = new Terms();
    expect(terms.of(all([peer('spiffe://td/a'), peer('spiffe://td/b')]))).toBeNull();
    expect(terms.of(all([path('/a'), path('/b')]))).toEqual([]);
    expect(terms.of(NEVER)).toEqual([]);
  });

  test('are given up where they would be many', () => {
    const many = (on: (value: string) => Formula, count: number) =>
      some(Array.from({ length: count }, (_, index) => on(`/${index}`)));
    const paths = many(path, 200);
    const within = new Terms().of(all([paths, many(peer, 50)]));
    expect(within).toHaveLength(10_000);
    expect(new Terms().of(all([paths, many(peer, 51)]))).toBeNull();
    expect(new Terms().of(many(path, 9000)), 'more paths than have a number').toBeNull();
    expect(new Terms().of(many(method, 65)), 'more methods than have a number').toBeNull();
    const conditions = Array.from({ length: 16 }, (_, index) => handshake(`spiffe://${index}/`));
    expect(new Terms().of(some(conditions)), 'more conditions than have a bit').toBeNull();
  });
});
