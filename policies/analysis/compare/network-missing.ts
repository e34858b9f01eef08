/** Declared connections that NetworkPolicies of one end do not admit, where the other end is no workload of the mesh. */
import type { Mesh, NetworkPolicy, Workload } from '../../language/mesh.ts';
import { admits, type NetworkEnd } from '../network.ts';
import type { Address } from '../request.ts';
import { points } from '../symbolic/address-variable.ts';
import { podWorkload } from '../world.ts';
import { isPublic } from './address-ranges.ts';
import type { DeclaredEnds, Direction } from './connections.ts';
import type { Grant } from './intent.ts';
import { labelsFor } from './network-surplus.ts';

/** What of a declared connection is refused. */
export type Missing =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'address'; readonly address: Address }
  | { readonly kind: 'end' };

interface Judged {
  readonly own: Workload;
  readonly direction: Direction;
  readonly policies: readonly NetworkPolicy[];
}

/**
 * Whoever may connect must be admitted from every address, a pod beside the manifests with its declared labels. A host
 * outside must be admitted at some address, an end of which only the namespace is declared as some pod there. Between
 * two workloads of the manifests TCP is left out: those calls are decided through all layers.
 */
export function missingEnds(
  mesh: Mesh,
  side: Judged,
  { grant, ends }: { readonly grant: Grant; readonly ends: DeclaredEnds },
): Missing {
  const { own, direction, policies } = side;
  const protocol = grant.protocol === 'udp' ? ('UDP' as const) : ('TCP' as const);
  const passes = (peer: NetworkEnd): boolean => {
    const target = direction === 'ingress' ? own : (peer.workload ?? own);
    return admits(mesh, policies, direction, { peer, target, port: grant.port, protocol });
  };
  const at = (address: Address): boolean => passes({ workload: null, ip: address });
  if (ends.anywhere.size > 0) {
    const address = addressesOf(policies, direction).find((each) => !at(each));
    return address === undefined ? { kind: 'nothing' } : { kind: 'address', address };
  }
  if (ends.hosts.size > 0) {
    const reached = addressesOf(policies, direction).some((each) => isPublic(each) && at(each));
    return { kind: reached ? 'nothing' : 'end' };
  }
  for (const namespace of ends.outside.keys()) {
    const reached = podsOf(policies, direction).some((labels) =>
      passes({ workload: podWorkload({ namespace, workload: 'any', labels }), ip: null }),
    );
    return { kind: reached ? 'nothing' : 'end' };
  }
  const isDecidedAsCall = protocol === 'TCP' && mesh.workloads.includes(own);
  const others = [...ends.pods.keys(), ...(isDecidedAsCall ? [] : ends.workloads.keys())];
  return { kind: others.some((workload) => !passes({ workload, ip: null })) ? 'end' : 'nothing' };
}

function addressesOf(policies: readonly NetworkPolicy[], direction: Direction): readonly Address[] {
  const peers = peersOf(policies, direction);
  return points(peers.flatMap((peer) => (peer.kind === 'block' ? [peer.block, ...peer.except] : [])));
}

/** The labels of one pod for each peer that selects pods. */
function podsOf(policies: readonly NetworkPolicy[], direction: Direction): readonly Workload['labels'][] {
  const peers = peersOf(policies, direction);
  return [{}, ...peers.flatMap((peer) => (peer.kind === 'pods' ? [labelsFor(peer.pods) ?? {}] : []))];
}

function peersOf(policies: readonly NetworkPolicy[], direction: Direction) {
  return policies.flatMap((policy) => {
    const side = policy[direction];
    if (side.kind !== 'isolated') return [];
    return side.rules.flatMap(({ peers }) => (peers.kind === 'some' ? peers.peers : []));
  });
}
