/** The way of a workload's calls to a port, in front of the proxy: egress, transport, NetworkPolicy. */
import type { Waypoint } from '../../language/ambient.ts';
import type { Mesh, Workload } from '../../language/mesh.ts';
import { HBONE, isAmbient } from '../ambient/capture.ts';
import { entrancesOf, podOf } from '../ambient/waypoints.ts';
import type { Listener } from '../listener.ts';
import { admits, isolating } from '../network.ts';
import { depart } from '../outbound.ts';

/** Whether calls arrive, and what the destination's proxy sees of the caller. */
export type Way =
  | {
      readonly kind: 'open';
      /** `opaqueBytes`: TLS that is not the mesh's, passed on as bytes without identity or HTTP. */
      readonly shows: 'certificate' | 'nothing' | 'opaqueBytes';
    }
  | { readonly kind: 'closed'; readonly layer: 'egress' | 'network-policy' | 'peer-authentication' };

/** Where a way leads. */
interface Destination {
  readonly workload: Workload;
  readonly port: number;
  readonly listener: Listener;
}

const closed = (layer: Extract<Way, { kind: 'closed' }>['layer']): Way => ({ kind: 'closed', layer });

/**
 * Resolves the way from a workload to a port of another, straight to the pod; addresses of pods are not known.
 * `wayThrough` is the way through a waypoint.
 */
export function wayBetween(mesh: Mesh, source: Workload, to: Destination): Way {
  const departure = depart(mesh, source, to);
  const hop = { source, target: to.workload, port: departure.kind === 'sends' ? departure.port : to.port };
  if (!leaves(mesh, hop)) return closed('network-policy');
  if (departure.kind === 'blocked') return closed('egress');
  if (!arrives(mesh, hop)) return closed('network-policy');
  const { listener } = to;
  if (departure.transport.kind === 'plaintext') return { kind: 'open', shows: 'nothing' };
  if (listener.kind === 'unguarded') return closed('peer-authentication');
  if (departure.transport.kind === 'mtls') return { kind: 'open', shows: 'certificate' };
  if (listener.kind === 'gateway')
    return listener.identity === 'mesh' ? closed('peer-authentication') : { kind: 'open', shows: 'nothing' };
  const passes = listener.mode === 'PERMISSIVE' && listener.protocol !== 'http';
  return passes ? { kind: 'open', shows: 'opaqueBytes' } : closed('peer-authentication');
}

/** Resolves the way through a waypoint, both of its hops. */
export function wayThrough(mesh: Mesh, source: Workload, to: Destination & { readonly waypoint: Waypoint }): Way {
  const departure = depart(mesh, source, to);
  if (departure.kind === 'blocked') return closed('egress');
  if (departure.transport.kind !== 'mtls') return closed('peer-authentication');
  return hopsOf(mesh, source, to).every((hop) => leaves(mesh, hop) && arrives(mesh, hop))
    ? { kind: 'open', shows: 'certificate' }
    : closed('network-policy');
}

/** Every way to a port: through each waypoint before it, and straight to the pod. What is proved is proved of all together. */
export function waysTo(mesh: Mesh, source: Workload, to: Destination): readonly Way[] {
  const { workload, port, listener } = to;
  const direct = wayBetween(mesh, source, to);
  if (listener.kind !== 'ztunnel' || mesh.waypoints.length === 0) return [direct];
  const waypoints = new Set(entrancesOf(mesh, workload, port).map((entrance) => entrance.waypoint));
  return [direct, ...[...waypoints].map((waypoint) => wayThrough(mesh, source, { ...to, waypoint }))];
}

function hopsOf(
  mesh: Mesh,
  source: Workload,
  { workload, waypoint }: Pick<Destination, 'workload'> & { readonly waypoint: Waypoint },
): readonly Hop[] {
  const pod = podOf(mesh, waypoint);
  return [
    { source, target: pod, port: HBONE },
    { source: pod, target: workload, port: HBONE },
  ];
}

/** One connection between two pods, as NetworkPolicies see it. */
interface Hop {
  readonly source: Workload;
  readonly target: Workload;
  readonly port: number;
}

const leaves = (mesh: Mesh, { source, target, port }: Hop): boolean =>
  admits(mesh, isolating(mesh, source, 'egress'), 'egress', { target, port, peer: { workload: target, ip: null } });

const arrives = (mesh: Mesh, { source, target, port }: Hop): boolean =>
  admits(mesh, isolating(mesh, target, 'ingress'), 'ingress', { target, port, peer: { workload: source, ip: null } });

/**
 * True iff the network lets a workload connect to a port of another, whatever its proxy is told: an intruder in the pod
 * goes around the sidecar, whose egress is a guard rail, but not around NetworkPolicies. To an ambient pod it may also
 * speak HBONE, and through a waypoint.
 */
export function networkAdmits(
  mesh: Mesh,
  source: Workload,
  to: { readonly workload: Workload; readonly port: number; readonly waypoint?: Waypoint | null },
): boolean {
  const { workload: target, port, waypoint = null } = to;
  if (waypoint !== null)
    return hopsOf(mesh, source, { workload: target, waypoint }).every((hop) => leaves(mesh, hop) && arrives(mesh, hop));
  const isOpen = (wire: number): boolean => {
    const hop = { source, target, port: wire };
    return leaves(mesh, hop) && arrives(mesh, hop);
  };
  return isOpen(port) || (isAmbient(mesh, target) && isOpen(HBONE));
}
