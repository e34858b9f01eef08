import type { CodeCase } from './code-case.ts';
import { cartPolicy, cartRule, istio, service, settings } from './lint-mesh.ts';

const peers = (spec: object, metadata: object = {}) => ({ peers: istio('PeerAuthentication', 'cart', spec, metadata) });
const selected = { selector: { matchLabels: { app: 'cart' } } };
const destination = (host: string, tls: object | null) => ({
  destination: istio('DestinationRule', 'd', { host, ...(tls === null ? {} : { trafficPolicy: { tls } }) }),
});
const outside = {
  entry: istio('ServiceEntry', 'e', {
    hosts: ['api.example'],
    ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
    resolution: 'DNS',
  }),
};
const gateway = (server: object) => ({
  gateway: istio('Gateway', 'g', {
    selector: { app: 'front' },
    servers: [
      {
        port: { number: 8443, name: 'g', protocol: 'HTTPS' },
        hosts: ['shop/shop.example'],
        tls: { mode: 'SIMPLE', credentialName: 'c' },
        ...server,
      },
    ],
  }),
});
const route = (namespace: string) => ({
  route: istio(
    'VirtualService',
    'v',
    {
      hosts: ['cart.shop.svc.cluster.local'],
      http: [{ route: [{ destination: { host: 'cart.shop.svc.cluster.local' } }] }],
    },
    { namespace },
  ),
});
const CART = 'cart.shop.svc.cluster.local';

/** Codes about mTLS, hosts, gateways, routes and settings. */
export const TRAFFIC_CASES: readonly CodeCase[] = [
  {
    code: 'transport/permissive',
    bad: peers({ ...selected, mtls: { mode: 'PERMISSIVE' } }),
    good: peers({ ...selected, mtls: { mode: 'STRICT' } }),
    because: 'the mode is STRICT',
  },
  {
    code: 'transport/disabled',
    bad: peers({ ...selected, portLevelMtls: { 8080: { mode: 'DISABLE' } } }),
    good: peers({ ...selected, portLevelMtls: { 8080: { mode: 'UNSET' } } }),
    because: 'an unset port inherits',
  },
  {
    code: 'transport/not-strict',
    bad: { strict: null },
    good: {},
    because: 'the mesh-wide policy sets a mode',
  },
  {
    code: 'transport/identity-rule-without-mtls',
    bad: peers({ ...selected, portLevelMtls: { 8080: { mode: 'DISABLE' } } }),
    good: peers({ ...selected, portLevelMtls: { 9000: { mode: 'DISABLE' } } }),
    because: 'the rule is about another port',
  },
  {
    code: 'transport/ignored-policy',
    bad: peers({ ...selected, mtls: { mode: 'STRICT' } }, { namespace: 'istio-system' }),
    good: peers({ ...selected, mtls: { mode: 'STRICT' } }),
    because: 'the selector stands in the namespace of the workload',
  },
  {
    code: 'transport/port-without-effect',
    bad: peers({ ...selected, portLevelMtls: { 80: { mode: 'STRICT' } } }),
    good: peers({ ...selected, portLevelMtls: { 8080: { mode: 'STRICT' } } }),
    because: 'the key is the container port',
  },
  {
    code: 'transport/client-tls-off',
    bad: destination(CART, { mode: 'DISABLE' }),
    good: destination(CART, { mode: 'ISTIO_MUTUAL' }),
    because: 'ISTIO_MUTUAL keeps the identity',
  },
  {
    code: 'transport/unverified-origination',
    bad: { ...outside, ...destination('api.example', { mode: 'SIMPLE' }) },
    good: {
      ...outside,
      ...destination('api.example', {
        mode: 'SIMPLE',
        caCertificates: '/etc/ca.pem',
        subjectAltNames: ['api.example'],
      }),
    },
    because: 'authority and name are given',
  },
  {
    code: 'transport/headless',
    bad: { cartService: service('cart', 'clusterIP: None') },
    good: { cartService: service('cart', 'clusterIP: None'), ...destination(CART, { mode: 'ISTIO_MUTUAL' }) },
    because: 'the DestinationRule forces mTLS',
  },
  {
    code: 'service/undeclared-protocol',
    bad: {
      namespace: '{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}',
      cartService: service('cart').replace(', appProtocol: grpc', ''),
    },
    good: {
      cartService: service('cart')
        .replace('name: web, port: 80', 'name: grpc-web1, port: 80')
        .replace(', appProtocol: grpc', ''),
    },
    because: 'the prefix of the name declares it',
  },
  {
    code: 'routing/unknown-host',
    bad: destination('crt.shop.svc.cluster.local', null),
    good: destination('cart', null),
    because: 'a short name is meant in the namespace of the rule',
  },
  {
    code: 'routing/foreign-host',
    bad: route('elsewhere'),
    good: route('shop'),
    because: 'the route stands next to its Service',
  },
  {
    code: 'routing/service-shadowed',
    bad: {
      entry: istio('ServiceEntry', 'e', {
        hosts: [CART],
        ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
        resolution: 'DNS',
      }),
    },
    good: outside,
    because: 'the host is outside the cluster',
  },
  {
    code: 'gateway/auto-passthrough',
    bad: gateway({ tls: { mode: 'AUTO_PASSTHROUGH' } }),
    good: gateway({ tls: { mode: 'PASSTHROUGH' } }),
    because: 'PASSTHROUGH needs a route of its own for each host',
  },
  {
    code: 'gateway/any-host',
    bad: gateway({ hosts: ['*'] }),
    good: gateway({ hosts: ['shop/*.shop.example'] }),
    because: 'the hosts are those of one namespace and domain',
  },
  {
    code: 'gateway/plaintext',
    bad: {
      gateway: istio('Gateway', 'g', {
        selector: { app: 'front' },
        servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['shop/a.example'] }],
      }),
    },
    good: gateway({}),
    because: 'the server terminates TLS',
  },
  {
    code: 'opaque/proxy-extension',
    bad: { filter: istio('EnvoyFilter', 'f', { configPatches: [] }) },
    good: {},
    because: 'nothing extends the proxy',
  },
  {
    code: 'mesh/path-normalization-off',
    bad: { settings: settings({ pathNormalization: { normalization: 'NONE' } }) },
    good: { settings: settings({ pathNormalization: { normalization: 'MERGE_SLASHES' } }) },
    because: 'paths are normalized',
  },
  {
    code: 'selector/matches-nothing',
    bad: { policy: cartPolicy([cartRule()], { selector: { matchLabels: { app: 'crt' } } }) },
    good: { policy: cartPolicy([cartRule()], { selector: {} }) },
    because: 'an empty selector is the whole namespace',
  },
];
