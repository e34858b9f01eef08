import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { main } from '#policies/cli/main.ts';
import { printYaml } from '#policies/language/print.ts';
import { type FakeApiServer, kubeconfig, type Served, startApiServer } from './api-server.ts';
import { smallCluster } from './small-cluster.ts';

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

let server: FakeApiServer;
let folder: string;
const before = process.env['KUBECONFIG'];

async function run(...argv: readonly string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const output = Promise.all([text(stdout), text(stderr)]);
  const code = await main(argv, { stdin, stdout, stderr });
  stdout.end();
  stderr.end();
  const [out, errors] = await output;
  return { code, out, errors };
}

const verify = (...more: readonly string[]) =>
  run('verify', ...more, '--context', 'here', '--intent', join(folder, 'intent.json'));

const live = (...policies: readonly object[]): Served => ({ kind: 'items', items: [denyAll, ...policies] });

describe('meshwright verify --context', () => {
  beforeEach(async () => {
    server = await startApiServer();
    for (const [path, served] of smallCluster()) server.served.set(path, served);
    folder = await mkdtemp(join(tmpdir(), 'meshwright-verify-'));
    process.env['KUBECONFIG'] = join(folder, 'config');
    await writeFile(join(folder, 'config'), kubeconfig(server));
    await writeFile(join(folder, 'intent.json'), JSON.stringify(intent));
    await writeFile(join(folder, 'cart.yaml'), printYaml(cartPolicy(web)));
  });

  afterEach(async () => {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('proves that what the proxies of the cluster allow is what is declared', async () => {
    const { out } = await verify();
    expect(out).toMatch(/^proved +what the proxies allow is exactly what is declared/m);
  });

  test('refutes a policy that was edited by hand, and names the object', async () => {
    server.served.set(policiesPath, live(cartPolicy(web, 'shop.local/ns/shop/sa/cart')));
    const { code, out } = await verify();
    expect(code).toBe(2);
    expect(out).toContain('`shop/cart`');
    expect(out).toContain('context/here/AuthorizationPolicy/shop/cart:');
  });

  test('names what differs from the manifests, beside the proof', async () => {
    server.served.set(policiesPath, live(cartPolicy(web, 'shop.local/ns/shop/sa/cart')));
    const { code, errors } = await verify(join(folder, 'cart.yaml'));
    expect(code).toBe(2);
    expect(errors).toContain('AuthorizationPolicy shop/cart differs');
    expect(errors).toContain(
      'spec.rules[0].from[0].source.principals[1]: expected nothing, got "shop.local/ns/shop/sa/cart"',
    );
  });

  test('is invalid input where something may not be read: nothing is proved', async () => {
    server.served.set(policiesPath, { kind: 'status', status: 403, message: 'not you' });
    const { code, out, errors } = await verify();
    expect([code, out]).toEqual([3, '']);
    expect(errors).toContain('live/forbidden');
    expect(errors).toContain('allow `list` on authorizationpolicies');
  });

  test('needs manifests or a context', async () => {
    const { code, errors } = await run('verify', '--intent', join(folder, 'intent.json'));
    expect([code, errors]).toEqual([3, expect.stringContaining("missing required argument 'sources', or --context")]);
  });
});

describe('meshwright probe', () => {
  beforeEach(async () => {
    server = await startApiServer();
    for (const [path, served] of smallCluster()) server.served.set(path, served);
    folder = await mkdtemp(join(tmpdir(), 'meshwright-probe-'));
    process.env['KUBECONFIG'] = join(folder, 'config');
    await writeFile(join(folder, 'config'), kubeconfig(server));
  });

  afterEach(async () => {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('that could call from nowhere is no success, and says why', async () => {
    const { code, out, errors } = await run('probe', '--context', 'here');
    expect(code).toBe(1);
    expect(out).toContain('not probed: shop/web: no pod of it is ready');
    expect(errors).toContain('no workload could be probed from');
  });

  test('prints the rights that ephemeral containers need before it adds any', async () => {
    const { errors } = await run('probe', '--context', 'here', '--ephemeral', '--probe-image', 'probe:1');
    expect(errors).toContain('patch pods/ephemeralcontainers');
  });

  test('is invalid input with a key that signs nothing', async () => {
    await writeFile(join(folder, 'key.json'), '{}');
    const { code, errors } = await run('probe', '--context', 'here', '--user-key', join(folder, 'key.json'));
    expect([code, errors]).toEqual([3, expect.stringContaining('user-key/unusable')]);
  });
});
