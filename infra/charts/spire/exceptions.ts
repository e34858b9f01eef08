/** What `lint` finds in SPIRE's installation and what speaks for leaving it so, by kind and name. */
import type { SpireObject } from './object.ts';

const outsideMesh = 'enforcement/no-sidecar it issues the identities that a sidecar would need to start';
const ownDoor =
  'defence/single-layer every pod of its namespace is refused by NetworkPolicy, and it asks for attestation itself';

const exceptions: Readonly<Record<string, readonly string[]>> = {
  'NetworkPolicy spire-server': ['network/egress-open the API server has another address in each cluster'],
  'ClusterRoleBinding spire-controller-manager': [
    'rbac/policy-writers it reconciles registrations, in the pod of the server that serves them',
  ],
  'StatefulSet spire-server': [outsideMesh],
  'DaemonSet spire-agent': [outsideMesh, ownDoor],
  'DaemonSet spiffe-csi-driver': [outsideMesh, ownDoor],
};

/** The object with its exceptions as an annotation; most have none. */
export function excepted(object: SpireObject): SpireObject {
  const { kind, metadata } = object;
  const own = exceptions[`${kind} ${metadata.name}`];
  if (own === undefined) return object;
  const annotations = { ...metadata.annotations, 'meshwright.dev/ignore': own.join('\n') };
  return { ...object, metadata: { ...metadata, annotations } };
}
