import { expect, test } from 'vitest';
import { parseIntent } from '#policies/analysis/compare/intent.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { meshConfigYaml, meshOf, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const KEY = 'experimental.envoy.filters.f[k]';

test.for([
  { title: 'forbids an element', rules: [{ when: [{ key: KEY, notValues: ['[v]'] }] }] },
  { title: 'stands beside one that asks for an element', rules: [{ when: [{ key: KEY, values: ['[v]'] }] }, {}] },
])('a rule that $title of what a filter set lets in requests of which it set nothing', ({ rules }) => {
  const mesh = meshOf(
    meshConfigYaml({}),
    workloadYaml('a', 'x'),
    securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } }, 'default'),
    securityYaml('AuthorizationPolicy', 'a', { rules }),
  );
  const intent = parseIntent({ version: 1, trustDomain: 'td', grants: [], platform: [] }, 'intent.json');
  if (!intent.ok) throw new Error(JSON.stringify(intent.problems));
  const { obligations } = verifyIntent(mesh, intent.value, { profile: PROFILES['istio-1.31'] });
  const found = obligations.find(({ name }) => name === 'allowed-equals-declared')?.counterexamples ?? [];
  const decided = found.map(({ request, decided: { verdict } }) => `${verdict} ${'metadata' in request}`);
  expect(decided).toContain('allow false');
});
