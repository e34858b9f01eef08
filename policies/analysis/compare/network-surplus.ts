/**
 * What the NetworkPolicies of one end admit beyond a declaration. The other ends are: every workload of the manifests;
 * pods that nobody declared, with any labels, in any namespace; and every address. A selector that asks for a label's
 * value speaks of the pods that carry it: of the workloads and the declared pods it selects, else of what its namespace
 * runs besides.
 */
import type { LabelSelector, NetworkPeer, NetworkPolicy, NetworkRule, Workload } from '../../language/mesh.ts';
import { selects } from '../attachment.ts';
import { isInBlock, namespaceLabels } from '../network.ts';
import type { Address, Pod } from '../request.ts';
import { points } from '../symbolic/address-variable.ts';
import { isPublic, PRIVATE_BLOCKS } from './address-ranges.ts';
import type { DeclaredEnds, Direction, Ports } from './connections.ts';
import type { MeshIndex } from './destinations.ts';
import { requirementsOf, tryPickLabels } from './label-box.ts';
import { portOutside, type RulePort } from './rule-ports.ts';

/** The other end of an undeclared connection. */
export type OtherEnd =
  | { readonly kind: 'workload'; readonly workload: Workload }
  | { readonly kind: 'pod'; readonly pod: Pod }
  | { readonly kind: 'address'; readonly address: Address };

/** One connection that a rule admits and nobody declared. */
export interface Surplus {
  readonly other: OtherEnd;
  readonly port: RulePort;
  /** Null where no policy isolates the end. */
  readonly policy: NetworkPolicy | null;
  readonly rule: number;
  /** Whether the end is declared for other ports. */
  readonly declared: 'otherPorts' | 'never';
}

/** Where a rule stands. */
interface RulePlace {
  readonly policy: NetworkPolicy;
  readonly rule: NetworkRule;
  readonly index: number;
  readonly direction: Direction;
  /** The workload whose ports an ingress rule means. */
  readonly own: Workload;
  readonly ends: DeclaredEnds;
}

/** The name of a namespace that nobody declared. */
const ELSEWHERE = 'elsewhere';
const STRANGER = 'stranger';
const NONE: Ports = new Set();

/** Finds what policies admit beyond what is declared. */
export class NetworkSurplus {
  readonly #index: MeshIndex;
  readonly #namespaces: readonly string[];
  readonly #pods: readonly Workload[];

  constructor(index: MeshIndex, namespaces: Iterable<string>, pods: readonly Workload[]) {
    this.#index = index;
    this.#pods = pods;
    this.#namespaces = [...new Set(namespaces)];
  }

  /** One undeclared connection for each peer of each rule that admits some. */
  list(
    own: Workload,
    direction: Direction,
    { policies, ends }: { readonly policies: readonly NetworkPolicy[]; readonly ends: DeclaredEnds },
  ): readonly Surplus[] {
    return policies.flatMap((policy) => {
      const side = policy[direction];
      if (side.kind !== 'isolated') return [];
      return side.rules.flatMap((rule, index) => this.#ofRule({ policy, rule, index, direction, own, ends }));
    });
  }

  #ofRule(place: RulePlace): readonly Surplus[] {
    const { peers } = place.rule;
    const all = peers.kind === 'all' ? EVERYBODY : peers.peers;
    return all.flatMap((peer) => {
      const found = peer.kind === 'block' ? ofBlock(place, peer) : this.#ofPods(place, peer);
      return found === undefined ? [] : [found];
    });
  }

  #ofPods(place: RulePlace, peer: Extract<NetworkPeer, { kind: 'pods' }>): Surplus | undefined {
    for (const namespace of this.#selected(place.policy, peer)) {
      const known = this.#workloadsIn(namespace, peer.pods);
      for (const workload of known) {
        const ports = place.ends.workloads.get(workload);
        const found = surplus(place, { kind: 'workload', workload }, ports ?? NONE);
        if (found !== undefined) return found;
      }
      const besides = this.#pods.filter(
        (pod) => pod.namespace === namespace && selects(peer.pods, pod.labels) && asksForValue(peer.pods),
      );
      for (const pod of besides) {
        const other = { kind: 'pod', pod: { namespace, workload: pod.name, labels: pod.labels } } as const;
        const found = surplus(place, other, place.ends.pods.get(pod) ?? place.ends.waypoints.get(pod) ?? NONE);
        if (found !== undefined) return found;
      }
      const labels = labelsFor(peer.pods);
      if (labels === undefined || (asksForValue(peer.pods) && known.length + besides.length > 0)) continue;
      const pod = { namespace, workload: STRANGER, labels };
      const ports = asksForValue(peer.pods) ? (place.ends.outside.get(namespace) ?? NONE) : NONE;
      const found = surplus(place, { kind: 'pod', pod }, ports);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The namespaces that a peer selects; one that nobody declared has no label but its name. */
  #selected(policy: NetworkPolicy, { namespaces }: Extract<NetworkPeer, { kind: 'pods' }>): readonly string[] {
    if (namespaces.kind === 'own') return [policy.namespace];
    const { selector } = namespaces;
    const named = selector.labels['kubernetes.io/metadata.name'];
    const candidates = named === undefined ? [ELSEWHERE, ...this.#namespaces] : [named];
    return candidates.filter((name) => selects(selector, namespaceLabels(this.#index.mesh, name)));
  }

  #workloadsIn(namespace: string, selector: LabelSelector): readonly Workload[] {
    const [label] = Object.entries(selector.labels);
    const candidates =
      label === undefined ? this.#index.slice(namespace).workloads : this.#index.labelled(namespace, label);
    return candidates.filter((each) => each.namespace === namespace && selects(selector, each.labels));
  }
}

const ANYTHING: LabelSelector = { labels: {}, expressions: [] };
/** What a rule without peers means. */
const EVERYBODY: readonly NetworkPeer[] = [
  { kind: 'pods', namespaces: { kind: 'selected', selector: ANYTHING }, pods: ANYTHING },
  { kind: 'block', block: { words: [0], bits: 0 }, except: [] },
  { kind: 'block', block: { words: [0, 0, 0, 0], bits: 0 }, except: [] },
];

function ofBlock(place: RulePlace, peer: Extract<NetworkPeer, { kind: 'block' }>): Surplus | undefined {
  const { ends, direction } = place;
  for (const address of points([peer.block, ...peer.except, ...PRIVATE_BLOCKS])) {
    if (!isInBlock(peer, address)) continue;
    const found = surplus(place, { kind: 'address', address }, addressPorts(ends, direction, address));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The ports declared for an address, `anywhere` left out. */
function addressPorts(ends: DeclaredEnds, direction: Direction, address: Address): Ports {
  return direction === 'egress' && isPublic(address) ? ends.hosts : NONE;
}

function surplus({ policy, rule, index, direction, own, ends }: RulePlace, other: OtherEnd, declared: Ports) {
  const target = direction === 'ingress' ? own : other.kind === 'workload' ? other.workload : null;
  const port = portOutside(rule.ports, [declared, ends.anywhere], target);
  if (port === undefined) return undefined;
  return { other, port, policy, rule: index, declared: declared.size > 0 ? 'otherPorts' : 'never' } as const;
}

/** The connection that shows an end without policies: from or to a pod of nowhere. */
export function openSide(own: Workload, direction: Direction): Surplus {
  const pod = { namespace: ELSEWHERE, workload: STRANGER, labels: {} };
  const number = direction === 'ingress' ? (own.ports.find(({ protocol }) => protocol === 'TCP')?.number ?? 80) : 80;
  return { other: { kind: 'pod', pod }, port: { protocol: 'TCP', number }, policy: null, rule: 0, declared: 'never' };
}

/** Whether only pods with some label's value are selected. */
export function asksForValue({ labels, expressions }: LabelSelector): boolean {
  return Object.keys(labels).length > 0 || expressions.some(({ operator }) => operator === 'In');
}

/** The fewest labels that a selector asks for; undefined when none satisfy it. */
export const labelsFor = (selector: LabelSelector): Pod['labels'] | undefined =>
  tryPickLabels(requirementsOf(selector));
