import type { CodeCase } from './code-case.ts';
import { deployment, istio, type Parts } from './lint-mesh.ts';

/** An installation that nothing is said of, with members put over it. */
const operator = (spec: object = {}, pilot: object = {}, mesh: object = {}): Parts => ({
  operator: JSON.stringify({
    apiVersion: 'install.istio.io/v1alpha1',
    kind: 'IstioOperator',
    metadata: { name: 'mesh', namespace: 'istio-system' },
    spec: {
      tag: '1.31.0',
      components: { cni: { enabled: true } },
      meshConfig: { trustDomain: 'td', outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' }, ...mesh },
      values: { global: { variant: 'distroless' }, pilot: { env: { ENABLE_DEBUG_ON_HTTP: 'false', ...pilot } } },
      ...spec,
    },
  }),
});
const values = (global: object) => ({ values: { global: { variant: 'distroless', ...global } } });
const image = (text: string) => ({ cart: deployment('cart').replace('c:1', text) });
const istiod = (port: number) =>
  ({
    istiod: istio(
      'NetworkPolicy',
      'istiod',
      {
        podSelector: { matchLabels: { app: 'istiod' } },
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ protocol: 'TCP', port }] }],
      },
      { namespace: 'istio-system' },
    ),
  }) satisfies Parts;
const kiali = (key: string) => ({
  kiali: `{apiVersion: v1, kind: ConfigMap, metadata: {name: kiali, namespace: istio-system}, data: {config.yaml: "login_token:\\n  signing_key: ${key}\\n"}}`,
});

const role = (kind: string, rule: object, metadata: object = {}) =>
  JSON.stringify({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { name: 'writer', ...(kind === 'Role' ? { namespace: 'shop' } : {}), ...metadata },
    rules: [{ verbs: ['create', 'patch'], ...rule }],
  });
const binding = (subject: object, name = 'writer') =>
  JSON.stringify({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'writers' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [subject],
  });
const FRONT = { kind: 'ServiceAccount', name: 'front', namespace: 'shop' };
const ADMINS = { kind: 'Group', name: 'mesh-admins', apiGroup: 'rbac.authorization.k8s.io' };
const EVERYBODY = { ...ADMINS, name: 'system:authenticated' };
const filters = { apiGroups: ['networking.istio.io'], resources: ['envoyfilters'] };
const routes = { apiGroups: ['networking.istio.io'], resources: ['virtualservices'] };
const everything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };
const aggregated = { labels: { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' } };

/** Codes about the installation, versions, and who may write what the mesh obeys. */
export const INSTALLATION_CASES: readonly CodeCase[] = [
  {
    code: 'mesh/outbound-allow-any',
    bad: operator({}, {}, { outboundTrafficPolicy: { mode: 'ALLOW_ANY' } }),
    good: operator(),
    because: 'unknown hosts are refused',
  },
  {
    code: 'mesh/first-party-tokens',
    bad: operator(values({ jwtPolicy: 'first-party-jwt' })),
    good: operator(values({ jwtPolicy: 'third-party-jwt' })),
    because: 'tokens are bound',
  },
  {
    code: 'mesh/privileged-init',
    bad: operator({ components: {} }),
    good: operator({ components: {}, profile: 'ambient' }),
    because: 'ambient has no init containers',
  },
  {
    code: 'mesh/full-image',
    bad: operator({ values: {} }),
    good: operator({ values: {}, tag: '1.31.0-distroless' }),
    because: 'the tag names the variant',
  },
  {
    code: 'mesh/trusts-client-headers',
    bad: operator({}, {}, { defaultConfig: { gatewayTopology: { forwardClientCertDetails: 'APPEND_FORWARD' } } }),
    good: operator({}, {}, { defaultConfig: { gatewayTopology: { forwardClientCertDetails: 'SANITIZE_SET' } } }),
    because: 'the header of the client is replaced',
  },
  {
    code: 'mesh/trusts-client-headers',
    bad: operator({}, {}, { defaultConfig: { gatewayTopology: { numTrustedProxies: 1 } } }),
    good: operator({}, {}, { defaultConfig: { gatewayTopology: { numTrustedProxies: 0 } } }),
    because: 'the address of the connection counts',
  },
  {
    code: 'mesh/trusts-client-headers',
    bad: {
      front: deployment(
        'front',
        'annotations: {proxy.istio.io/config: "gatewayTopology: {forwardClientCertDetails: ALWAYS_FORWARD_ONLY}"}',
      ),
    },
    good: {
      front: deployment(
        'front',
        'annotations: {proxy.istio.io/config: "gatewayTopology: {forwardClientCertDetails: SANITIZE}"}',
      ),
    },
    because: 'the header is taken away',
  },
  { code: 'controlplane/open-port', bad: istiod(15010), good: istiod(15012), because: 'the port asks for mTLS' },
  {
    code: 'controlplane/open-port',
    bad: { pilot: deployment('istiod').replaceAll('namespace: shop', 'namespace: istio-system') },
    good: { pilot: deployment('istiod').replaceAll('namespace: shop', 'namespace: istio-system'), ...istiod(15012) },
    because: 'a NetworkPolicy isolates it',
  },
  {
    code: 'controlplane/debug-on',
    bad: operator({}, { ENABLE_DEBUG_ON_HTTP: undefined }),
    good: operator(),
    because: 'it is switched off',
  },
  {
    code: 'mesh/default-signing-key',
    bad: kiali('kiali'),
    good: kiali('3c5b0d1f9a2e4768'),
    because: 'the key is drawn',
  },
  {
    code: 'proxy/vulnerable-version',
    bad: operator({ tag: '1.30.3' }),
    good: operator({ tag: '1.30.4' }),
    because: 'the patch holds the fixes',
  },
  {
    code: 'proxy/vulnerable-version',
    bad: image('docker.io/istio/proxyv2:1.24.9'),
    good: image('docker.io/istio/proxyv2:1.31.0@sha256:0'),
    because: 'the line is newer than every fault',
  },
  {
    code: 'proxy/vulnerable-version',
    bad: image('envoyproxy/envoy:v1.38.3'),
    good: image('envoyproxy/envoy:distroless-v1.38.3'),
    because: 'the tag begins with no version',
  },
  {
    code: 'proxy/version-skew',
    bad: { ...operator(), ...image('istio/proxyv2:1.30.4') },
    good: { ...operator(), ...image('istio/proxyv2:1.31.2') },
    because: 'both are of one line',
  },
  {
    code: 'rbac/policy-writers',
    bad: { role: role('ClusterRole', filters), binding: binding(FRONT) },
    good: { role: role('ClusterRole', filters), binding: binding(ADMINS) },
    because: 'administrators hold the role',
  },
  {
    code: 'rbac/policy-writers',
    bad: { binding: binding(EVERYBODY, 'cluster-admin') },
    good: { binding: binding(EVERYBODY, 'view') },
    because: 'the role of that name is not among the manifests and writes nothing by itself',
  },
  {
    code: 'rbac/policy-writers',
    bad: { role: role('ClusterRole', everything), binding: binding(EVERYBODY) },
    good: {
      role: role('ClusterRole', { ...everything, verbs: ['get', 'list', 'watch'] }),
      binding: binding(EVERYBODY),
    },
    because: 'reading decides nothing',
  },
  {
    code: 'rbac/policy-writers',
    bad: { role: role('ClusterRole', filters, aggregated) },
    good: { role: role('ClusterRole', filters) },
    because: 'nobody holds the role',
  },
  {
    code: 'rbac/route-writers',
    bad: { role: role('ClusterRole', routes), binding: binding(EVERYBODY) },
    good: {
      role: role('ClusterRole', { ...routes, apiGroups: ['gateway.networking.k8s.io'] }),
      binding: binding(EVERYBODY),
    },
    because: 'the kinds are those of another group',
  },
  {
    code: 'identity/idle-api-token',
    bad: {
      cart: deployment('cart').replace('automountServiceAccountToken: false', 'automountServiceAccountToken: true'),
    },
    good: {},
    because: 'the pod takes no token',
  },
];
