/** Every place that can be called: each port of each workload, one port that nothing names, and undeclared workloads. */
import type { AuthorizationPolicy } from '../../language/authorization.ts';
import type { Labels, Mesh, Service, Workload } from '../../language/mesh.ts';
import { concerning, sharedWaypoints } from '../ambient/waypoints.ts';
import { applicable, GATEWAY_NAME, holdsLabels, isGateway } from '../attachment.ts';
import { annotatedPorts } from '../interception.ts';
import { inNamespace, perhapsSelecting } from '../namespaced.ts';
import { entriesOf } from '../workload-ports.ts';

/** The objects of a mesh by namespace, so that a workload is resolved without looking at all of them. */
export class MeshIndex {
  readonly mesh: Mesh;
  readonly #slices = new Map<string, Mesh>();
  #byAccount: ReadonlyMap<string, readonly Workload[]> | undefined;
  #byLabel: ReadonlyMap<string, readonly Workload[]> | undefined;
  readonly #byNamespace: ReadonlyMap<
    string,
    Partial<Record<NamespacedMember, readonly { readonly namespace: string }[]>>
  >;

  constructor(mesh: Mesh) {
    this.mesh = mesh;
    const groups = new Map<string, Partial<Record<NamespacedMember, { readonly namespace: string }[]>>>();
    for (const member of MEMBERS) {
      for (const object of mesh[member]) {
        const group = groups.get(object.namespace) ?? {};
        groups.set(object.namespace, group);
        const list = group[member] ?? [];
        group[member] = list;
        list.push(object);
      }
    }
    this.#byNamespace = groups;
  }

  /** The workloads that run under an account. */
  accountWorkloads(namespace: string, serviceAccount: string): readonly Workload[] {
    this.#byAccount ??= Map.groupBy(
      this.mesh.workloads,
      (workload) => `${workload.namespace}/${workload.serviceAccount}`,
    );
    return this.#byAccount.get(`${namespace}/${serviceAccount}`) ?? [];
  }

  /** The workloads of a namespace that carry a label with that value. */
  labelled(namespace: string, [key, value]: readonly [string, string]): readonly Workload[] {
    this.#byLabel ??= groupedByLabel(this.mesh.workloads);
    return this.#byLabel.get(labelKey(namespace, key, value)) ?? [];
  }

  /**
   * The mesh as far as workloads of a namespace can see it: its own objects and those of the root namespace. Where
   * gateways are among them, also what routes may lead to.
   */
  slice(namespace: string): Mesh {
    const known = this.#slices.get(namespace);
    if (known !== undefined) return known;
    const made = this.#withRoutes(this.#made([namespace], MEMBERS));
    this.#slices.set(namespace, made);
    return made;
  }

  /** The slice of a workload's namespace with no other Services and policies than those that apply to the workload. */
  around(workload: Workload): Mesh {
    const slice = this.slice(workload.namespace);
    return {
      ...slice,
      services: isGateway(this.mesh, workload) ? slice.services : selecting(slice.services, workload),
      authorizationPolicies: concerning(slice.authorizationPolicies, slice, workload),
      peerAuthentications: applicable(slice.peerAuthentications, slice, workload),
      requestAuthentications: concerning(slice.requestAuthentications, slice, workload),
    };
  }

  /** The mesh as far as a call from one namespace to another can see it; not kept, since there are many pairs. */
  between(source: string, target: string): Mesh {
    return source === target ? this.slice(source) : this.#withRoutes(this.#made([target, source], MEMBERS));
  }

  /** Part of the mesh with what the routes of its gateways may lead to. */
  #withRoutes(own: Mesh): Mesh {
    const { services, destinationRules, gateways, unmodelled } = this.mesh;
    const routes = gateways.length > 0 && own.workloads.some((workload) => isGateway(own, workload));
    const runsGatewayApi =
      unmodelled.length > 0 && own.workloads.some(({ labels }) => labels[GATEWAY_NAME] !== undefined);
    return {
      ...own,
      ...(routes ? { services, destinationRules } : {}),
      ...(runsGatewayApi ? { unmodelled } : {}),
    };
  }

  /**
   * As `between`, for what the function `wayBetween` reads: Services of the target's namespace, Sidecars,
   * DestinationRules and NetworkPolicies of both.
   */
  wayBetween(source: string, target: string): Mesh {
    return source === target || !this.#saysOfCalls(source)
      ? this.slice(target)
      : this.#made([target, source], WAY_MEMBERS);
  }

  /**
   * For the ways to one workload, the mesh by the namespace of the caller: as `wayBetween`, with no other Services than
   * the workload's own, which are all that a way to it reads.
   */
  waysTo(workload: Workload): (source: string) => Mesh {
    const { namespace } = workload;
    const slice = this.slice(namespace);
    const services = selecting(slice.services, workload);
    const plain = { ...slice, services };
    const known = new Map<string, Mesh>();
    return (source) => {
      if (!this.#saysOfCalls(source)) return plain;
      const found = known.get(source) ?? { ...this.wayBetween(source, namespace), services };
      known.set(source, found);
      return found;
    };
  }

  /** Whether a namespace holds anything that the way of its workloads' calls depends on. */
  #saysOfCalls(namespace: string): boolean {
    const own = this.#byNamespace.get(namespace);
    return own !== undefined && WAY_MEMBERS.some((member) => member !== 'services' && own[member] !== undefined);
  }

  #made(namespaces: readonly string[], members: readonly NamespacedMember[]): Mesh {
    const wanted = [...new Set([this.mesh.config.rootNamespace, ...namespaces, ...sharedWaypoints(this.mesh)])];
    const made = { ...this.mesh } as Record<string, unknown>;
    for (const member of members) {
      made[member] = wanted.flatMap((namespace) => this.#byNamespace.get(namespace)?.[member] ?? []);
    }
    return made as unknown as Mesh;
  }
}

const MEMBERS = [
  'workloads',
  'services',
  'authorizationPolicies',
  'peerAuthentications',
  'requestAuthentications',
  'networkPolicies',
  'sidecars',
  'destinationRules',
  'unmodelled',
] as const;
const WAY_MEMBERS = ['services', 'networkPolicies', 'sidecars', 'destinationRules'] as const;
type NamespacedMember = (typeof MEMBERS)[number];

/** The Services that select a workload. */
export function selecting(services: readonly Service[], { namespace, labels }: Workload): readonly Service[] {
  return perhapsSelecting(inNamespace(services, namespace), labels, wantedLabels).filter(
    ({ selector }) => selector.kind === 'labels' && holdsLabels(labels, selector.labels),
  );
}

const wantedLabels = ({ selector }: Service): Labels | undefined =>
  selector.kind === 'labels' ? selector.labels : undefined;

const labelKey = (namespace: string, key: string, value: string): string => JSON.stringify([namespace, key, value]);

function groupedByLabel(workloads: readonly Workload[]): ReadonlyMap<string, readonly Workload[]> {
  const found = new Map<string, Workload[]>();
  for (const workload of workloads) {
    for (const [key, value] of Object.entries(workload.labels)) {
      const name = labelKey(workload.namespace, key, value);
      const list = found.get(name);
      if (list === undefined) found.set(name, [workload]);
      else list.push(workload);
    }
  }
  return found;
}

/** The name of the workload that stands for all that nobody declared. */
export const UNDECLARED = 'undeclared';

/** A workload of the namespace that nobody declared: no labels, no Service, the namespace's default account. */
export function undeclaredWorkload(namespace: string): Workload {
  return {
    kind: 'Pod',
    namespace,
    name: UNDECLARED,
    labels: {},
    ownPods: { labels: {}, expressions: [] },
    annotations: {},
    serviceAccount: 'default',
    ports: [],
    injection: 'unstated',
    proxy: 'unstated',
    capture: 'unstated',
    looseEnds: [],
    at: { file: 'undeclared workloads', path: '', line: 1 },
  };
}

/**
 * The ports of a workload that anything names (container, Service, policy, PeerAuthentication, gateway server, intent),
 * and one that nothing names, which stands for all others. Rules may name port 0, which no connection goes to.
 */
export function portsOf(
  mesh: Mesh,
  workload: Workload,
  declared: Iterable<number>,
): { readonly named: readonly number[]; readonly other: number } {
  const ports = new Set<number>(declared);
  for (const port of workload.ports) if (port.protocol === 'TCP') ports.add(port.number);
  for (const port of annotatedPorts(workload)) ports.add(port);
  for (const service of mesh.services) {
    const { selector } = service;
    if (service.namespace !== workload.namespace || selector.kind === 'none') continue;
    if (!holdsLabels(workload.labels, selector.labels)) continue;
    for (const { target } of service.ports) if (target.kind === 'number') ports.add(target.number);
  }
  for (const entry of entriesOf(mesh, workload)) for (const { target } of entry.ports) ports.add(target);
  for (const policy of applicable(mesh.authorizationPolicies, mesh, workload)) addPorts(policy, ports);
  for (const policy of applicable(mesh.peerAuthentications, mesh, workload)) {
    for (const { port } of policy.portModes) ports.add(port);
  }
  for (const gateway of mesh.gateways) {
    if (holdsLabels(workload.labels, gateway.selector)) for (const server of gateway.servers) ports.add(server.port);
  }
  let other = 65_000;
  while (ports.has(other)) other -= 1;
  const named = [...ports].filter((port) => port >= 1 && port <= 65_535);
  return { named: named.toSorted((left, right) => left - right), other };
}

function addPorts(policy: AuthorizationPolicy, ports: Set<number>): void {
  for (const { parts } of policy.rules)
    for (const { alternatives } of parts)
      for (const clauses of alternatives)
        for (const clause of clauses) {
          if (clause.on !== 'port') continue;
          for (const port of clause.values) ports.add(port);
          for (const port of clause.notValues) ports.add(port);
        }
}
