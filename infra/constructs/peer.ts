import type { Grant } from '#policies/intent/index.ts';

declare const principalBrand: unique symbol;

/** A peer identity as AuthorizationPolicies write it: `trading.local/ns/trading/sa/order`, without the scheme. */
export type Principal = string & { readonly [principalBrand]: true };

/** Kubernetes labels or annotations. */
export type Labels = Readonly<Record<string, string>>;

/** Pods of the cluster as policies see them, with the DNS name under which they are called. */
export interface PodPeer {
  readonly kind: 'pods';
  readonly namespace: string;
  /** Labels that select the pods; never empty. */
  readonly labels: Labels;
  /** `execution.trading.svc.cluster.local`. */
  readonly host: string;
}

/** One end of an edge. `node` is the kubelet of the pod's own node, `internet` whoever reaches the ingress address. */
export type Peer =
  | PodPeer
  | { readonly kind: 'node' }
  | { readonly kind: 'internet' }
  /** Pods of another cluster, which no selector names. */
  | { readonly kind: 'ranges'; readonly addresses: readonly string[] }
  /** A host outside; without `addresses` it is somewhere outside the private ranges. */
  | { readonly kind: 'external'; readonly host: string; readonly addresses?: readonly string[] };

/** All grants of one caller and one callee. */
export interface Edge {
  readonly caller: Peer;
  readonly callee: Peer;
  readonly grants: readonly Grant[];
}

/** The label by which every selector of the platform finds a workload's pods. */
export const nameLabel = 'app.kubernetes.io/name';

/** The principal of a service account, trust domain always written out. */
export function principalOf(trustDomain: string, namespace: string, serviceAccount: string): Principal {
  return `${trustDomain}/ns/${namespace}/sa/${serviceAccount}` as Principal;
}

/** The full DNS name of a Service. */
export function serviceHost(namespace: string, service: string): string {
  return `${service}.${namespace}.svc.cluster.local`;
}

/** Orders texts by code unit, so that no locale has a say in what is written. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The distinct texts in order. */
export function sortedUnique(texts: Iterable<string>): readonly string[] {
  return [...new Set(texts)].sort(compareText);
}
