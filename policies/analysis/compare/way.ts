/** The way of a workload's calls to a port, in front of the proxy: egress, transport, NetworkPolicy. */
import type { Mesh, Workload } from '../../language/mesh.ts';
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

/** Resolves the way from a workload to a port of another; addresses of pods are not known. */
export function wayBetween(
  mesh: Mesh,
  source: Workload,
  to: { readonly workload: Workload; readonly port: number; readonly listener: Listener },
): Way {
  const closed = (layer: Extract<Way, { kind: 'closed' }>['layer']): Way => ({ kind: 'closed', layer });
  const target = { target: to.workload, port: to.port };
  const outward = { ...target, peer: { workload: to.workload, ip: null } };
  const inward = { ...target, peer: { workload: source, ip: null } };
  if (!admits(mesh, isolating(mesh, source, 'egress'), 'egress', outward)) return closed('network-policy');
  const departure = depart(mesh, source, to);
  if (departure.kind === 'blocked') return closed('egress');
  if (!admits(mesh, isolating(mesh, to.workload, 'ingress'), 'ingress', inward)) return closed('network-policy');
  const { listener } = to;
  if (departure.transport.kind === 'plaintext') return { kind: 'open', shows: 'nothing' };
  if (listener.kind === 'unguarded') return closed('peer-authentication');
  if (departure.transport.kind === 'mtls') return { kind: 'open', shows: 'certificate' };
  if (listener.kind === 'gateway')
    return listener.identity === 'mesh' ? closed('peer-authentication') : { kind: 'open', shows: 'nothing' };
  const passes = listener.mode === 'PERMISSIVE' && listener.protocol !== 'http';
  return passes ? { kind: 'open', shows: 'opaqueBytes' } : closed('peer-authentication');
}

/**
 * True iff the network lets a workload connect to a port of another, whatever its sidecar is told: an intruder in the pod
 * goes around the sidecar, whose egress is a guard rail, but not around NetworkPolicies.
 */
export function networkAdmits(
  mesh: Mesh,
  source: Workload,
  to: { readonly workload: Workload; readonly port: number },
): boolean {
  const target = { target: to.workload, port: to.port };
  const outward = { ...target, peer: { workload: to.workload, ip: null } };
  const inward = { ...target, peer: { workload: source, ip: null } };
  return (
    admits(mesh, isolating(mesh, source, 'egress'), 'egress', outward) &&
    admits(mesh, isolating(mesh, to.workload, 'ingress'), 'ingress', inward)
  );
}
