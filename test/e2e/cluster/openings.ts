/**
 * How single layers are taken away so that the ones behind them must answer. Network policies add up, so one that
 * admits everything lifts all others of its direction; an ALLOW policy that matches everything opens the rest.
 */

import type { SourceDocument } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import type { ClusterObject } from './alterations.ts';

/** Admits every packet of one direction to or from every pod of the namespace. */
export function openNetwork(namespace: string, direction: 'ingress' | 'egress'): ClusterObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: `e2e-open-${direction}`, namespace },
    spec: { podSelector: {}, policyTypes: [direction === 'ingress' ? 'Ingress' : 'Egress'], [direction]: [{}] },
  };
}

/** Allows every call to every workload of the mesh. */
export const openPolicies = (rootNamespace: string): ClusterObject => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'e2e-open', namespace: rootNamespace },
  spec: { action: 'ALLOW', rules: [{}] },
});

/** Every Sidecar resource, knowing every host of the mesh. */
export function openSidecars(documents: readonly SourceDocument[]): readonly ClusterObject[] {
  return documents.flatMap(({ value }) => {
    const object = value as ClusterObject;
    if (object.kind !== 'Sidecar') return [];
    const { name, namespace } = object.metadata;
    const spec = { ...(object['spec'] as object), egress: [{ hosts: ['*/*'] }] };
    return [{ ...object, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, spec }];
  });
}

/** The namespaces in which network policies are lifted: all that the mesh is made of, the control plane's excepted. */
export const openedNamespaces = ({ namespaces, config }: Mesh): readonly string[] =>
  namespaces.map(({ name }) => name).filter((name) => name !== config.rootNamespace);
