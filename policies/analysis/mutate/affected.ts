/** What a changed object can matter to: callees whose proxies decide otherwise, and ends of connections. */
import type { AuthorizationPolicy } from '../../language/authorization.ts';
import type { Mesh, NetworkPolicy, Service, Workload } from '../../language/mesh.ts';
import type { DestinationRule, Gateway } from '../../language/traffic.ts';
import { isAmbient } from '../ambient/capture.ts';
import { applicable, holdsLabels, isGateway, selects } from '../attachment.ts';
import { UNDECLARED, undeclaredWorkload } from '../compare/destinations.ts';
import type { MeshObject, Replacement } from './variant.ts';

/** A workload by namespace and name, `n/undeclared` for the pods that nobody declared. */
export type WorkloadName = string;

/** The names that are decided again. */
export interface Affected {
  /** Their proxies may decide otherwise. */
  readonly proxies: ReadonlySet<WorkloadName>;
  /** Connections to them may end otherwise. */
  readonly inward: ReadonlySet<WorkloadName>;
  /** Connections from them may end otherwise. */
  readonly outward: ReadonlySet<WorkloadName>;
}

/** The name of a workload. */
export const nameOf = ({ namespace, name }: Pick<Workload, 'namespace' | 'name'>): WorkloadName =>
  `${namespace}/${name}`;

/** The workloads of a mesh, and for each namespace with workloads one pod that nobody declared. */
export function allWorkloads(mesh: Mesh): readonly Workload[] {
  const namespaces = new Set(mesh.workloads.map(({ namespace }) => namespace));
  return [...mesh.workloads, ...[...namespaces].map(undeclaredWorkload)];
}

/** What the replacements can matter to. `workloads` are those of both versions. */
export function affectedBy(
  replacements: readonly Replacement[] | 'everything',
  mesh: Mesh,
  workloads: readonly Workload[],
): Affected {
  if (replacements === 'everything') {
    const all = new Set(workloads.map(nameOf));
    return { proxies: all, inward: all, outward: all };
  }
  const found = { proxies: new Set<string>(), inward: new Set<string>(), outward: new Set<string>() };
  const add = (sets: readonly (keyof typeof found)[], holds: (workload: Workload) => boolean) => {
    for (const workload of workloads) if (holds(workload)) for (const set of sets) found[set].add(nameOf(workload));
  };
  // what stands before ambient workloads is found by labels of many objects: where there are waypoints, all are decided again
  if (mesh.waypoints.length > 0) add(['proxies', 'inward', 'outward'], (workload) => isAmbient(mesh, workload));
  for (const { list, before, after } of replacements)
    for (const object of [before, after]) if (object !== undefined) touch(list, object, mesh, add);
  return found;
}

type Add = (sets: readonly ('proxies' | 'inward' | 'outward')[], holds: (workload: Workload) => boolean) => void;

function touch(list: Replacement['list'], object: MeshObject, mesh: Mesh, add: Add): void {
  switch (list) {
    case 'authorizationPolicies':
    case 'requestAuthentications':
    case 'unmodelled':
      add(['proxies'], applies(object, mesh));
      break;
    case 'peerAuthentications':
      add(['proxies', 'inward'], applies(object, mesh));
      break;
    case 'services':
      add(['proxies', 'inward'], isBehind(object as Service));
      add(['proxies'], routes(mesh));
      break;
    case 'gateways':
      add(['proxies', 'inward'], (workload) => holdsLabels(workload.labels, (object as Gateway).selector));
      break;
    case 'workloads':
      add(['proxies', 'inward', 'outward'], (workload) => nameOf(workload) === nameOf(object as Workload));
      break;
    case 'namespaces':
      add(['proxies', 'inward', 'outward'], () => true);
      break;
    case 'networkPolicies':
      add(['inward', 'outward'], isIsolated(object as NetworkPolicy));
      break;
    case 'sidecars':
      add(['outward'], ({ namespace }) => [namespace, mesh.config.rootNamespace].includes(object.namespace ?? ''));
      break;
    case 'destinationRules': {
      const services = mesh.services.filter((service) => isFor(object as DestinationRule, service));
      add(['inward'], (workload) => services.some((service) => isBehind(service)(workload)));
      add(['proxies'], routes(mesh));
      break;
    }
    case 'virtualServices':
    case 'serviceEntries':
      add(['proxies'], routes(mesh));
      break;
    case 'waypoints':
      add(['proxies', 'inward', 'outward'], (workload) => isAmbient(mesh, workload));
      break;
    case 'serviceAccounts':
    case 'registrations':
    case 'identityIssuers':
      break;
  }
}

function isIsolated({ namespace, podSelector }: NetworkPolicy): (workload: Workload) => boolean {
  return (workload) => workload.namespace === namespace && selects(podSelector, workload.labels);
}

/** Gateways let through what their routes carry. */
function routes(mesh: Mesh): (workload: Workload) => boolean {
  return (workload) => isGateway(mesh, workload);
}

function applies(object: MeshObject, mesh: Mesh): (workload: Workload) => boolean {
  const attached = [object as MeshObject & AuthorizationPolicy];
  return (workload) => applicable(attached, mesh, workload).length > 0;
}

function isBehind(service: Service): (workload: Workload) => boolean {
  return (workload) =>
    workload.namespace === service.namespace &&
    workload.name !== UNDECLARED &&
    service.selector.kind === 'labels' &&
    holdsLabels(workload.labels, service.selector.labels);
}

/** Wider than Istio's own matching: a rule may concern every service that its host's first word or a star names. */
function isFor(rule: DestinationRule, service: Service): boolean {
  return rule.host.startsWith('*') || rule.host.split('.')[0] === service.name;
}
