import { writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { printYaml } from '#policies/language/print.ts';
import { run } from '../command-line.ts';
import { kubeconfig, type Served } from './api-server.ts';
import { servedCluster } from './served-cluster.ts';

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

interface Check {
  readonly code: string;
  readonly outcome: string;
  readonly message: string;
  readonly help: string;
}

describe('meshwright preflight', () => {
  const cluster = servedCluster(ready);
  const preflight = async (): Promise<{
    readonly code: number;
    readonly checks: readonly Check[];
    readonly errors: string;
  }> => {
    const argv = ['preflight', cluster().file('manifests.yaml'), '--context', 'here', '--format', 'json'];
    const { code, stdout, stderr } = await run(argv);
    return { code, checks: stdout === '' ? [] : JSON.parse(stdout).checks, errors: stderr };
  };

  beforeEach(() => writeFile(cluster().file('manifests.yaml'), manifests.map(printYaml).join('---\n')));

  test('ends with 0 on a cluster that is ready, every check made', async () => {
    const { code, checks } = await preflight();
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
    cluster().server.served.set(path, served);
    const result = await preflight();
    expect(result.code).toBe(2);
    const found = result.checks.find((each) => each.code === code && each.outcome === 'fails');
    expect(found?.help).not.toBe('');
    expect(found).toBeDefined();
  });

  test('tells everything that fails at once', async () => {
    cluster().server.served.set('/version', object({ minor: '29' }));
    cluster().server.served.set('/apis/apps/v1/namespaces/istio-system/deployments', items());
    const { checks } = await preflight();
    expect(checks.filter(({ outcome }) => outcome === 'fails').map(({ code }) => code)).toEqual([
      'kubernetes/version',
      'istio/installed',
    ]);
  });

  test('says unknown, and not good, where nothing is known to enforce network policies', async () => {
    cluster().server.served.set('/apis/apps/v1/daemonsets', items({ metadata: { name: 'kube-proxy' } }));
    const { code, checks } = await preflight();
    expect(checks.find((each) => each.code === 'network/enforced')).toMatchObject({ outcome: 'unknown' });
    expect(code).toBe(0);
  });

  test('ends with 3 on a context that nobody knows', async () => {
    await writeFile(cluster().file('config'), kubeconfig(cluster().server).replaceAll('"here"', '"there"'));
    const { code, errors } = await preflight();
    expect([code, errors]).toEqual([3, expect.stringContaining('live/unknown-context')]);
  });

  test('ends with 1 when the server does not answer', async () => {
    await cluster().server.close();
    const { code, errors } = await preflight();
    expect([code, errors]).toEqual([1, expect.stringContaining('no answer')]);
  });
});
