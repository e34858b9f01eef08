/**
 * Which waypoints stand before a port, and which policies they enforce. Source: semantics.md 3.1 and 12; istio
 * `ambient/waypoints.go` (`fetchWaypointForTarget`), `model.ListAuthorizationPolicies` with `ForWaypoint`.
 */
import type { Waypoint, WaypointUse } from '../../language/ambient.ts';
import type { Attachment } from '../../language/authorization.ts';
import type { Mesh, Service, Workload } from '../../language/mesh.ts';
import { parseWaypointUse, WAYPOINT_CLASS } from '../../language/parse-ambient.ts';
import { parseApplicationProtocol } from '../../language/parse-workload.ts';
import type { ServiceEntry } from '../../language/traffic.ts';
import { applicable, byAge, GATEWAY_NAME, selects } from '../attachment.ts';
import { workloadIdentity } from '../identity.ts';
import { CHAINS, type PortProtocol, servicePorts } from '../listener.ts';
import { tryFindNamespace } from '../namespace.ts';
import { inNamespace } from '../namespaced.ts';
import { namespaceLabels } from '../network.ts';
import { entriesOf, portsOf } from '../workload-ports.ts';
import { isAmbient } from './capture.ts';

/** One way in through a waypoint: a port of a Service, of a ServiceEntry, or of the pod itself. */
export interface Entrance {
  readonly waypoint: Waypoint;
  /** What is called, and policies name; null where calls to the pod go through the waypoint. */
  readonly called: Called | null;
  /** The port that the waypoint sees: that of what is called, before it is translated. */
  readonly port: number;
  readonly protocol: PortProtocol;
}

/** A Service, or a ServiceEntry whose hosts lead to pods. */
interface Called extends Pick<Service, 'namespace' | 'name'> {
  readonly kind: 'Service' | 'ServiceEntry';
}

/** The entrances to a container port of an ambient workload. */
export function entrancesOf(mesh: Mesh, workload: Workload, port: number): readonly Entrance[] {
  if (mesh.waypoints.length === 0) return [];
  const ways = servicePorts(mesh, workload, port);
  const throughServices = ways.flatMap(({ service, servicePort }): readonly Entrance[] => {
    // the address of a headless Service is the pod's
    const waypoint = service.headless
      ? undefined
      : tryFindWaypoint(mesh, service.waypoint, service.namespace, 'service');
    const protocol = CHAINS[servicePort.protocol];
    const called = { kind: 'Service', namespace: service.namespace, name: service.name } as const;
    return waypoint === undefined ? [] : [{ waypoint, called, port: servicePort.number, protocol }];
  });
  const throughEntries = entriesOf(mesh, workload).flatMap((entry) => throughEntry(mesh, entry, port));
  const byName = [...throughServices, ...throughEntries];
  const use = parseWaypointUse(workload.labels);
  const own = tryFindWaypoint(mesh, use, workload.namespace, 'workload');
  if (own === undefined) return byName;
  const protocol = CHAINS[ways[0]?.servicePort.protocol ?? 'auto'];
  return [...byName, { waypoint: own, called: null, port, protocol }];
}

function throughEntry(mesh: Mesh, entry: ServiceEntry, port: number): readonly Entrance[] {
  const waypoint = tryFindWaypoint(mesh, entry.waypoint, entry.namespace, 'service');
  if (waypoint === undefined) return [];
  const called = { kind: 'ServiceEntry', namespace: entry.namespace, name: entry.name } as const;
  return entry.ports
    .filter(({ target, protocol }) => target === port && protocol.toUpperCase() !== 'UDP')
    .map(({ number, protocol }) => {
      const chain = CHAINS[parseApplicationProtocol(protocol)];
      return { waypoint, called, port: number, protocol: chain };
    });
}

/** The ServiceEntries behind waypoints whose endpoints are written out: an address does not say whose pod it is. */
export function entriesByAddress(mesh: Mesh): readonly { readonly entry: ServiceEntry; readonly waypoint: Waypoint }[] {
  if (mesh.waypoints.length === 0) return [];
  return mesh.serviceEntries.flatMap((entry) => {
    const waypoint =
      entry.endpoints === 0 ? undefined : tryFindWaypoint(mesh, entry.waypoint, entry.namespace, 'service');
    return waypoint === undefined ? [] : [{ entry, waypoint }];
  });
}

/** The waypoint of an object, its namespace's where it says nothing; one that is not there or may not be used is none. */
function tryFindWaypoint(
  mesh: Mesh,
  use: WaypointUse,
  namespace: string,
  traffic: 'service' | 'workload',
): Waypoint | undefined {
  const asked = use.kind === 'unstated' ? parseWaypointUse(tryFindNamespace(mesh, namespace)?.labels ?? {}) : use;
  if (asked.kind !== 'named') return undefined;
  const where = asked.namespace ?? namespace;
  const found = mesh.waypoints.find((waypoint) => waypoint.namespace === where && waypoint.name === asked.name);
  if (found === undefined || !admitsUser(mesh, found, namespace)) return undefined;
  return found.traffic === traffic || found.traffic === 'all' ? found : undefined;
}

function admitsUser(mesh: Mesh, { users, namespace: own }: Waypoint, namespace: string): boolean {
  switch (users.kind) {
    case 'own':
      return own === namespace;
    case 'all':
      return true;
    case 'selected':
      return selects(users.selector, namespaceLabels(mesh, namespace));
  }
}

/** The namespaces of waypoints that other namespaces may use: their policies count there as well. */
export function sharedWaypoints({ waypoints }: Mesh): readonly string[] {
  return waypoints.flatMap(({ users, namespace }) => (users.kind === 'own' ? [] : [namespace]));
}

/** The pod of a waypoint: the one that the manifests hold, else the one that istiod makes of the Gateway. */
export function podOf(mesh: Mesh, waypoint: Waypoint): Workload {
  const { namespace, name, serviceAccount, at } = waypoint;
  const known = inNamespace(mesh.workloads, namespace).find(({ labels }) => labels[GATEWAY_NAME] === name);
  if (known !== undefined) return known;
  return {
    kind: 'Gateway',
    namespace,
    name,
    labels: { [GATEWAY_NAME]: name, 'gateway.istio.io/managed': 'istio.io-mesh-controller' },
    ownPods: { labels: { [GATEWAY_NAME]: name }, expressions: [] },
    annotations: {},
    serviceAccount,
    ports: [],
    injection: 'off',
    proxy: 'unstated',
    capture: 'none',
    looseEnds: [],
    at,
  };
}

/** The identity under which a waypoint calls on. */
export function identityOf(mesh: Mesh, waypoint: Waypoint): string {
  return workloadIdentity(mesh, podOf(mesh, waypoint));
}

/** A port of no Service: what stands before it stands before the pod itself. */
const NO_SERVICE = 0;

/** The entrances to any port of an ambient workload. */
export function entrancesBefore(mesh: Mesh, workload: Workload): readonly Entrance[] {
  return [...portsOf(mesh, workload), NO_SERVICE].flatMap((port) => entrancesOf(mesh, workload, port));
}

/** The objects that have a say in calls to a workload: those that apply to it, and in ambient those of its waypoints. */
export function concerning<T extends Attached>(objects: readonly T[], mesh: Mesh, workload: Workload): readonly T[] {
  const own = applicable(objects, mesh, workload);
  if (mesh.waypoints.length === 0 || !isAmbient(mesh, workload)) return own;
  return [...new Set([...own, ...attachedToAny(objects, mesh, entrancesBefore(mesh, workload))])];
}

/** The objects that some waypoint enforces before some ambient workload. */
export function attachedToWaypoints<T extends Attached>(mesh: Mesh, objects: readonly T[]): readonly T[] {
  if (mesh.waypoints.length === 0) return [];
  const entrances = mesh.workloads
    .filter((workload) => isAmbient(mesh, workload))
    .flatMap((workload) => entrancesBefore(mesh, workload));
  return attachedToAny(objects, mesh, entrances);
}

/** What attaching looks at. */
export interface Attached {
  readonly namespace: string;
  readonly attachment: Attachment;
}

/** The objects that are attached to a waypoint or to what is called through it, root namespace first, each once. */
export function attachedTo<T extends Attached>(
  objects: readonly T[],
  mesh: Mesh,
  { waypoint, called }: Pick<Entrance, 'waypoint' | 'called'>,
): readonly T[] {
  const root = mesh.config.rootNamespace;
  const namespaces = new Set([root, waypoint.namespace, ...(called === null ? [] : [called.namespace])]);
  const isTarget = (namespace: string, { kind, name }: { readonly kind: string; readonly name: string }) =>
    (kind === 'Gateway' && namespace === waypoint.namespace && name === waypoint.name) ||
    (kind === 'GatewayClass' && namespace === root && name === WAYPOINT_CLASS) ||
    (called !== null && kind === called.kind && namespace === called.namespace && name === called.name);
  return [...namespaces].flatMap((namespace) =>
    inNamespace(objects, namespace).filter(
      ({ attachment }) => attachment.kind === 'targetRefs' && attachment.refs.some((ref) => isTarget(namespace, ref)),
    ),
  );
}

/** The objects that are attached to some of these entrances, each once. */
export function attachedToAny<T extends Attached>(
  objects: readonly T[],
  mesh: Mesh,
  entrances: readonly Entrance[],
): readonly T[] {
  return [...new Set(entrances.flatMap((entrance) => attachedTo(objects, mesh, entrance)))];
}

/** The RequestAuthentications of a waypoint, in the order in which istiod looks at them. */
export const authenticationsAt = (mesh: Mesh, entrance: Entrance) =>
  attachedTo(mesh.requestAuthentications, mesh, entrance).toSorted(byAge);

/** A waypoint in words. */
export const waypointText = ({ namespace, name }: Waypoint): string => `waypoint \`${namespace}/${name}\``;
