/** A small mesh without findings, and what lint says once some of its documents are replaced. */
import { PROFILES } from '#policies/analysis/index.ts';
import type { LintResult } from '#policies/analysis/lint/finding.ts';
import { lint } from '#policies/analysis/lint/lint.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';

/** Documents by a name of their own; null takes one out. */
export type Parts = Readonly<Record<string, string | null>>;

/** A pod template's workload with a sidecar; `template` is put into its metadata, `spec` into the pod. */
export function deployment(name: string, template = '', account = name): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: shop}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}${template === '' ? '' : `, ${template}`}}
    spec:
      serviceAccountName: ${account}
      automountServiceAccountToken: false
      containers: [{name: c, image: 'c:1', ports: [{name: web, containerPort: 8080}, {name: raw, containerPort: 9000}]}]`;
}

/** A Service for the workload of that name: gRPC on 80 leading to 8080, TCP on 9000. */
export function service(name: string, more = ''): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec:
  selector: {app: ${name}}
  ${more}
  ports: [{name: web, port: 80, targetPort: web, appProtocol: grpc}, {name: raw, port: 9000, appProtocol: tcp}]`;
}

/** An object of an Istio kind as JSON, which is YAML. */
export function istio(kind: string, name: string, spec: object, metadata: object = {}): string {
  const group = ['VirtualService', 'DestinationRule', 'ServiceEntry', 'Gateway', 'Sidecar'].includes(kind)
    ? 'networking.istio.io/v1'
    : 'security.istio.io/v1';
  const apiVersion =
    { EnvoyFilter: 'networking.istio.io/v1alpha3', NetworkPolicy: 'networking.k8s.io/v1' }[kind] ?? group;
  return JSON.stringify({ apiVersion, kind, metadata: { name, namespace: 'shop', ...metadata }, spec });
}

/** The policy of `cart`; its rules are given. */
export function cartPolicy(rules: readonly object[], spec: object = {}, metadata: object = {}): string {
  return istio('AuthorizationPolicy', 'cart', { selector: { matchLabels: { app: 'cart' } }, rules, ...spec }, metadata);
}

/** The one rule of `cart`, with fields added to or put over its source and operation. */
export function cartRule(source: object = {}, operation: object = {}): object {
  return {
    from: [{ source: { principals: ['td/ns/shop/sa/front'], ...source } }],
    to: [{ operation: { methods: ['POST'], paths: ['/shop.Cart/Get'], ports: ['8080'], ...operation } }],
  };
}

/** Mesh settings. */
export function settings(more: object = {}): string {
  const mesh = JSON.stringify({ trustDomain: 'td', outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' }, ...more });
  return `{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: ${JSON.stringify(mesh)}}}`;
}

const allowNothing = (namespace: string) => istio('AuthorizationPolicy', 'allow-nothing', {}, { namespace });

/** The mesh in which lint finds nothing: `front` calls one method of `cart`. */
export const CLEAN: Parts = {
  settings: settings(),
  namespace: '{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}',
  accounts: ['front', 'cart']
    .map((name) => `{apiVersion: v1, kind: ServiceAccount, metadata: {name: ${name}, namespace: shop}}`)
    .join('\n---\n'),
  front: deployment('front'),
  cart: deployment('cart'),
  cartService: service('cart'),
  strict: istio('PeerAuthentication', 'default', { mtls: { mode: 'STRICT' } }, { namespace: 'istio-system' }),
  rootDeny: allowNothing('istio-system'),
  shopDeny: allowNothing('shop'),
  policy: cartPolicy([cartRule()]),
  network: istio('NetworkPolicy', 'all', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
};

/** Lints the clean mesh with `parts` put over it; throws with the problems when the documents are refused. */
export function lintWith(parts: Parts, on = '2026-06-01'): LintResult {
  const texts = Object.values({ ...CLEAN, ...parts }).filter((text) => text !== null);
  const { documents, problems } = readDocuments('mesh.yaml', texts.join('\n---\n'));
  const mesh = parseMesh(documents);
  if (!mesh.ok || problems.length > 0) throw new Error(JSON.stringify([problems, mesh.ok ? [] : mesh.problems]));
  return lint({ mesh: mesh.value, documents, profile: PROFILES['istio-1.31'], on });
}

/** The codes of all findings, sorted, each once. */
export function codesWith(parts: Parts): readonly string[] {
  return [...new Set(lintWith(parts).findings.map(({ code }) => code))].toSorted();
}
