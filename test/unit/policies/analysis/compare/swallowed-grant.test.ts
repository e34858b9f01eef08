import { expect, test } from 'vitest';
import { parseIntent } from '#policies/analysis/compare/intent.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { meshConfigYaml, meshOf, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const callee = { kind: 'workload', namespace: 'a', workload: 'x' };
const z = { kind: 'workload', namespace: 'a', serviceAccount: 'z' };
const grant = { callee, port: 70, user: null, owner: 'test', reason: 'test' };
/** Whoever may send any bytes may send these too: the second grant asks what no other formula of its port does. */
const anybody = { ...grant, protocol: 'tcp', caller: { kind: 'internet' }, http: null };
const within = { ...grant, protocol: 'http', caller: z, http: { method: 'POST', path: '/s/A' } };

test('a grant within another one is told apart from it where the port refuses both', () => {
  const mesh = meshOf(
    meshConfigYaml({}),
    workloadYaml('a', 'x'),
    securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } }, 'default'),
    securityYaml('AuthorizationPolicy', 'istio-system', {}, 'nothing'),
  );
  const intent = parseIntent({ version: 1, trustDomain: 'td', grants: [anybody, within], platform: [] }, 'intent.json');
  if (!intent.ok) throw new Error(JSON.stringify(intent.problems));
  const { obligations } = verifyIntent(mesh, intent.value, { profile: PROFILES['istio-1.31'] });
  const found = obligations.find(({ name }) => name === 'allowed-equals-declared');
  expect(found?.status).toBe('refuted');
  expect(found?.counterexamples.map(({ grant: refused, expected }) => [refused?.caller.kind, expected])).toEqual([
    ['internet', 'allow'],
    ['identity', 'allow'],
  ]);
});
