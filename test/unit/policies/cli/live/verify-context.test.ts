import { writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { printYaml } from '#policies/language/print.ts';
import { run } from '../command-line.ts';
import type { Served } from './api-server.ts';
import { servedCluster } from './served-cluster.ts';

const policiesPath = '/apis/security.istio.io/v1/authorizationpolicies';

const cartPolicy = (...principals: readonly string[]) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'cart', namespace: 'shop' },
  spec: {
    selector: { matchLabels: { app: 'cart' } },
    action: 'ALLOW',
    rules: [
      {
        from: [{ source: { principals } }],
        to: [{ operation: { methods: ['POST'], paths: ['/cart.v1.Cart/Add'], ports: ['50051'] } }],
      },
    ],
  },
});

const intent = {
  version: 1,
  trustDomain: 'shop.local',
  grants: [
    {
      caller: { kind: 'workload', namespace: 'shop', serviceAccount: 'web' },
      callee: { kind: 'workload', namespace: 'shop', workload: 'cart' },
      protocol: 'grpc',
      port: 50051,
      http: { method: 'POST', path: '/cart.v1.Cart/Add' },
      user: null,
      owner: 'team',
      reason: 'the test',
    },
  ],
  platform: [],
};

const web = 'shop.local/ns/shop/sa/web';
const denyAll = { metadata: { name: 'default-deny', namespace: 'istio-system' }, spec: {} };

const live = (...policies: readonly object[]): Served => ({ kind: 'items', items: [denyAll, ...policies] });

describe('meshwright verify --context', () => {
  const cluster = servedCluster();
  const verify = (...more: readonly string[]) =>
    run(['verify', ...more, '--context', 'here', '--intent', cluster().file('intent.json')]);

  beforeEach(async () => {
    await writeFile(cluster().file('intent.json'), JSON.stringify(intent));
    await writeFile(cluster().file('cart.yaml'), printYaml(cartPolicy(web)));
  });

  test('proves that what the proxies of the cluster allow is what is declared', async () => {
    const { stdout } = await verify();
    expect(stdout).toMatch(/^proved +what the proxies allow is exactly what is declared/m);
  });

  test('refutes a policy that was edited by hand, and names the object', async () => {
    cluster().server.served.set(policiesPath, live(cartPolicy(web, 'shop.local/ns/shop/sa/cart')));
    const { code, stdout } = await verify();
    expect(code).toBe(2);
    expect(stdout).toContain('`shop/cart`');
    expect(stdout).toContain('context/here/AuthorizationPolicy/shop/cart:');
  });

  test('names what differs from the manifests, beside the proof', async () => {
    cluster().server.served.set(policiesPath, live(cartPolicy(web, 'shop.local/ns/shop/sa/cart')));
    const { code, stderr } = await verify(cluster().file('cart.yaml'));
    expect(code).toBe(2);
    expect(stderr).toContain('AuthorizationPolicy shop/cart differs');
    expect(stderr).toContain(
      'spec.rules[0].from[0].source.principals[1]: expected nothing, got "shop.local/ns/shop/sa/cart"',
    );
  });

  test('is invalid input where something may not be read: nothing is proved', async () => {
    cluster().server.served.set(policiesPath, { kind: 'status', status: 403, message: 'not you' });
    const { code, stdout, stderr } = await verify();
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toContain('live/forbidden');
    expect(stderr).toContain('allow `list` on authorizationpolicies');
  });

  test('needs manifests or a context', async () => {
    const { code, stderr } = await run(['verify', '--intent', cluster().file('intent.json')]);
    expect([code, stderr]).toEqual([3, expect.stringContaining("missing required argument 'sources', or --context")]);
  });
});

describe('meshwright probe', () => {
  const cluster = servedCluster();

  test('that could call from nowhere is no success, and says why', async () => {
    const { code, stdout, stderr } = await run(['probe', '--context', 'here']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^not probed: shop\/web, .*: no pod of it is ready$/m);
    expect(stderr).toContain('no workload could be probed from');
  });

  test('prints the rights that ephemeral containers need before it adds any', async () => {
    const { stderr } = await run(['probe', '--context', 'here', '--ephemeral', '--probe-image', 'probe:1']);
    expect(stderr).toContain('patch pods/ephemeralcontainers');
  });

  test('is invalid input with a key that signs nothing', async () => {
    await writeFile(cluster().file('key.json'), '{}');
    const { code, stderr } = await run(['probe', '--context', 'here', '--user-key', cluster().file('key.json')]);
    expect([code, stderr]).toEqual([3, expect.stringContaining('user-key/unusable')]);
  });
});
