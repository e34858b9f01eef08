/**
 * The ways to an ambient workload, each as calls from hop to hop. A caller may address the Service, and so go through its
 * waypoint, or the pod, and so go around it: what is allowed is the union. Source: semantics.md 12.
 */
import type { Transport } from '../connection.ts';
import { enforcementAtWaypoint } from '../enforcement-point.ts';
import type { Call } from '../world.ts';
import { HBONE } from './capture.ts';
import { type Entrance, entrancesOf, identityOf, podOf, waypointText } from './waypoints.ts';

/**
 * Every way of a call; all calls but those to ambient workloads behind waypoints have one. A waypoint listens for HBONE
 * only, which takes a certificate: plaintext goes to the pod. The way through a waypoint is named first.
 */
export function waysOf(call: Call): readonly (readonly Call[])[] {
  const { listener, departure, request, world, target } = call;
  if (listener.kind !== 'ztunnel' || departure.kind !== 'sends' || departure.transport.kind !== 'mtls') return [[call]];
  const { transport } = departure;
  const entrances = entrancesOf(world.mesh, target, request.destination.port);
  return [
    ...entrances.map((entrance) => [toWaypoint(call, transport, entrance), fromWaypoint(call, entrance)]),
    [call],
  ];
}

/** The caller's own hop: the waypoint sees it as it is, and the Service's port. Addresses of Services are not known. */
function toWaypoint(call: Call, transport: Transport, entrance: Entrance): Call {
  const { world, request } = call;
  const { namespace, name } = entrance.waypoint;
  return {
    ...call,
    target: podOf(world.mesh, entrance.waypoint),
    request: { ...request, sni: '', destination: { namespace, workload: name, port: entrance.port, ip: null } },
    listener: { kind: 'sidecar', protocol: entrance.protocol, mode: 'STRICT' },
    departure: { kind: 'sends', transport, by: 'noSidecar', port: HBONE },
    point: enforcementAtWaypoint(world.mesh, entrance, world.profile),
    via: `through ${waypointText(entrance.waypoint)}`,
  };
}

/** The waypoint's hop: the destination's ztunnel sees the waypoint's identity, never the caller's. */
function fromWaypoint(call: Call, { waypoint }: Entrance): Call {
  const { world, request } = call;
  const identities = [identityOf(world.mesh, waypoint)];
  return {
    ...call,
    source: podOf(world.mesh, waypoint),
    request: { ...request, caller: { kind: 'mtls', identities }, sourceIp: null, remoteIp: null },
    departure: { kind: 'sends', transport: { kind: 'mtls', identities }, by: 'noSidecar', port: HBONE },
    via: `from ${waypointText(waypoint)}`,
  };
}
