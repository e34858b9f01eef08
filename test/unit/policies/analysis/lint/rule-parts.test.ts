import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Intent } from '#policies/analysis/compare/intent.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { rulePartsOf } from '#policies/analysis/lint/rule-parts.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { meshConfigYaml, meshOf, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const SEED = 20_261_127;
const profile = PROFILES['istio-1.31'];
const INTENT: Intent = {
  trustDomain: 'td',
  grants: [],
  pods: [],
  confined: [],
  identitiesBoundTo: 'accounts',
  issuers: [],
};

const some = (...values: readonly string[]) => fc.subarray([...values], { minLength: 1, maxLength: 2 });
const filled = <T>(shape: Record<string, fc.Arbitrary<T>>) =>
  fc.record(shape, { requiredKeys: [] }).filter((made) => Object.keys(made).length > 0);

/** Mostly the exact values that real rules list, among them some that no call can have. */
const source = filled({ principals: some('td/ns/a/sa/y', 'td/ns/a/sa/z', 'other/ns/a/sa/y', 'td/ns/a/sa/y*', 'td/x') });
const operation = filled({
  paths: some('/s/A', '/s/B', '/s/../B', 'B', '/s/*'),
  methods: some('POST', 'GET', 'post'),
  ports: some('80', '70', '81'),
  notPaths: some('/s/A', '/s/C'),
});
const rule = fc.record({
  from: fc.array(fc.record({ source }), { minLength: 1, maxLength: 2 }),
  to: fc.array(fc.record({ operation }), { minLength: 1, maxLength: 2 }),
});
const policy = fc.record({
  action: fc.constantFrom('ALLOW', 'ALLOW', 'ALLOW', 'ALLOW', 'DENY'),
  selector: fc.constantFrom({ matchLabels: { app: 'x' } }, { matchLabels: { app: 'y' } }, {}),
  rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
});

function meshWith(policies: readonly object[], mode: string): Mesh {
  return meshOf(
    meshConfigYaml({}),
    workloadYaml('a', 'x'),
    workloadYaml('a', 'y'),
    securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode } }, 'default'),
    securityYaml('AuthorizationPolicy', 'istio-system', {}, 'deny-all'),
    ...policies.map((spec, index) => securityYaml('AuthorizationPolicy', 'a', spec, `p${index}`)),
  );
}

const WORDS = { vacuous: 'matches no', redundant: 'redundant', shadowed: 'shadowed', overridden: 'overridden' };

describe('the rules without a part', () => {
  test('are those that verify finds with diagrams at every port, whatever a call showed to be needed', () => {
    let needed = 0;
    let idle = 0;
    fc.assert(
      fc.property(
        fc.array(policy, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('STRICT', 'PERMISSIVE', 'DISABLE'),
        (policies, mode) => {
          const mesh = meshWith(policies, mode);
          const own = rulePartsOf(mesh, profile).idle.map(
            (each) => `\`a/${each.policy.name}\` rule ${each.rule.index} ${WORDS[each.kind]}`,
          );
          const { obligations } = verifyIntent(mesh, INTENT, { profile });
          const notes = obligations.flatMap(({ name, notes: all }) =>
            name === 'no-vacuous-rule' || name === 'no-idle-rule' ? all : [],
          );
          const expected = notes.map((note) => {
            const word = Object.values(WORDS).find((each) => note.includes(each)) ?? '';
            return `${note.split(' (')[0]} ${word}`;
          });
          expect(own.toSorted()).toEqual(expected.toSorted());
          idle += own.length;
          needed += mesh.authorizationPolicies.reduce((sum, { rules }) => sum + rules.length, 0) - own.length;
        },
      ),
      { seed: SEED, numRuns: 300 },
    );
    expect(Math.min(needed, idle)).toBeGreaterThan(100);
  });
});
