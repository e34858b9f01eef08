/** Parses labels and Gateways of the ambient data plane. Source: istio `ambient/waypoints.go`, `cni/pkg/util` (pod capture). */
import type { Capture, Waypoint, WaypointUse } from './ambient.ts';
import type { Labels } from './mesh.ts';
import type { Cursor } from './parse-cursor.ts';
import { parseLabelSelector } from './parse-label-selector.ts';
import { parseNamed } from './parse-traffic.ts';

/** The class of Gateways that are waypoints. */
export const WAYPOINT_CLASS = 'istio-waypoint';

/** What labels of a pod or namespace say of ambient. */
export function parseCapture(labels: Labels): Capture {
  const mode = labels['istio.io/dataplane-mode'];
  return mode === 'ambient' || mode === 'none' ? mode : 'unstated';
}

/** What labels of a namespace, Service or pod say of waypoints. */
export function parseWaypointUse(labels: Labels): WaypointUse {
  const name = labels['istio.io/use-waypoint'];
  if (name === undefined) return { kind: 'unstated' };
  if (name === 'none') return { kind: 'none' };
  return { kind: 'named', name, namespace: labels['istio.io/use-waypoint-namespace'] ?? null };
}

/** True iff a Gateway of the Gateway API is a waypoint. */
export function isWaypoint(document: Cursor): boolean {
  return document.get('spec', 'gatewayClassName').text() === WAYPOINT_CLASS;
}

/** True iff a GatewayClass is that of waypoints: its label for traffic holds where a Gateway has none. */
export function isWaypointClass(document: Cursor): boolean {
  return document.get('metadata', 'name').text() === WAYPOINT_CLASS;
}

/** Parses a waypoint; istiod names its account after the Gateway where no annotation says otherwise. */
export function parseWaypoint(document: Cursor, ofClass: Cursor | undefined): Waypoint {
  const named = parseNamed(document);
  const annotation = (key: string) => document.get('metadata', 'annotations', `gateway.istio.io/${key}`).text();
  const hbone = document
    .get('spec', 'listeners')
    .items()
    .find((listener) => listener.get('protocol').text() === 'HBONE' && listener.get('port').number() === 15_008);
  return {
    ...named,
    traffic: trafficOf(waypointFor(document) ?? (ofClass === undefined ? undefined : waypointFor(ofClass))),
    serviceAccount: annotation('service-account') || annotation('name-override') || named.name,
    users: usersOf(hbone?.get('allowedRoutes', 'namespaces')),
  };
}

const waypointFor = (document: Cursor): string | undefined =>
  document.get('metadata', 'labels').labels()['istio.io/waypoint-for'];

function trafficOf(label: string | undefined): Waypoint['traffic'] {
  if (label === undefined) return 'service';
  return label === 'service' || label === 'workload' || label === 'all' ? label : 'none';
}

function usersOf(namespaces: Cursor | undefined): Waypoint['users'] {
  switch (namespaces?.get('from').text()) {
    case 'All':
      return { kind: 'all' };
    case 'Selector':
      return { kind: 'selected', selector: parseLabelSelector(namespaces.get('selector')) };
    default:
      return { kind: 'own' };
  }
}
