/** NetworkPolicies: the network tier of the same edges, enforced on pod addresses before any proxy sees a byte. */
import type { Construct } from 'constructs';
import type { Grant } from '#policies/intent/index.ts';
import { connectionLines } from './grant-annotations.ts';
import { atSynthesis, renderObject, sourceAnnotation } from './istio-object.ts';
import { compareText, type Edge, type Labels, type Peer, sortedUnique } from './peer.ts';

interface PeerSelector {
  readonly namespaceSelector?: { readonly matchLabels: Labels };
  readonly podSelector?: { readonly matchLabels: Labels };
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface PortSelector {
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

/** One rule of one direction: these peers, these ports. */
type NetworkRule = {
  readonly [direction in 'from' | 'to']?: readonly PeerSelector[];
} & { readonly ports: readonly PortSelector[] };

const anywhere: readonly PeerSelector[] = [{ ipBlock: { cidr: '0.0.0.0/0' } }, { ipBlock: { cidr: '::/0' } }];

/** Hosts outside the mesh are outside the private ranges: without this an external grant would open the cluster. */
const publicAddresses: readonly PeerSelector[] = [
  {
    ipBlock: {
      cidr: '0.0.0.0/0',
      except: ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
    },
  },
  { ipBlock: { cidr: '::/0', except: ['fc00::/7', 'fe80::/10'] } },
];

const blocks = (addresses: readonly string[]): readonly PeerSelector[] =>
  sortedUnique(addresses).map((cidr) => ({ ipBlock: { cidr } }));

/** The selectors of a peer; none for the node, whose traffic to its own pods no NetworkPolicy blocks (semantics.md 9). */
function selectorsOf(peer: Peer): readonly PeerSelector[] {
  switch (peer.kind) {
    case 'pods':
      return [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': peer.namespace } },
          podSelector: { matchLabels: peer.labels },
        },
      ];
    case 'internet':
      return anywhere;
    case 'ranges':
      return blocks(peer.addresses);
    case 'external':
      return peer.addresses === undefined ? publicAddresses : blocks(peer.addresses);
    case 'node':
      return [];
    default:
      return unreachable(peer);
  }
}

function unreachable(peer: never): never {
  throw new Error(`unexpected peer: ${JSON.stringify(peer)}`);
}

function portsOf(grants: readonly Grant[]): readonly PortSelector[] {
  const keys = grants.map(
    ({ port, protocol }) => `${String(port).padStart(5, '0')}/${protocol === 'udp' ? 'UDP' : 'TCP'}`,
  );
  return sortedUnique(keys).map((key) => ({
    port: Number(key.slice(0, 5)),
    protocol: key.endsWith('UDP') ? 'UDP' : 'TCP',
  }));
}

function rulesOf(edges: readonly Edge[], direction: 'from' | 'to'): readonly NetworkRule[] {
  return edges
    .map((edge) => ({
      peers: selectorsOf(direction === 'from' ? edge.caller : edge.callee),
      ports: portsOf(edge.grants),
    }))
    .filter(({ peers }) => peers.length > 0)
    .map(({ peers, ports }) => ({ [direction]: peers, ports }))
    .sort((left, right) => compareText(JSON.stringify(left), JSON.stringify(right)));
}

/** One rule for each caller of a workload. */
const ingressRules = (inbound: readonly Edge[]): readonly NetworkRule[] => rulesOf(inbound, 'from');

/** One rule for each callee of a workload. */
const egressRules = (outbound: readonly Edge[]): readonly NetworkRule[] => rulesOf(outbound, 'to');

/** Adds the namespace's default: no pod sends or receives anything that no other policy admits. */
export function isolateNamespace(scope: Construct): void {
  renderObject(scope, 'isolation', {
    kind: 'NetworkPolicy',
    metadata: { name: 'default-deny' },
    body: { spec: { podSelector: {}, policyTypes: ['Egress', 'Ingress'] } },
  });
}

/** The network edges of one workload. */
export interface NetworkEdgesProps {
  readonly name: string;
  readonly selector: Labels;
  /** Asked at synthesis, when every edge is known. */
  readonly inbound: () => readonly Edge[];
  /** Asked at synthesis, when every edge is known. */
  readonly outbound: () => readonly Edge[];
}

/** Adds the NetworkPolicy of one workload: both directions, a rule for each edge. */
export function networkEdges(scope: Construct, id: string, props: NetworkEdgesProps): void {
  renderObject(scope, id, {
    kind: 'NetworkPolicy',
    metadata: {
      name: props.name,
      annotations: {
        [sourceAnnotation]: atSynthesis(() => connectionLines([...props.inbound(), ...props.outbound()])),
      },
    },
    body: {
      spec: {
        podSelector: { matchLabels: props.selector },
        policyTypes: ['Egress', 'Ingress'],
        ingress: atSynthesis(() => ingressRules(props.inbound())),
        egress: atSynthesis(() => egressRules(props.outbound())),
      },
    },
  });
}

/** Which ports of istiod are open, to whom. */
export interface ControlPlaneDoorProps {
  /** Pods whose proxies take configuration and certificates from istiod. */
  readonly proxies: readonly Peer[];
  readonly configurationPort: number;
  /** Called by the API server, from node addresses that no selector names. */
  readonly webhookPort: number;
}

/**
 * Adds the NetworkPolicy of istiod: its plaintext and debug ports are closed to every pod. Egress stays open, because
 * the address of the API server differs from cluster to cluster.
 */
export function controlPlaneDoor(scope: Construct, id: string, props: ControlPlaneDoorProps): void {
  const rule = (peer: Peer, port: number): NetworkRule => ({
    from: selectorsOf(peer),
    ports: [{ port, protocol: 'TCP' }],
  });
  renderObject(scope, id, {
    kind: 'NetworkPolicy',
    metadata: {
      name: 'istiod',
      annotations: {
        'meshwright.dev/reason': `the API server calls the webhooks on ${props.webhookPort} from node addresses`,
      },
    },
    body: {
      spec: {
        podSelector: { matchLabels: { app: 'istiod' } },
        policyTypes: ['Ingress'],
        ingress: [
          ...props.proxies.map((peer) => rule(peer, props.configurationPort)),
          rule({ kind: 'internet' }, props.webhookPort),
        ],
      },
    },
  });
}
