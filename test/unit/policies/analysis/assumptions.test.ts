import { expect, test } from 'vitest';
import { reach } from '#policies/analysis/compare/reach.ts';
import { verifyBaseline } from '#policies/analysis/compare/verify-baseline.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { decideOn, meshOf, securityYaml, workloadYaml } from '../../../support/small-mesh.ts';

const rule = (key: string) => securityYaml('AuthorizationPolicy', 'a', { rules: [{ when: [{ key, values: ['v'] }] }] });
const profile = PROFILES['istio-1.31'];

test('a rule about dynamic metadata is decided over whatever filters set, and a request says what they set', () => {
  const mesh = meshOf(workloadYaml('a', 'x'), rule('experimental.envoy.filters.other[k]'));
  expect(decideOn(mesh, {})).toMatchObject({ verdict: 'deny', assumptions: [] });
  const set = (k: unknown) => decideOn(mesh, { metadata: { 'envoy.filters.other': { k } } }).verdict;
  expect([set('v'), set('w'), set(['v'])]).toEqual(['allow', 'deny', 'deny']);
  const { grants, assumptions } = reach(mesh, { profile });
  expect(assumptions).toEqual([]);
  expect(grants.flatMap(({ conditions }) => conditions)).toContain('experimental.envoy.filters.other[k] v');
  const [plaintext] = verifyBaseline(mesh, { profile }).obligations;
  expect(plaintext).toMatchObject({ name: 'no-plaintext', status: 'refuted', assumptions: [] });
  expect(plaintext?.counterexamples[0]?.request['metadata']).toEqual({ 'envoy.filters.other': { k: 'v' } });
});

test('a value in brackets asks for an element of a list', () => {
  const listed = securityYaml('AuthorizationPolicy', 'a', {
    rules: [{ when: [{ key: 'experimental.envoy.filters.other[k]', values: ['[v*]'], notValues: ['[vw]', 'x'] }] }],
  });
  const mesh = meshOf(workloadYaml('a', 'x'), listed);
  const set = (k: unknown) => decideOn(mesh, { metadata: { 'envoy.filters.other': { k } } }).verdict;
  expect([set(['a', 'v1']), set(['v1', 'vw']), set('v1'), set([])]).toEqual(['allow', 'deny', 'deny', 'deny']);
  const [plaintext] = verifyBaseline(mesh, { profile }).obligations;
  expect(plaintext?.counterexamples[0]?.request['metadata']).toEqual({
    'envoy.filters.other': { k: [expect.any(String)] },
  });
});

test('a mesh without such rules is decided without assumptions', () => {
  const mesh = meshOf(workloadYaml('a', 'x'), rule('request.headers[x]'));
  expect(decideOn(mesh, {}).assumptions).toEqual([]);
  expect(reach(mesh, { profile }).assumptions).toEqual([]);
});

test.for(['x-forwarded-proto', 'x-request-id', 'x-envoy-internal'])(
  'a rule about a header that proxies write themselves is decided under an assumption by every evaluator: %s',
  (name) => {
    const mesh = meshOf(workloadYaml('a', 'x'), rule(`request.headers[${name}]`));
    const named = [`header \`${name}\`, which rules read, comes to them as it was sent: proxies write or remove it`];
    expect(decideOn(mesh, {}).assumptions).toEqual(named);
    expect(reach(mesh, { profile }).assumptions).toEqual(named);
    expect(verifyBaseline(mesh, { profile }).obligations[0]).toMatchObject({ assumptions: named });
  },
);

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
