/** NetworkPolicy: both ends of a connection, before any proxy sees the bytes. Source: semantics.md 9. */
import type {
  Labels,
  Mesh,
  NetworkPeer,
  NetworkPolicy,
  NetworkPort,
  NetworkRule,
  Protocol,
  Workload,
} from '../language/mesh.ts';
import { selects } from './attachment.ts';
import { holds } from './matching.ts';
import { tryFindNamespace } from './namespace.ts';
import { inNamespace, perhapsSelecting } from './namespaced.ts';
import type { Address } from './request.ts';

/** One end of a connection, as far as it is known. */
export interface NetworkEnd {
  readonly workload: Workload | null;
  readonly ip: Address | null;
}

/** The policies that isolate a workload in one direction. */
export function isolating(mesh: Mesh, workload: Workload, direction: 'ingress' | 'egress'): readonly NetworkPolicy[] {
  const own = inNamespace(mesh.networkPolicies, workload.namespace);
  return perhapsSelecting(own, workload.labels, ({ podSelector }) => podSelector.labels).filter(
    (policy) => policy[direction].kind === 'isolated' && selects(policy.podSelector, workload.labels),
  );
}

/** The other end of a connection, and the port: `target` owns it, and its names of ports count. */
export interface NetworkConnection {
  readonly peer: NetworkEnd;
  readonly target: Workload;
  readonly port: number;
  /** @default TCP */
  readonly protocol?: Protocol;
}

/** True iff the policies that isolate an end admit the other end, or none isolates it. */
export function admits(
  mesh: Mesh,
  policies: readonly NetworkPolicy[],
  direction: 'ingress' | 'egress',
  connection: NetworkConnection,
): boolean {
  if (policies.length === 0) return true;
  return policies.some((policy) => {
    const side = policy[direction];
    return (
      side.kind === 'isolated' &&
      side.rules.some((rule) => admitsPort(rule, connection) && admitsPeer(mesh, policy, rule, connection.peer))
    );
  });
}

/** Whom the policies that isolate a pod admit to one port, for callers known by their address alone. */
export class AddressGate {
  readonly #admitsAll: boolean;
  readonly #blocks: readonly Extract<NetworkPeer, { kind: 'block' }>[];

  constructor(policies: readonly NetworkPolicy[], target: Workload, port: number) {
    const sides = policies.map((policy) => policy.ingress);
    const rules = sides
      .flatMap((side) => (side.kind === 'isolated' ? side.rules : []))
      .filter((rule) => admitsPort(rule, { target, port }));
    this.#admitsAll = policies.length === 0 || rules.some((rule) => rule.peers.kind === 'all');
    const peers = rules.flatMap((rule) => (rule.peers.kind === 'some' ? rule.peers.peers : []));
    this.#blocks = peers.filter((peer) => peer.kind === 'block');
  }

  /** True iff a caller at `address` is admitted; an address alone is no pod. */
  admits(address: Address): boolean {
    if (this.#admitsAll) return true;
    for (const block of this.#blocks) if (isInBlock(block, address)) return true;
    return false;
  }
}

/** True iff a block peer holds the address and no exception does. */
export function isInBlock(peer: Extract<NetworkPeer, { kind: 'block' }>, address: Address): boolean {
  if (!holds(peer.block, address)) return false;
  for (const except of peer.except) if (holds(except, address)) return false;
  return true;
}

type PortOfTarget = Pick<NetworkConnection, 'target' | 'port' | 'protocol'>;

/** True iff the rule is about the port of that pod. */
export function admitsPort(rule: NetworkRule, connection: PortOfTarget): boolean {
  return rule.ports.kind === 'all' || rule.ports.ports.some((entry) => isPort(entry, connection));
}

function isPort(entry: NetworkPort, { target, port, protocol = 'TCP' }: PortOfTarget): boolean {
  if (entry.protocol !== protocol) return false;
  switch (entry.kind) {
    case 'anyNumber':
      return true;
    case 'range':
      return entry.from <= port && port <= entry.to;
    case 'named':
      return target.ports.some(
        (known) => known.name === entry.name && known.protocol === protocol && known.number === port,
      );
  }
}

function admitsPeer(mesh: Mesh, policy: NetworkPolicy, rule: NetworkRule, end: NetworkEnd): boolean {
  return rule.peers.kind === 'all' || rule.peers.peers.some((peer) => isPeer(mesh, policy, peer, end));
}

function isPeer(mesh: Mesh, policy: NetworkPolicy, peer: NetworkPeer, end: NetworkEnd): boolean {
  if (peer.kind === 'block') {
    const ip = end.ip;
    if (ip === null) return peer.block.bits === 0 && peer.except.length === 0;
    return isInBlock(peer, ip);
  }
  const workload = end.workload;
  if (workload === null) return false;
  const inNamespace =
    peer.namespaces.kind === 'own'
      ? workload.namespace === policy.namespace
      : selects(peer.namespaces.selector, namespaceLabels(mesh, workload.namespace));
  return inNamespace && selects(peer.pods, workload.labels);
}

/** A namespace's labels with the one that Kubernetes adds. */
export function namespaceLabels(mesh: Mesh, name: string): Labels {
  const labels = tryFindNamespace(mesh, name)?.labels ?? {};
  return { ...labels, 'kubernetes.io/metadata.name': name };
}
