import { expect, test } from 'vitest';
import { layersOf } from '#policies/analysis/explain/layers.ts';
import { situationOf } from '#policies/analysis/explain/situation.ts';
import { PROFILES, parseRequest } from '#policies/analysis/index.ts';
import { resolveCall } from '#policies/analysis/world.ts';
import { meshOf, networkingYaml, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const DENY_ALL = networkingYaml('NetworkPolicy', 'a', { podSelector: {}, policyTypes: ['Ingress'] }, 'deny-all');
const OWN = networkingYaml('NetworkPolicy', 'a', { podSelector: { matchLabels: { app: 'x' } }, ingress: [] }, 'own');
const NO_HOSTS = networkingYaml('Sidecar', 'a', { egress: [{ hosts: ['~/*'] }] });
const STRICT = securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } });

/** What each layer says of a call to `a/x`. */
function said(objects: readonly string[], source: object, port = 80) {
  const mesh = meshOf(workloadYaml('a', 'x'), workloadYaml('a', 'y'), ...objects);
  const destination = { namespace: 'a', workload: 'x', port };
  const request = parseRequest({ id: 'r', source, destination, http: { method: 'GET', path: '/' } });
  if (!request.ok) throw new Error(JSON.stringify(request.problems));
  const world = { mesh, profile: PROFILES['istio-1.31'], issuerKeys: new Map() };
  const layers = layersOf(situationOf(resolveCall(world, request.value), []));
  return (name: string) => layers.find(({ layer }) => layer === name);
}

const FROM_Y = { workload: { namespace: 'a', name: 'y' } };

test('a network denial names the policy of the pod, where a rule would be added, before the default deny', () => {
  const layer = said([DENY_ALL, OWN], FROM_Y)('destination-network-policy');
  expect(layer).toMatchObject({ outcome: 'stops', place: { name: 'own' } });
});

test('a host that the sidecar does not know is not called imported', () => {
  expect(said([NO_HOSTS], FROM_Y)('egress-guard')?.because).toContain('ALLOW_ANY lets it pass in plaintext');
  expect(said([NO_HOSTS], FROM_Y, 15_020)('egress-guard')?.because).toContain('leaves the pod past its sidecar');
});

test('a foreign certificate is told which trust domains are accepted', () => {
  const foreign = { principal: 'spiffe://other/ns/a/sa/y' };
  expect(said([STRICT], foreign)('transport')?.because).toContain('accepted: `spiffe://cluster.local/`');
});

test('one policy with one rule is not spoken of in the plural', () => {
  const rule = securityYaml('AuthorizationPolicy', 'a', { rules: [{ to: [{ operation: { paths: ['/y'] } }] }] });
  expect(said([rule], FROM_Y)('allow')?.because).toBe('1 ALLOW policy applies, and the one rule does not match');
  const nothing = securityYaml('AuthorizationPolicy', 'a', {});
  expect(said([nothing], FROM_Y)('allow')?.because).toBe('1 ALLOW policy applies, with no rule at all');
});
