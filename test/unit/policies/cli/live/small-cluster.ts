/** The objects of a small mesh, as an API server lists them: without kind, with what a server adds. */
import type { Served } from './api-server.ts';

const meta = (name: string, namespace?: string, more: object = {}) => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
  uid: `uid-of-${name}`,
  resourceVersion: '7',
  creationTimestamp: '2026-01-01T00:00:00Z',
  managedFields: [{ manager: 'kubectl', operation: 'Apply' }],
  ...more,
});

const deployment = (name: string, port: number) => ({
  metadata: meta(name, 'shop'),
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { serviceAccountName: name, containers: [{ name, image: name, ports: [{ containerPort: port }] }] },
    },
  },
  status: { readyReplicas: 1 },
});

const service = (name: string, port: number, appProtocol: string) => ({
  metadata: meta(name, 'shop'),
  spec: { selector: { app: name }, ports: [{ name: 'main', port, targetPort: port, appProtocol }] },
});

const items = (...all: readonly object[]): Served => ({ kind: 'items', items: all });

/** Settings that Istio keeps in the root namespace. */
const settings = 'trustDomain: shop.local\nrootNamespace: istio-system\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}\n';

/** Every path that is read, with `web` and `cart` in `shop`; only `web` may call `POST /cart.v1.Cart/Add` on `cart`. */
export const smallCluster = (): ReadonlyMap<string, Served> =>
  new Map<string, Served>([
    [
      '/api/v1/namespaces',
      items(
        { metadata: meta('shop', undefined, { labels: { 'istio-injection': 'enabled' } }) },
        { metadata: meta('istio-system') },
        { metadata: meta('kube-system') },
      ),
    ],
    ['/api/v1/serviceaccounts', items({ metadata: meta('web', 'shop') }, { metadata: meta('cart', 'shop') })],
    ['/api/v1/services', items(service('web', 8080, 'http'), service('cart', 50051, 'grpc'))],
    [
      '/api/v1/pods',
      items(
        { metadata: meta('web-1', 'shop', { ownerReferences: [{ kind: 'ReplicaSet', name: 'web' }] }), spec: {} },
        { metadata: meta('coredns', 'kube-system'), spec: { containers: [] } },
      ),
    ],
    ['/apis/apps/v1/deployments', items(deployment('web', 8080), deployment('cart', 50051))],
    ['/apis/apps/v1/statefulsets', items()],
    ['/apis/apps/v1/daemonsets', items({ metadata: meta('istiod', 'istio-system'), spec: {} })],
    ['/apis/apps/v1/replicasets', items()],
    ['/apis/batch/v1/jobs', items()],
    ['/apis/batch/v1/cronjobs', items()],
    ['/apis/networking.k8s.io/v1/networkpolicies', items()],
    [
      '/apis/security.istio.io/v1/authorizationpolicies',
      items(
        { metadata: meta('default-deny', 'istio-system'), spec: {} },
        {
          metadata: meta('cart', 'shop'),
          spec: {
            selector: { matchLabels: { app: 'cart' } },
            action: 'ALLOW',
            rules: [
              {
                from: [{ source: { principals: ['shop.local/ns/shop/sa/web'] } }],
                to: [{ operation: { methods: ['POST'], paths: ['/cart.v1.Cart/Add'], ports: ['50051'] } }],
              },
            ],
          },
          status: {},
        },
      ),
    ],
    [
      '/apis/security.istio.io/v1/peerauthentications',
      items({ metadata: meta('default', 'istio-system'), spec: { mtls: { mode: 'STRICT' } } }),
    ],
    ['/apis/security.istio.io/v1/requestauthentications', items()],
    ['/apis/networking.istio.io/v1/sidecars', items()],
    ['/apis/networking.istio.io/v1/destinationrules', items()],
    ['/apis/networking.istio.io/v1/virtualservices', items()],
    ['/apis/networking.istio.io/v1/gateways', items()],
    ['/apis/networking.istio.io/v1/serviceentries', items()],
    ['/apis/telemetry.istio.io/v1/telemetries', items()],
    ['/apis/networking.istio.io/v1alpha3/envoyfilters', items()],
    [
      '/api/v1/namespaces/istio-system/configmaps/istio',
      { kind: 'object', object: { metadata: meta('istio', 'istio-system'), data: { mesh: settings } } },
    ],
  ]);
