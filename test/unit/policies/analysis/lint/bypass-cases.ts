import type { CodeCase } from './code-case.ts';
import { cartPolicy, cartRule, deployment, istio, service, settings } from './lint-mesh.ts';

const permissive = {
  peers: istio('PeerAuthentication', 'cart', {
    selector: { matchLabels: { app: 'cart' } },
    mtls: { mode: 'STRICT' },
    portLevelMtls: { 8080: { mode: 'PERMISSIVE' } },
  }),
};
const deny = (rule: object) => ({
  deny: istio('AuthorizationPolicy', 'deny', {
    action: 'DENY',
    selector: { matchLabels: { app: 'cart' } },
    rules: [rule],
  }),
});
const paths = (operation: object) => ({ to: [{ operation }] });
const base = { settings: settings({ pathNormalization: { normalization: 'BASE' } }) };
const merged = { settings: settings({ pathNormalization: { normalization: 'MERGE_SLASHES' } }) };
const route = (match: object) => ({
  ...merged,
  ...deny(paths({ paths: ['/admin'] })),
  route: istio('VirtualService', 'v', {
    hosts: ['cart.shop.svc.cluster.local'],
    http: [{ match: [match], route: [{ destination: { host: 'cart.shop.svc.cluster.local' } }] }],
  }),
});
const udp = deployment('cart').replace('containerPort: 9000', 'containerPort: 9000, protocol: UDP');

/** Codes about rules and ports that a caller gets around. */
export const BYPASS_CASES: readonly CodeCase[] = [
  {
    code: 'authz/plaintext-passes-rule',
    bad: { ...permissive, ...deny({ from: [{ source: { principals: ['td/ns/shop/sa/front'] } }] }) },
    good: deny({ from: [{ source: { principals: ['td/ns/shop/sa/front'] } }] }),
    because: 'STRICT refuses plaintext',
  },
  {
    code: 'authz/plaintext-passes-rule',
    bad: { ...permissive, policy: cartPolicy([cartRule({ principals: undefined, notNamespaces: ['evil'] })]) },
    good: { ...permissive, policy: cartPolicy([cartRule()]) },
    because: 'a positive value asks for an identity',
  },
  {
    code: 'authz/plaintext-passes-rule',
    bad: { ...permissive, ...deny({ ...paths({ ports: ['8080'] }), from: [{ source: { namespaces: ['shop'] } }] }) },
    good: { ...permissive, ...deny({ ...paths({ ports: ['9000'] }), from: [{ source: { namespaces: ['shop'] } }] }) },
    because: 'the rule is about the other port, which is STRICT',
  },
  {
    code: 'mesh/path-normalization-base',
    bad: { ...base, ...deny(paths({ paths: ['/admin'] })) },
    good: { ...merged, ...deny(paths({ paths: ['/admin'] })) },
    because: 'slashes are merged',
  },
  {
    code: 'mesh/path-normalization-base',
    bad: { ...base, policy: cartPolicy([cartRule({}, { paths: undefined, notPaths: ['/shop.Cart/Get'] })]) },
    good: base,
    because: 'the rules list what is permitted',
  },
  {
    code: 'routing/case-ignored',
    bad: route({ uri: { prefix: '/admin' }, ignoreUriCase: true }),
    good: route({ uri: { prefix: '/admin' } }),
    because: 'routes compare with case too',
  },
  {
    code: 'authz/reflection-open',
    bad: { policy: cartPolicy([cartRule({}, { paths: ['/grpc.reflection.v1.ServerReflection/*'] })]) },
    good: { policy: cartPolicy([cartRule({}, { paths: ['/grpc.health.v1.Health/*'] })]) },
    because: 'health is another service',
  },
  {
    code: 'enforcement/uncaptured-protocol',
    bad: { cart: udp, network: null },
    good: { cart: udp },
    because: 'a NetworkPolicy isolates the pod',
  },
  {
    code: 'service/proxy-port',
    bad: { cartService: service('cart').replace('port: 9000,', 'port: 9000, targetPort: 15090,') },
    good: { cartService: service('cart').replace('port: 9000,', 'port: 15021, targetPort: 15021,') },
    because: 'load balancers ask the health port',
  },
];
