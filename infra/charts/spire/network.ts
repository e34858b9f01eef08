/** Namespaces of the SPIRE installation, and what their pods may send and receive. */
import type { Environment } from '../../environments/index.ts';
import { podSecurityLabels } from '../namespace-chart.ts';
import { nodeNamespace, partLabels, serverAccount, serverNamespace } from './names.ts';
import type { SpireObject } from './object.ts';

function namespace(name: string, level: 'restricted' | 'privileged', reason?: string): SpireObject {
  const labels = { 'kubernetes.io/metadata.name': name, 'istio-injection': 'disabled', ...podSecurityLabels(level) };
  const annotations = reason === undefined ? {} : { 'meshwright.dev/reason': reason };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels, annotations } };
}

/** Both namespaces; the proxies of neither's pods would have an identity to start with, so none is injected. */
export const spireNamespaces: readonly SpireObject[] = [
  namespace(serverNamespace, 'restricted'),
  namespace(nodeNamespace, 'privileged', 'the agent attests processes of the node, the CSI driver mounts into pods'),
];

const policy = (
  name: string,
  where: string,
  spec: Readonly<Record<string, unknown>>,
  reason?: string,
): SpireObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: {
    name,
    namespace: where,
    ...(reason === undefined ? {} : { annotations: { 'meshwright.dev/reason': reason } }),
  },
  spec,
});

const closed = (where: string) =>
  policy('default-deny', where, { podSelector: {}, policyTypes: ['Egress', 'Ingress'] });

/**
 * Closed by default. The server's door is open to any address: agents have their nodes' addresses and the API server
 * calls the webhook from one, and no selector names those; agents are attested and the webhook only says yes or no.
 */
export function spireNetwork({ federation }: Environment): readonly SpireObject[] {
  const ports = [8081, 9443, ...(federation.length === 0 ? [] : [8443])].map((port) => ({ port, protocol: 'TCP' }));
  const door = {
    podSelector: { matchLabels: partLabels(serverAccount.name) },
    policyTypes: ['Egress', 'Ingress'],
    ingress: [{ ports }],
    egress: [{}],
  };
  return [
    closed(serverNamespace),
    closed(nodeNamespace),
    policy(
      'spire-server',
      serverNamespace,
      door,
      'agents and the API server call from node addresses; the API server itself has another address in each cluster',
    ),
  ];
}
