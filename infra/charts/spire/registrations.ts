/** Who gets which identity: one ClusterSPIFFEID for each workload of the catalog, and none that catches the rest. */
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import { nameLabel } from '../../constructs/peer.ts';
import type { SpireIdentity } from '../../environments/index.ts';
import { classNameOf, managedLabel } from './names.ts';
import type { SpireObject } from './object.ts';

/** The pod says who it is; the selectors below say which pods are asked. */
const spiffeIdTemplate = 'spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}';

/**
 * The registration of one workload. Three things must meet before a process gets the identity: the pod carries the
 * workload's labels in the workload's namespace, it runs under the workload's account, and the process is the proxy.
 */
export function registration(
  { name, namespace, serviceAccount }: ServiceDeclaration,
  identity: SpireIdentity,
  federatesWith: readonly string[],
): SpireObject {
  return {
    apiVersion: 'spire.spiffe.io/v1alpha1',
    kind: 'ClusterSPIFFEID',
    metadata: { name: `${namespace}-${name}` },
    spec: {
      className: classNameOf(identity),
      spiffeIDTemplate: spiffeIdTemplate,
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      podSelector: { matchLabels: { [nameLabel]: name, [managedLabel]: 'true' } },
      workloadSelectorTemplates: [`k8s:sa:${serviceAccount}`, 'k8s:container-name:istio-proxy'],
      ttl: identity.leafLifetime,
      ...(federatesWith.length === 0 ? {} : { federatesWith }),
    },
  };
}
