import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PROFILES } from '#policies/analysis/index.ts';
import { ruleContains } from '#policies/analysis/lint/rule-containment.ts';
import { covers, type Facts } from '#policies/analysis/rules.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { cartPolicy } from './lint-mesh.ts';

const some = (...values: readonly string[]) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
const fields = <T>(shape: Record<string, fc.Arbitrary<T>>) =>
  fc.record(shape, { requiredKeys: [] }).filter((made) => Object.keys(made).length > 0);

const PATHS = ['/a', '/ab', '/a*', '*b', '*', '/{*}', '/a/{**}'];
const PRINCIPALS = ['td/ns/n/sa/a', 'td/ns/n/sa/ab', 'td/ns/n/*', '*sa/a', '*'];
const source = fields({
  principals: some(...PRINCIPALS),
  notPrincipals: some(...PRINCIPALS),
  namespaces: some('n', 'n*', 'm'),
});
const operation = fields({
  paths: some(...PATHS),
  notPaths: some(...PATHS),
  methods: some('GET', 'POST', '*'),
  ports: some('80', '81'),
});
const rule = fc.record(
  {
    from: fc.array(fc.record({ source }), { minLength: 1, maxLength: 2 }),
    to: fc.array(fc.record({ operation }), { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: [] },
);

function rulesOf(rules: readonly object[]) {
  const { documents } = readDocuments('x.yaml', cartPolicy(rules));
  const mesh = parseMesh(documents);
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  return mesh.value.authorizationPolicies[0]?.rules ?? [];
}

const IDENTITIES = [null, 'spiffe://td/ns/n/sa/a', 'spiffe://td/ns/n/sa/ab', 'spiffe://td/ns/m/sa/a', 'spiffe://x'];

/** Every request of a closed small world. */
const WORLD: readonly Facts[] = IDENTITIES.flatMap((identity) =>
  ['/a', '/ab', '/b', '/a/c', '/'].flatMap((path) =>
    ['GET', 'POST', 'PUT'].flatMap((method) =>
      [80, 81, 82].map(
        (port): Facts => ({
          identities: identity === null ? null : [identity],
          sourceIp: null,
          remoteIp: null,
          destinationIp: null,
          port,
          sni: '',
          metadata: {},
          http: { method, path, pathAndQuery: path, host: 'h', authority: 'h', headers: new Map(), claims: null },
        }),
      ),
    ),
  ),
);

describe('containment of rules', () => {
  test('is never claimed where some request of a small world tells the rules apart', () => {
    const profile = PROFILES['istio-1.31'];
    let claimed = 0;
    fc.assert(
      fc.property(rule, rule, (first, second) => {
        const [wide, narrow] = rulesOf([first, second]);
        if (wide === undefined || narrow === undefined || !ruleContains(wide, narrow)) return;
        claimed += 1;
        const witness = WORLD.find((facts) => covers(narrow, facts, profile) && !covers(wide, facts, profile));
        expect(witness).toBeUndefined();
      }),
      { numRuns: 4000 },
    );
    expect(claimed).toBeGreaterThan(50);
  });

  test.for([
    { wide: {}, narrow: { to: [{ operation: { ports: ['80'] } }] }, holds: true },
    {
      wide: { to: [{ operation: { paths: ['/a*'] } }] },
      narrow: { to: [{ operation: { paths: ['/a', '/ab'] } }] },
      holds: true,
    },
    {
      wide: { to: [{ operation: { paths: ['/a'] } }] },
      narrow: { to: [{ operation: { paths: ['/a*'] } }] },
      holds: false,
    },
    { wide: { to: [{ operation: { paths: ['*'] } }] }, narrow: {}, holds: false },
    {
      wide: { to: [{ operation: { paths: ['/a*'] } }] },
      narrow: { to: [{ operation: { paths: ['*/ab'] } }] },
      holds: false,
    },
    {
      wide: { to: [{ operation: { paths: ['*/a'] } }] },
      narrow: { to: [{ operation: { paths: ['b/a*'] } }] },
      holds: false,
    },
    {
      wide: { to: [{ operation: { notPaths: ['/b'] } }] },
      narrow: { to: [{ operation: { notPaths: ['/b', '/c'] } }] },
      holds: true,
    },
    {
      wide: { to: [{ operation: { notPaths: ['/b', '/c'] } }] },
      narrow: { to: [{ operation: { notPaths: ['/b'] } }] },
      holds: false,
    },
  ])('$wide contains $narrow: $holds', ({ wide, narrow, holds }) => {
    const [left, right] = rulesOf([wide, narrow]);
    expect(left !== undefined && right !== undefined && ruleContains(left, right)).toBe(holds);
  });
});
