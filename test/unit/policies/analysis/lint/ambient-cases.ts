import type { CodeCase } from './code-case.ts';
import { cartPolicy, istio, type Parts, service, settings } from './lint-mesh.ts';

const namespace = (labels: string) => `{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {${labels}}}}`;
const l4 = (principal = 'td/ns/shop/sa/front') =>
  cartPolicy([{ from: [{ source: { principals: [principal] } }], to: [{ operation: { ports: ['8080'] } }] }]);
const ambient: Parts = { namespace: namespace('istio.io/dataplane-mode: ambient'), policy: l4() };
const network = (name: string, spec: object) => istio('NetworkPolicy', name, spec);
const fromSource = (source: object) => cartPolicy([{ from: [{ source }] }]);

const waypoint = `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: way, namespace: shop},
  spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}}`;
const behindWaypoint = service('cart').replace(
  'namespace: shop}',
  'namespace: shop, labels: {istio.io/use-waypoint: way}}',
);
const waypointed: Parts = { ...ambient, waypoint, cartService: behindWaypoint };

/** Codes about ztunnel and waypoints. */
export const AMBIENT_CASES: readonly CodeCase[] = [
  {
    code: 'ambient/http-field',
    bad: { namespace: namespace('istio.io/dataplane-mode: ambient') },
    good: ambient,
    because: 'ztunnel knows identities and ports',
  },
  {
    code: 'ambient/http-field',
    bad: { ...ambient, policy: cartPolicy([{ to: [{ operation: { paths: ['/x'] } }] }], { action: 'DENY' }) },
    good: { ...ambient, policy: cartPolicy([{ to: [{ operation: { ports: ['9000'] } }] }], { action: 'DENY' }) },
    because: 'a DENY rule of ports is enforced as it is written',
  },
  {
    code: 'ambient/trust-domains-dropped',
    bad: { ...ambient, policy: fromSource({ trustDomains: ['td'], namespaces: ['shop'] }) },
    good: ambient,
    because: 'the principal is named as a whole',
  },
  {
    code: 'ambient/name-read-literally',
    bad: { ...ambient, policy: l4('cluster.local/ns/shop/sa/front') },
    good: ambient,
    because: 'the own trust domain is written out',
  },
  {
    code: 'ambient/name-read-literally',
    bad: { ...ambient, settings: settings({ trustDomainAliases: ['old'] }), policy: l4('old/ns/shop/sa/front') },
    good: { ...ambient, settings: settings({ caCertificates: [] }) },
    because: 'without aliases nothing would be expanded',
  },
  {
    code: 'ambient/name-read-literally',
    bad: { ...ambient, policy: fromSource({ namespaces: ['s*p'] }) },
    good: { ...ambient, policy: fromSource({ namespaces: ['sho*'] }) },
    because: 'a star at the end is a prefix for ztunnel too',
  },
  {
    code: 'ambient/disable-is-permissive',
    bad: { ...ambient, off: istio('PeerAuthentication', 'off', { mtls: { mode: 'DISABLE' } }) },
    good: { off: istio('PeerAuthentication', 'off', { mtls: { mode: 'DISABLE' } }) },
    because: 'sidecars have the mode DISABLE',
  },
  {
    code: 'ambient/hbone-opens-every-port',
    bad: { ...ambient, hbone: network('hbone', { podSelector: {}, ingress: [{ ports: [{ port: 15008 }] }] }) },
    good: { hbone: network('hbone', { podSelector: {}, ingress: [{ ports: [{ port: 15008 }] }] }) },
    because: 'with sidecars the port carries nothing',
  },
  {
    code: 'ambient/hbone-closed',
    bad: { ...ambient, ports: network('ports', { podSelector: {}, ingress: [{ ports: [{ port: 8080 }] }] }) },
    good: { ports: network('ports', { podSelector: {}, ingress: [{ ports: [{ port: 8080 }] }] }) },
    because: 'with sidecars the connection goes to the port itself',
  },
  {
    code: 'ambient/waypoint-missing',
    bad: { ...ambient, cartService: behindWaypoint },
    good: waypointed,
    because: 'the Gateway is there',
  },
  {
    code: 'ambient/way-around-waypoint',
    bad: waypointed,
    good: { ...waypointed, policy: l4('td/ns/shop/sa/way') },
    because: 'only the waypoint is let in',
  },
  {
    code: 'ambient/waypoint-shut-out',
    bad: waypointed,
    good: { ...waypointed, policy: l4('td/ns/shop/sa/way') },
    because: "the waypoint's identity is named",
  },
  {
    code: 'ambient/waypoint-before-sidecar',
    bad: { waypoint, namespace: namespace('istio-injection: enabled, istio.io/use-waypoint: way') },
    good: {
      ...ambient,
      waypoint,
      namespace: namespace('istio.io/dataplane-mode: ambient, istio.io/use-waypoint: way'),
    },
    because: 'ztunnel leads calls through the waypoint',
  },
  {
    code: 'authz/target-refs-on-sidecar',
    bad: { ...ambient, refs: attached('Service', 'cart') },
    good: { ...waypointed, refs: attached('Service', 'cart') },
    because: 'the Service is behind a waypoint',
  },
];

function attached(kind: string, name: string): string {
  return istio('AuthorizationPolicy', 'refs', { targetRefs: [{ group: '', kind, name }], rules: [{}] });
}
