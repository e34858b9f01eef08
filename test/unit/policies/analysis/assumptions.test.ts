import { expect, test } from 'vitest';
import { reach } from '#policies/analysis/compare/reach.ts';
import { verifyBaseline } from '#policies/analysis/compare/verify-baseline.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { decideOn, meshOf, securityYaml, workloadYaml } from '../../../support/small-mesh.ts';

const rule = (key: string) => securityYaml('AuthorizationPolicy', 'a', { rules: [{ when: [{ key, values: ['v'] }] }] });
const profile = PROFILES['istio-1.31'];
const METADATA = 'no filter sets the dynamic metadata that `a/authorizationpolicy` reads';

test('a rule about dynamic metadata is an assumption of every verdict, listing and proof at its workloads', () => {
  const mesh = meshOf(workloadYaml('a', 'x'), rule('experimental.envoy.filters.other[k]'));
  expect(decideOn(mesh, {})).toMatchObject({ verdict: 'deny', assumptions: [METADATA] });
  expect(reach(mesh, { profile }).assumptions).toEqual([METADATA]);
  const [plaintext] = verifyBaseline(mesh, { profile }).obligations;
  expect(plaintext).toMatchObject({ name: 'no-plaintext', status: 'conditional', assumptions: [METADATA] });
});

test('a mesh without such rules is decided without assumptions', () => {
  const mesh = meshOf(workloadYaml('a', 'x'), rule('request.headers[x]'));
  expect(decideOn(mesh, {}).assumptions).toEqual([]);
  expect(reach(mesh, { profile }).assumptions).toEqual([]);
});

test('routes of the Gateway API are named at the pods of its Gateways, and nowhere else', () => {
  const route = JSON.stringify({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'r', namespace: 'b' },
    spec: { parentRefs: [{ name: 'web', namespace: 'a' }] },
  });
  const pods = workloadYaml('a', 'x').replace(
    'labels: {app: x,',
    'labels: {app: x, gateway.networking.k8s.io/gateway-name: web,',
  );
  const named = ['HTTPRoute `b/r` carries whatever policies let in'];
  expect(decideOn(meshOf(pods, route), {}).assumptions).toEqual(named);
  expect(reach(meshOf(pods, route), { profile }).assumptions).toEqual(named);
  expect(decideOn(meshOf(workloadYaml('a', 'x'), route), {}).assumptions).toEqual([]);
});
