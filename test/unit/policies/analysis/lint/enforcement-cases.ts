import type { CodeCase } from './code-case.ts';
import { CLEAN, cartPolicy, cartRule, deployment, istio, settings } from './lint-mesh.ts';

const namespace = (labels: string) => `{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {${labels}}}}`;
const network = (name: string, spec: object) => istio('NetworkPolicy', name, spec);
const custom = {
  custom: istio('AuthorizationPolicy', 'c', {
    action: 'CUSTOM',
    provider: { name: 'opa' },
    rules: [{ to: [{ operation: { paths: ['/x'] } }] }],
  }),
};

/** Codes about who enforces, and how many layers do. */
export const ENFORCEMENT_CASES: readonly CodeCase[] = [
  {
    code: 'enforcement/no-sidecar',
    bad: { cart: deployment('cart', 'annotations: {sidecar.istio.io/inject: "false"}') },
    good: { cart: deployment('cart', 'annotations: {sidecar.istio.io/inject: "true"}') },
    because: 'the sidecar is injected',
  },
  {
    code: 'enforcement/excluded-traffic',
    bad: { cart: deployment('cart', 'annotations: {traffic.sidecar.istio.io/excludeInboundPorts: "8080"}') },
    good: { cart: deployment('cart', 'annotations: {traffic.sidecar.istio.io/excludeInboundPorts: ""}') },
    because: 'nothing is excluded',
  },
  {
    code: 'enforcement/excluded-traffic',
    bad: { cart: deployment('cart', 'annotations: {traffic.sidecar.istio.io/includeInboundPorts: "8080"}') },
    good: { cart: deployment('cart', 'annotations: {traffic.sidecar.istio.io/includeInboundPorts: "*"}') },
    because: 'everything is included',
  },
  {
    code: 'enforcement/injection-unstated',
    bad: { namespace: namespace('') },
    good: { namespace: namespace('istio.io/rev: stable') },
    because: 'a revision injects',
  },
  {
    code: 'authz/target-refs-on-sidecar',
    bad: {
      refs: istio('AuthorizationPolicy', 'refs', {
        targetRefs: [{ group: '', kind: 'Service', name: 'cart' }],
        rules: [cartRule()],
      }),
    },
    good: { refs: cartPolicy([cartRule()]).replace('"cart"', '"refs"') },
    because: 'the policy selects by label',
  },
  {
    code: 'authz/custom-provider-missing',
    bad: custom,
    good: {
      ...custom,
      settings: settings({
        extensionProviders: [{ name: 'opa', envoyExtAuthzGrpc: { service: 'opa.shop', port: 9191 } }],
      }),
    },
    because: 'the mesh settings declare the provider',
  },
  {
    code: 'authz/no-default-deny',
    bad: { rootDeny: null, shopDeny: null },
    good: { rootDeny: null },
    because: 'the namespace is closed by its own policy',
  },
  {
    code: 'authz/default-deny-incomplete',
    bad: { rootDeny: null },
    good: { shopDeny: null },
    because: 'the root namespace closes all of them alike',
  },
  {
    code: 'network/ingress-not-isolated',
    bad: { network: network('all', { podSelector: {}, policyTypes: ['Egress'] }) },
    good: { network: network('all', { podSelector: {}, policyTypes: ['Ingress'] }) },
    because: 'the policy isolates for ingress',
  },
  {
    code: 'network/egress-not-isolated',
    bad: { network: network('all', { podSelector: {}, policyTypes: ['Ingress'] }) },
    good: { network: network('all', { podSelector: {}, policyTypes: ['Egress'] }) },
    because: 'the policy isolates for egress',
  },
  {
    code: 'network/egress-open',
    bad: { open: network('open', { podSelector: {}, egress: [{}] }) },
    good: { open: network('open', { podSelector: {}, egress: [{ ports: [{ port: 53, protocol: 'UDP' }] }] }) },
    because: 'only one port is open',
  },
  {
    code: 'defence/single-layer',
    bad: { network: null },
    good: { network: CLEAN['network'] ?? null },
    because: 'the network isolates the pod as well',
  },
];
