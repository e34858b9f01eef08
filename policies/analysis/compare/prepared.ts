/**
 * Meshes prepared for comparing: each workload gets numbers for all that decides about calls to it and from it, so that
 * workloads about which nothing changed are told apart by two numbers.
 */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { isAmbient } from '../ambient/capture.ts';
import { concerning, entrancesBefore, podOf } from '../ambient/waypoints.ts';
import { applicable, isGateway } from '../attachment.ts';
import { inNamespace } from '../namespaced.ts';
import { isolating } from '../network.ts';
import { sidecarOf } from '../outbound.ts';
import type { Profile } from '../profile.ts';
import { KnownCalls } from './call-graph.ts';
import { MeshIndex, selecting } from './destinations.ts';
import { Numbering } from './numbering.ts';
import { tryPlainCallers } from './plain-callers.ts';
import { identitiesOf } from './reach.ts';

/** What decides about one workload, as numbers that are comparable between the meshes of one `Preparation`. */
export interface WorkloadNumbers {
  /** Calls to it, from the network to the rules. */
  readonly inbound: number;
  /** NetworkPolicies that isolate it for ingress. */
  readonly ingress: number;
  /** NetworkPolicies that isolate it for egress. */
  readonly egress: number;
  /** Its Sidecar resource. */
  readonly sidecar: number;
  /** Calls from it, up to the network of the callee. */
  readonly outbound: number;
}

/** A workload with its numbers. */
export interface PreparedWorkload {
  readonly workload: Workload;
  readonly numbers: WorkloadNumbers;
}

/** What may call a workload: whoever comes from outside, and workloads by name. */
export interface Inward {
  readonly fromOutside: boolean;
  readonly callers: readonly string[];
}

/** One mesh with its numbers. */
export interface PreparedMesh {
  readonly mesh: Mesh;
  readonly profile: Profile;
  readonly index: MeshIndex;
  readonly identities: ReadonlyMap<string, readonly Workload[]>;
  /** Every `namespace/name`, sorted. */
  readonly names: readonly string[];
  /** The `inbound` of each of `names`, in their order. */
  readonly inboundOf: readonly number[];
  /** By `namespace/name`. */
  readonly workloads: ReadonlyMap<string, PreparedWorkload>;
  /** All that every call depends on: settings, and all numbers of callers. */
  readonly shared: number;
  /** Namespaces with their labels, which NetworkPolicies select by. */
  readonly namespaces: number;
  /** The calls to each of `names` whose rules are plain. */
  readonly plain: KnownCalls;
  /** What is known of calls between workloads, by `inbound` and `shared`: common to the versions of a `Preparation`. */
  readonly inward: Map<string, Inward>;
}

/** Where what is known of calls to a workload is kept. */
export function inwardKey({ inbound }: WorkloadNumbers, shared: number): string {
  return `${inbound} ${shared}`;
}

type Parts = Pick<PreparedMesh, 'index' | 'identities' | 'workloads' | 'shared'>;

/** Prepares the versions that are to be compared with each other; memory grows with what differs between them. */
export class Preparation {
  readonly profile: Profile;
  readonly #numbering = new Numbering();
  readonly #inward = new Map<string, Inward>();
  readonly #lists = new WeakMap<readonly object[], number>();

  constructor(profile: Profile) {
    this.profile = profile;
  }

  of(mesh: Mesh): PreparedMesh {
    const index = new MeshIndex(mesh);
    const workloads = new Map<string, PreparedWorkload>();
    for (const workload of mesh.workloads)
      workloads.set(`${workload.namespace}/${workload.name}`, { workload, numbers: this.#numbersOf(index, workload) });
    const names = [...workloads.keys()].toSorted();
    const shared = this.#shared(mesh, workloads);
    const identities = identitiesOf(mesh);
    this.#addPlain({ index, identities, workloads, shared });
    return {
      names,
      inboundOf: names.map((name) => workloads.get(name)?.numbers.inbound ?? -1),
      mesh,
      profile: this.profile,
      index,
      identities,
      workloads,
      shared,
      namespaces: this.#all(mesh.namespaces),
      plain: new KnownCalls(
        names,
        names.map((name) => this.#tryInward(workloads.get(name), shared)),
      ),
      inward: this.#inward,
    };
  }

  /** The calls to workloads whose rules are plain are known at once; the others are worked out when they are asked for. */
  #addPlain({ index, identities, workloads, shared }: Parts): void {
    const names = new Map([...workloads].map(([name, { workload }]) => [workload, name]));
    const nameOf = (workload: Workload) => names.get(workload) ?? `${workload.namespace}/${workload.name}`;
    for (const { workload, numbers } of workloads.values()) {
      const key = inwardKey(numbers, shared);
      if (this.#inward.has(key)) continue;
      const [mesh, meshFrom] = [index.around(workload), index.waysTo(workload)];
      const callers = tryPlainCallers({ workload, mesh, meshFrom, identities, nameOf, profile: this.profile });
      if (callers !== undefined) this.#inward.set(key, { fromOutside: false, callers });
    }
  }

  #tryInward(found: PreparedWorkload | undefined, shared: number): Inward | undefined {
    return found === undefined ? undefined : this.#inward.get(inwardKey(found.numbers, shared));
  }

  #shared(mesh: Mesh, workloads: PreparedMesh['workloads']): number {
    const callers = [...workloads].map(([name, { numbers }]) => JSON.stringify([name, numbers.outbound])).toSorted();
    return this.#numbering.sequence([
      this.#numbering.of(mesh.config),
      this.#all(mesh.namespaces),
      this.#all(mesh.gateways),
      this.#all(mesh.waypoints),
      this.#all(mesh.virtualServices),
      this.#all(mesh.serviceEntries),
      this.#numbering.sequence(callers),
    ]);
  }

  #numbersOf(index: MeshIndex, workload: Workload): WorkloadNumbers {
    const slice = index.slice(workload.namespace);
    const own = this.#numbering.of(workload);
    const ingress = this.#all(isolating(slice, workload, 'ingress'));
    const egress = this.#all(isolating(slice, workload, 'egress'));
    const found = sidecarOf(slice, workload);
    const sidecar = found === undefined ? -1 : this.#numbering.of(found);
    const inbound = this.#numbering.sequence([
      own,
      ingress,
      this.#all(concerning(slice.authorizationPolicies, slice, workload)),
      this.#all(applicable(slice.peerAuthentications, slice, workload)),
      this.#all(concerning(slice.requestAuthentications, slice, workload)),
      this.#all(selecting(slice.services, workload)),
      this.#all(slice.unmodelled),
      ...(isGateway(slice, workload) ? [this.#all(slice.services), this.#all(slice.destinationRules)] : []),
      ...this.#waypoints(slice, workload),
    ]);
    const outbound = this.#numbering.sequence([own, egress, sidecar, this.#all(slice.destinationRules)]);
    return { inbound, ingress, egress, sidecar, outbound };
  }

  /** The pods and the networks of the waypoints before an ambient workload. */
  #waypoints(slice: Mesh, workload: Workload): readonly number[] {
    if (slice.waypoints.length === 0 || !isAmbient(slice, workload)) return [];
    const waypoints = new Set(entrancesBefore(slice, workload).map(({ waypoint }) => waypoint));
    return [...waypoints].flatMap((waypoint) => [
      this.#numbering.of(podOf(slice, waypoint)),
      this.#all(inNamespace(slice.networkPolicies, waypoint.namespace)),
    ]);
  }

  #all(objects: readonly object[]): number {
    const known = this.#lists.get(objects);
    if (known !== undefined) return known;
    const made = this.#numbering.sequence(objects.map((object) => this.#numbering.of(object)));
    this.#lists.set(objects, made);
    return made;
  }
}
