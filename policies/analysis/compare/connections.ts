/** What an intent declares of connections, below methods and identities: who may connect whom on which ports. */
import type { Waypoint } from '../../language/ambient.ts';
import type { Workload } from '../../language/mesh.ts';
import { HBONE, isAmbient, isInMesh } from '../ambient/capture.ts';
import { entrancesOf, podOf } from '../ambient/waypoints.ts';
import { podWorkload } from '../world.ts';
import type { MeshIndex } from './destinations.ts';
import type { Grant, Intent } from './intent.ts';

/** A direction of connections, seen from the end whose NetworkPolicies are judged. */
export type Direction = 'ingress' | 'egress';

/** Both directions. */
export const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];

/** Ports as `TCP/8080`. */
export type Ports = ReadonlySet<string>;

/** The declared other ends of one workload in one direction, each with the declared ports. */
export interface DeclaredEnds {
  readonly workloads: ReadonlyMap<Workload, Ports>;
  /** Ends that the manifests do not hold, and whose labels are declared. */
  readonly pods: ReadonlyMap<Workload, Ports>;
  /** Pods that istiod makes of the waypoints on the way. */
  readonly waypoints: ReadonlyMap<Workload, Ports>;
  /** Further ends that the manifests do not hold, by namespace. */
  readonly outside: ReadonlyMap<string, Ports>;
  /** Ports for whoever there is: pods and addresses. */
  readonly anywhere: Ports;
  /** Ports of hosts outside the cluster: public addresses. */
  readonly hosts: Ports;
}

/** The key of a port in `Ports`. */
export function portKey({ protocol, port }: Pick<Grant, 'protocol' | 'port'>): string {
  return `${protocol === 'udp' ? 'UDP' : 'TCP'}/${port}`;
}

/** The namespaces of the ends that the manifests do not hold. */
export function namespacesBeside({ pods, outside }: DeclaredEnds): ReadonlySet<string> {
  return new Set([...outside.keys(), ...[...pods.keys()].map(({ namespace }) => namespace)]);
}

/** The connections of an intent by end. Grants of the node are left out: no NetworkPolicy blocks a pod's own node. */
export class DeclaredConnections {
  readonly #index: MeshIndex;
  readonly #names: Map<string, Workload>;
  readonly #byCallee = new Map<string, Grant[]>();
  readonly #byCaller = new Map<string, Grant[]>();
  readonly #pods: ReadonlyMap<Waypoint, Workload>;
  readonly #hasAmbient: boolean;
  /** The pods that istiod makes of waypoints. */
  readonly waypointPods: readonly Workload[];
  /** The pods beside the manifests whose labels are declared. */
  readonly pods: readonly Workload[];
  /** The callees of which only the namespace is known, by namespace. */
  readonly outsideCallees = new Map<string, Set<string>>();

  constructor(index: MeshIndex, { grants, pods }: Intent) {
    this.#index = index;
    const workloads = index.mesh.workloads.map((each) => [`${each.namespace}/${each.name}`, each] as const);
    this.#names = new Map(workloads);
    this.#pods = new Map(index.mesh.waypoints.map((waypoint) => [waypoint, podOf(index.mesh, waypoint)]));
    this.#hasAmbient = index.mesh.workloads.some((workload) => isAmbient(index.mesh, workload));
    this.waypointPods = [...this.#pods.values()].filter((pod) => !index.mesh.workloads.includes(pod));
    this.pods = pods
      .filter(({ namespace, workload }) => !this.#names.has(`${namespace}/${workload}`))
      .map((pod) => ({ ...podWorkload(pod), serviceAccount: pod.serviceAccount }));
    for (const pod of this.pods) this.#names.set(`${pod.namespace}/${pod.name}`, pod);
    for (const grant of grants) {
      const { caller, callee } = grant;
      if (callee.kind === 'workload' && caller.kind !== 'node') {
        const isKnown = this.#names.has(`${callee.namespace}/${callee.workload}`);
        add(this.#byCallee, isKnown ? `${callee.namespace}/${callee.workload}` : outside(callee.namespace), grant);
        if (!isKnown) addName(this.outsideCallees, callee.namespace, callee.workload);
      }
      if (caller.kind === 'identity') {
        const isKnown = this.#accountWorkloads(caller).length > 0;
        add(
          this.#byCaller,
          isKnown ? `${caller.namespace}/${caller.serviceAccount}` : outside(caller.namespace),
          grant,
        );
      }
    }
  }

  /** The grants of a workload's callers, or of its own calls. */
  grantsOf(workload: Workload, direction: Direction): readonly Grant[] {
    return direction === 'ingress'
      ? (this.#byCallee.get(`${workload.namespace}/${workload.name}`) ?? [])
      : (this.#byCaller.get(`${workload.namespace}/${workload.serviceAccount}`) ?? []);
  }

  /** The grants of all ends of which only the namespace is known. */
  grantsOfOutside(namespace: string, direction: Direction): readonly Grant[] {
    return (direction === 'ingress' ? this.#byCallee : this.#byCaller).get(outside(namespace)) ?? [];
  }

  /** The other ends of some grants. */
  endsOf(grants: readonly Grant[], direction: Direction): DeclaredEnds {
    const ends = {
      workloads: new Map<Workload, Set<string>>(),
      pods: new Map<Workload, Set<string>>(),
      waypoints: new Map<Workload, Set<string>>(),
      outside: new Map<string, Set<string>>(),
      anywhere: new Set<string>(),
      hosts: new Set<string>(),
    };
    for (const grant of grants) {
      const key = portKey(grant);
      const end = direction === 'ingress' ? this.#callersOf(grant) : this.#calleesOf(grant);
      if (end.kind === 'workloads') {
        const tunnels = this.#tunnels(grant);
        for (const workload of end.workloads) {
          const list = this.pods.includes(workload) ? ends.pods : ends.workloads;
          addName(list, workload, key);
          if (tunnels) addName(list, workload, TUNNEL);
        }
      } else if (end.kind === 'outside') addName(ends.outside, end.namespace, key);
      else ends[end.kind].add(key);
      for (const pod of this.#waypointsOf(grant))
        addName(this.waypointPods.includes(pod) ? ends.waypoints : ends.workloads, pod, TUNNEL);
    }
    return ends;
  }

  /** Whether the mesh carries the calls of a grant on the tunnel's port: between two of its workloads, one of them ambient. */
  #tunnels({ caller, callee, protocol }: Grant): boolean {
    const { mesh } = this.#index;
    if (!this.#hasAmbient || protocol === 'udp') return false;
    if (callee.kind !== 'workload' || caller.kind !== 'identity') return false;
    const target = this.#names.get(`${callee.namespace}/${callee.workload}`);
    const ends = [...this.#accountWorkloads(caller), ...(target === undefined ? [] : [target])];
    return ends.every((each) => isInMesh(mesh, each)) && ends.some((each) => isAmbient(mesh, each));
  }

  /** The pods of the waypoints through which the calls of a grant may go. */
  #waypointsOf({ callee, port, protocol }: Grant): readonly Workload[] {
    const { mesh } = this.#index;
    if (this.#pods.size === 0 || protocol === 'udp' || callee.kind !== 'workload') return [];
    const target = this.#names.get(`${callee.namespace}/${callee.workload}`);
    if (target === undefined || !isAmbient(mesh, target)) return [];
    return entrancesOf(mesh, target, port).flatMap(({ waypoint }) => this.#pods.get(waypoint) ?? []);
  }

  /** The grants whose calls may go through the pod of a waypoint, and who is then at its other end. */
  throughWaypoint(
    pod: Workload,
    direction: Direction,
  ): { readonly grants: readonly Grant[]; readonly ends: DeclaredEnds } {
    const grants = [...this.#byCallee.values()].flat().filter((grant) => this.#waypointsOf(grant).includes(pod));
    const { workloads, pods } = this.endsOf(grants, direction);
    const tunnelled = (ends: ReadonlyMap<Workload, Ports>) =>
      new Map([...ends.keys()].filter((end) => end !== pod).map((end) => [end, new Set([TUNNEL])]));
    const none = { waypoints: new Map(), outside: new Map(), anywhere: new Set<string>(), hosts: new Set<string>() };
    return { grants, ends: { ...none, workloads: tunnelled(workloads), pods: tunnelled(pods) } };
  }

  #callersOf({ caller }: Grant): End {
    if (caller.kind !== 'identity') return { kind: 'anywhere' };
    const workloads = this.#accountWorkloads(caller);
    return workloads.length > 0 ? { kind: 'workloads', workloads } : { kind: 'outside', namespace: caller.namespace };
  }

  #accountWorkloads({ namespace, serviceAccount }: Extract<Grant['caller'], { kind: 'identity' }>) {
    const own = this.#index.accountWorkloads(namespace, serviceAccount);
    return own.length > 0
      ? own
      : this.pods.filter((pod) => pod.namespace === namespace && pod.serviceAccount === serviceAccount);
  }

  #calleesOf({ callee }: Grant): End {
    if (callee.kind === 'external') return { kind: 'hosts' };
    const workload = this.#names.get(`${callee.namespace}/${callee.workload}`);
    return workload === undefined
      ? { kind: 'outside', namespace: callee.namespace }
      : { kind: 'workloads', workloads: [workload] };
  }
}

type End =
  | { readonly kind: 'workloads'; readonly workloads: readonly Workload[] }
  | { readonly kind: 'outside'; readonly namespace: string }
  | { readonly kind: 'anywhere' }
  | { readonly kind: 'hosts' };

/** The key of the port of HBONE. */
const TUNNEL = `TCP/${HBONE}`;

/** No workload has this name: names hold no space. */
const outside = (namespace: string): string => `${namespace}/ outside`;

function add<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function addName<K>(sets: Map<K, Set<string>>, key: K, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}
