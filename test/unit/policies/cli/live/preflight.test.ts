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

const object = (value: object): Served => ({ kind: 'object', object: value });
const items = (...all: readonly object[]): Served => ({ kind: 'items', items: all });

const istiod = {
  metadata: { name: 'istiod', namespace: 'istio-system' },
  spec: { template: { spec: { containers: [{ image: 'registry/pilot:1.31.0', env: [] }] } } },
  status: { readyReplicas: 1 },
};

/** What a cluster that is ready answers besides the objects of the small mesh. */
const ready: readonly (readonly [string, Served])[] = [
  ['/version', object({ major: '1', minor: '36', gitVersion: 'v1.36.1' })],
  ['/apis/security.istio.io/v1', object({ resources: [{ kind: 'AuthorizationPolicy' }] })],
  ['/apis/apps/v1', object({ resources: [{ kind: 'Deployment' }] })],
  ['/apis/apps/v1/namespaces/istio-system/deployments', items(istiod)],
  [
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
    items({ metadata: { name: 'istio-sidecar-injector' }, webhooks: [{ namespaceSelector: 'istio-injection' }] }),
  ],
  ['/apis/apps/v1/daemonsets', items({ metadata: { name: 'calico-node' } })],
  ['/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', object({ status: { allowed: true } })],
  ['/api/v1/namespaces/shop/secrets/cart-database', object({ metadata: { name: 'cart-database' } })],
];

const manifests = [
  {
    apiVersion: 'install.istio.io/v1alpha1',
    kind: 'IstioOperator',
    metadata: { name: 'shop' },
    spec: { meshConfig: { trustDomain: 'shop.local', outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } } },
  },
  {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'cart', namespace: 'shop' },
    spec: {},
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'cart', namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: 'cart' } },
      template: {
        metadata: { labels: { app: 'cart' } },
        spec: {
          containers: [{ name: 'cart', image: 'cart' }],
          volumes: [{ name: 'database', secret: { secretName: 'cart-database' } }],
        },
      },
    },
  },
];

let server: FakeApiServer;
let folder: string;
const before = process.env['KUBECONFIG'];

interface Check {
  readonly code: string;
  readonly outcome: string;
  readonly message: string;
  readonly help: string;
}

async function run(): Promise<{ readonly code: number; readonly checks: readonly Check[]; readonly errors: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const argv = ['preflight', join(folder, 'manifests.yaml'), '--context', 'here', '--format', 'json'];
  const code = await main(argv, { stdin, stdout, stderr });
  stdout.end();
  stderr.end();
  const [out, errors] = [await text(stdout), await text(stderr)];
  return { code, checks: out === '' ? [] : JSON.parse(out).checks, errors };
}

describe('meshwright preflight', () => {
  beforeEach(async () => {
    server = await startApiServer();
    for (const [path, served] of [...smallCluster(), ...ready]) server.served.set(path, served);
    folder = await mkdtemp(join(tmpdir(), 'meshwright-preflight-'));
    process.env['KUBECONFIG'] = join(folder, 'config');
    await writeFile(join(folder, 'config'), kubeconfig(server));
    await writeFile(join(folder, 'manifests.yaml'), manifests.map(printYaml).join('---\n'));
  });

  afterEach(async () => {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('ends with 0 on a cluster that is ready, every check made', async () => {
    const { code, checks } = await run();
    expect(checks.filter(({ outcome }) => outcome !== 'holds')).toEqual([]);
    expect(code).toBe(0);
    expect(checks.map(({ code: name }) => name)).toContain('access/secret');
  });

  test.for<[string, string, Served]>([
    ['kubernetes/version', '/version', object({ minor: '29' })],
    ['kubernetes/kinds', '/apis/security.istio.io/v1', { kind: 'status', status: 404, message: 'not found' }],
    ['istio/installed', '/apis/apps/v1/namespaces/istio-system/deployments', items()],
    [
      'istio/version',
      '/apis/apps/v1/namespaces/istio-system/deployments',
      items({ ...istiod, spec: { template: { spec: { containers: [{ image: 'registry/pilot:1.24.2' }] } } } }),
    ],
    ['istio/injection', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', items()],
    [
      'mesh/trust-domain',
      '/api/v1/namespaces/istio-system/configmaps/istio',
      object({
        metadata: { name: 'istio', namespace: 'istio-system' },
        data: { mesh: 'trustDomain: cluster.local\n' },
      }),
    ],
    ['access/rights', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', object({ status: { allowed: false } })],
    [
      'access/secret',
      '/api/v1/namespaces/shop/secrets/cart-database',
      { kind: 'status', status: 404, message: 'gone' },
    ],
  ])('ends with 2 and the repair: %s', async ([code, path, served]) => {
    server.served.set(path, served);
    const result = await run();
    expect(result.code).toBe(2);
    const found = result.checks.find((each) => each.code === code && each.outcome === 'fails');
    expect(found?.help).not.toBe('');
    expect(found).toBeDefined();
  });

  test('tells everything that fails at once', async () => {
    server.served.set('/version', object({ minor: '29' }));
    server.served.set('/apis/apps/v1/namespaces/istio-system/deployments', items());
    const { checks } = await run();
    expect(checks.filter(({ outcome }) => outcome === 'fails').map(({ code }) => code)).toEqual([
      'kubernetes/version',
      'istio/installed',
    ]);
  });

  test('says unknown, and not good, where nothing is known to enforce network policies', async () => {
    server.served.set('/apis/apps/v1/daemonsets', items({ metadata: { name: 'kube-proxy' } }));
    const { code, checks } = await run();
    expect(checks.find((each) => each.code === 'network/enforced')).toMatchObject({ outcome: 'unknown' });
    expect(code).toBe(0);
  });

  test('ends with 3 on a context that nobody knows', async () => {
    await writeFile(join(folder, 'config'), kubeconfig(server).replaceAll('"here"', '"there"'));
    const { code, errors } = await run();
    expect([code, errors]).toEqual([3, expect.stringContaining('live/unknown-context')]);
  });

  test('ends with 1 when the server does not answer', async () => {
    await server.close();
    const { code, errors } = await run();
    expect([code, errors]).toEqual([1, expect.stringContaining('no answer')]);
  });
});
