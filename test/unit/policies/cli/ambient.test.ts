/** Every verb on an ambient copy of the small shop: a waypoint enforces methods, and ztunnel lets in nobody else. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_CODES } from '#policies/cli/exit-code.ts';
import { CLEAN, cartPolicy, cartRule, istio, type Parts, service, settings } from '../analysis/lint/lint-mesh.ts';
import { run } from './command-line.ts';
import { SHOP_INTENT as INTENT } from './shop-intent.ts';

const LABEL = 'from documentation, not executed';
const WAY = { 'gateway.networking.k8s.io/gateway-name': 'way' };
const tunnel = [{ port: 15008 }];
const pods = (labels: object) => [{ podSelector: { matchLabels: labels } }];
const network = (name: string, labels: object, directions: object) =>
  istio('NetworkPolicy', name, { podSelector: { matchLabels: labels }, ...directions });

const AMBIENT: Parts = {
  ...CLEAN,
  settings: settings({ outboundTrafficPolicy: { mode: 'ALLOW_ANY' } }),
  namespace: '{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}',
  waypoint: `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: way, namespace: shop},
    spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}}`,
  cartService: service('cart').replace('namespace: shop}', 'namespace: shop, labels: {istio.io/use-waypoint: way}}'),
  policy: cartPolicy([
    { from: [{ source: { principals: ['td/ns/shop/sa/way'] } }], to: [{ operation: { ports: ['8080'] } }] },
  ]),
  attached: istio('AuthorizationPolicy', 'attached', {
    targetRefs: [{ group: '', kind: 'Service', name: 'cart' }],
    rules: [cartRule({}, { ports: ['80'] })],
  }),
  frontNetwork: network(
    'front',
    { app: 'front' },
    { policyTypes: ['Egress'], egress: [{ to: pods(WAY), ports: tunnel }] },
  ),
  wayNetwork: network('way', WAY, {
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: pods({ app: 'front' }), ports: tunnel }],
    egress: [{ to: pods({ app: 'cart' }), ports: tunnel }],
  }),
  cartNetwork: network('cart', { app: 'cart' }, { ingress: [{ from: pods(WAY), ports: tunnel }] }),
};
/** The policy of sidecars, which ztunnel cannot enforce. */
const WITHOUT_WAYPOINT: Parts = { ...AMBIENT, policy: cartPolicy([cartRule()]), attached: null };
/** The original caller is let in by ztunnel too, and goes around the waypoint. */
const AROUND: Parts = {
  ...AMBIENT,
  around: istio('AuthorizationPolicy', 'around', {
    selector: { matchLabels: { app: 'cart' } },
    rules: [{ from: [{ source: { principals: ['td/ns/shop/sa/front'] } }] }],
  }),
};
/** Without waypoints: any bytes of one caller to one port. */
const L4_INTENT = { ...INTENT, grants: INTENT.grants.map((grant) => ({ ...grant, protocol: 'tcp', http: null })) };
const l4 = (port: number): Parts => ({
  ...AMBIENT,
  waypoint: null,
  attached: null,
  wayNetwork: null,
  cartService: service('cart'),
  policy: cartPolicy([
    { from: [{ source: { principals: ['td/ns/shop/sa/front'] } }], to: [{ operation: { ports: ['8080'] } }] },
  ]),
  frontNetwork: network(
    'front',
    { app: 'front' },
    { policyTypes: ['Egress'], egress: [{ to: pods({ app: 'cart' }), ports: [{ port }] }] },
  ),
  cartNetwork: network('cart', { app: 'cart' }, { ingress: [{ from: pods({ app: 'front' }), ports: [{ port }] }] }),
});
const call = (method: string) =>
  JSON.stringify({
    id: method,
    source: { workload: { namespace: 'shop', name: 'front' } },
    destination: { namespace: 'shop', workload: 'cart', port: 8080 },
    http: { method, path: '/shop.Cart/Get', host: 'cart' },
  });

let folder = '';
const file = (name: string) => join(folder, name);
const yaml = (parts: Parts) =>
  Object.values(parts)
    .filter((text) => text !== null)
    .join('\n---\n');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshwright-ambient-'));
  await writeFile(file('sidecars.yaml'), yaml(CLEAN));
  await writeFile(file('ambient.yaml'), yaml(AMBIENT));
  await writeFile(file('without.yaml'), yaml(WITHOUT_WAYPOINT));
  await writeFile(file('around.yaml'), yaml(AROUND));
  await writeFile(file('tunnel.yaml'), yaml(l4(15_008)));
  await writeFile(file('port.yaml'), yaml(l4(8080)));
  await writeFile(file('intent.json'), JSON.stringify(INTENT));
  await writeFile(file('l4.json'), JSON.stringify(L4_INTENT));
});
afterAll(() => rm(folder, { recursive: true }));

const verify = (name: string, intent = 'intent.json') =>
  run(['verify', file(name), '--intent', file(intent), '--format', 'json']);

describe('the verbs in ambient', () => {
  test('decide answers as the waypoint does, under the label', async () => {
    const { code, stdout } = await run(
      ['decide', file('ambient.yaml'), '--requests', '-'],
      `${call('POST')}\n${call('GET')}\n`,
    );
    const [post, get] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(EXIT_CODES.holds);
    expect(post).toMatchObject({ verdict: 'allow', policy: 'shop/attached' });
    expect(post.because).toContain('through waypoint `shop/way`');
    expect(get).toMatchObject({ verdict: 'deny', status: { http: 403, grpc: 7 } });
    expect(post.assumptions.join()).toContain(LABEL);
  });

  test('reach lists the call that the waypoint lets in, and the waypoint itself', async () => {
    const { stdout } = await run(['reach', file('ambient.yaml'), '--format', 'json']);
    const { grants, assumptions } = JSON.parse(stdout);
    expect(grants).toMatchObject([
      { source: { principal: 'spiffe://td/ns/shop/sa/way' }, http: null },
      { source: { workload: 'front' }, http: { method: 'POST', path: '/shop.Cart/Get' } },
    ]);
    expect(assumptions.join()).toContain(LABEL);
  });

  test('verify proves that exactly the declared call is allowed, and every proof carries the label', async () => {
    const { code, stdout } = await verify('ambient.yaml');
    const { obligations } = JSON.parse(stdout) as {
      obligations: { name: string; status: string; assumptions: string[] }[];
    };
    expect(obligations.filter(({ status }) => status !== 'conditional')).toEqual([]);
    expect(obligations.filter(({ assumptions }) => !assumptions.join().includes(LABEL))).toEqual([]);
    expect(code).toBe(EXIT_CODES.holds);
  });

  test('verify shows that a policy of methods closes its workload without a waypoint', async () => {
    const { code, stdout } = await verify('without.yaml');
    expect(code).toBe(EXIT_CODES.refuted);
    expect(stdout).toContain('"expected": "allow"');
    expect(stdout).toContain('matches no request to any workload');
  });

  test('verify shows calls around the waypoint', async () => {
    const { code, stdout } = await verify('around.yaml');
    const { obligations } = JSON.parse(stdout);
    const [equal] = obligations;
    expect(code).toBe(EXIT_CODES.refuted);
    expect(equal.counterexamples[0]).toMatchObject({ expected: 'deny', decided: { policy: 'shop/around' } });
  });

  test('verify takes 15008 for the port of declared connections', async () => {
    const { code, stdout } = await verify('tunnel.yaml', 'l4.json');
    expect(stdout).not.toContain('"status": "refuted"');
    expect(code).toBe(EXIT_CODES.holds);
  });

  test('verify shows that a NetworkPolicy for the port itself breaks the mesh', async () => {
    const { code, stdout } = await verify('port.yaml', 'l4.json');
    const { obligations } = JSON.parse(stdout) as { obligations: { name: string; status: string }[] };
    const layers = obligations.find(({ name }) => name === 'declared-calls-pass-every-layer');
    expect(code).toBe(EXIT_CODES.refuted);
    expect(layers?.status).toBe('refuted');
  });

  test('diff says that sidecars became ambient', async () => {
    const { code, stdout } = await run(['diff', file('sidecars.yaml'), file('ambient.yaml')]);
    expect(code).not.toBe(EXIT_CODES.inputInvalid);
    expect(stdout).toContain('a sidecar became ambient with waypoint `shop/way`');
  });

  test('explain names the waypoint and the method that it asks for', async () => {
    const { stdout } = await run(['explain', file('ambient.yaml'), '--request', call('GET')]);
    expect(stdout).toContain('through waypoint `shop/way`');
    expect(stdout).toContain('methods');
  });

  test('explain says why a rule was dropped at ztunnel', async () => {
    const { stdout } = await run(['explain', file('without.yaml'), '--request', call('POST')]);
    expect(stdout).toMatch(/ztunnel sees no `methods`, `paths`/);
  });

  test('lint refuses what ztunnel cannot enforce, and finds nothing in the good copy', async () => {
    const bad = await run(['lint', file('without.yaml')]);
    const good = await run(['lint', file('ambient.yaml')]);
    expect(bad.code).toBe(EXIT_CODES.refuted);
    expect(bad.stdout).toContain('ambient/http-field');
    expect(bad.stdout).toContain('ambient/waypoint-shut-out');
    expect(good.stdout).not.toMatch(/ambient\/(?!hbone-opens-every-port)/);
    expect(good.stdout).not.toContain('error:');
  });

  test('mutate kills every mutant that leaves ambient or its waypoint', { timeout: 120_000 }, async () => {
    const { stdout } = await run(['mutate', file('ambient.yaml'), '--intent', file('intent.json'), '--format', 'json']);
    const { mutants } = JSON.parse(stdout) as {
      mutants: { id: string; fate: string; killedBy: { verify: unknown } }[];
    };
    const own = mutants.filter(({ id }) => /^P1[45]-/.test(id));
    expect(own.length).toBeGreaterThan(2);
    expect(own.filter(({ fate, killedBy }) => fate !== 'equivalent' && killedBy.verify === null)).toEqual([]);
  });
});
