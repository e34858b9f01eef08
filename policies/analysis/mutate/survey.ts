/** Tries mutants one after another: what each changes is noted at the ports that it can matter to. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { MeshIndex, portsOf } from '../compare/destinations.ts';
import { wayBetween } from '../compare/way.ts';
import { workloadIdentity } from '../identity.ts';
import { resolveListener } from '../listener.ts';
import { isolating } from '../network.ts';
import type { Profile } from '../profile.ts';
import type { Formula } from '../symbolic/formula.ts';
import { admitsAddress } from '../symbolic/network.ts';
import type { IssuerKeys } from '../token.ts';
import type { World } from '../world.ts';
import { type Affected, affectedBy, allWorkloads, nameOf, type WorkloadName } from './affected.ts';
import { type Arrival, Callee, isSamePassage, type Passage, proxyDecision } from './callee.ts';
import type { Variant } from './variant.ts';
import { View } from './view.ts';

/** A mutant that is a mesh. */
export type Parsed = Extract<Variant, { kind: 'parsed' }>;

/** How decisions are made. */
export interface Semantics {
  readonly profile: Profile;
  readonly issuerKeys: IssuerKeys;
}

/** One version of the mesh with its workloads by name. */
export interface Version {
  readonly view: View;
  readonly workload: (name: WorkloadName) => Workload | undefined;
}

/** Every port that mutants were tried at. */
export class Survey {
  readonly index: MeshIndex;
  readonly original: Version;
  /** Names of all workloads, undeclared ones included. */
  readonly names: readonly WorkloadName[];
  readonly #semantics: Semantics;
  readonly #workloads: readonly Workload[];
  readonly #callees = new Map<string, Callee>();
  readonly #passages = new Map<string, Passage>();
  readonly #portsOf = new Map<WorkloadName, readonly number[]>();

  constructor(mesh: Mesh, semantics: Semantics) {
    this.index = new MeshIndex(mesh);
    this.#semantics = semantics;
    this.#workloads = allWorkloads(mesh);
    this.names = this.#workloads.map(nameOf);
    const byName = new Map(this.#workloads.map((workload) => [nameOf(workload), workload]));
    this.original = { view: View.original(this.index), workload: (name) => byName.get(name) };
  }

  /** The ports with what mutants do there. */
  callees(): readonly Callee[] {
    return [...this.#callees.values()];
  }

  /** What a mutant can matter to. */
  affected(variant: Parsed): Affected {
    return affectedBy(variant.replacements, this.index.mesh, this.#workloads);
  }

  /** A mutant as a version of the mesh. */
  version(variant: Parsed): Version {
    const changed = new Map<WorkloadName, Workload | undefined>();
    if (variant.replacements === 'everything')
      for (const workload of allWorkloads(variant.mesh)) changed.set(nameOf(workload), workload);
    else
      for (const { list, before, after } of variant.replacements) {
        if (list !== 'workloads') continue;
        if (before !== undefined) changed.set(nameOf(before as Workload), undefined);
        if (after !== undefined) changed.set(nameOf(after as Workload), after as Workload);
      }
    return {
      view: View.of(this.index, variant),
      workload: (name) => (changed.has(name) ? changed.get(name) : this.original.workload(name)),
    };
  }

  /** Notes what a mutant changes at every port that it can matter to. */
  note(mutant: number, variant: Parsed): void {
    const trial: Trial = { mutant, affected: this.affected(variant), version: this.version(variant) };
    const { proxies, inward, outward } = trial.affected;
    for (const name of new Set([...proxies, ...inward])) this.#decide(trial, name);
    for (const caller of this.names)
      for (const callee of outward.has(caller) ? this.names : inward) this.#pass(trial, { caller, callee });
  }

  #decide(trial: Trial, name: WorkloadName): void {
    const { mutant, version, affected } = trial;
    const [before, after] = [this.original.workload(name), version.workload(name)];
    if (before === undefined || after === undefined) return;
    for (const port of this.#ports(trial, name)) {
      const callee = this.#callee(before, port);
      const world = this.world(version, after.namespace);
      const proxy = affected.proxies.has(name) ? proxyDecision(world, after, port) : callee.original.proxy;
      callee.decides(mutant, { proxy, gate: gateOf(world, after, port) });
    }
  }

  /** The ports of a workload in both versions, and one that neither names. */
  #ports({ affected, version }: Trial, name: WorkloadName): readonly number[] {
    const own = this.#portsOf.get(name) ?? portsWithOther(this.#portsIn(this.original, name));
    this.#portsOf.set(name, own);
    if (!affected.proxies.has(name)) return own;
    return portsWithOther([...this.#portsIn(this.original, name), ...this.#portsIn(version, name)]);
  }

  #portsIn(version: Version, name: WorkloadName): readonly number[] {
    const found = version.workload(name);
    return found === undefined ? [] : this.namedPorts(version, found);
  }

  /** The ports of a workload that anything in a version names. */
  namedPorts({ view }: Version, workload: Workload): readonly number[] {
    return portsOf(view.slice(workload.namespace), workload, []).named;
  }

  #callee(workload: Workload, port: number): Callee {
    const key = `${nameOf(workload)}:${port}`;
    const known = this.#callees.get(key);
    if (known !== undefined) return known;
    const world = this.world(this.original, workload.namespace);
    const place = { world, workload, port, arrivals: () => this.#arrivals(nameOf(workload), port) };
    const made = new Callee(place, {
      proxy: proxyDecision(world, workload, port),
      gate: gateOf(world, workload, port),
    });
    this.#callees.set(key, made);
    return made;
  }

  /** What a version decides in a namespace. */
  world({ view }: Version, namespace: string): World {
    return { mesh: view.slice(namespace), ...this.#semantics };
  }

  #arrivals(callee: WorkloadName, port: number): readonly Arrival[] {
    return this.names.flatMap((name) => {
      const caller = this.original.workload(name);
      if (caller === undefined || name === callee) return [];
      return [{ caller, passage: this.#passage(this.original, { caller: name, callee }, port) }];
    });
  }

  #pass(trial: Trial, ends: Ends): void {
    if (ends.caller === ends.callee) return;
    const [caller, callee] = [this.original.workload(ends.caller), this.original.workload(ends.callee)];
    if (caller === undefined || callee === undefined) return;
    for (const port of this.#ports(trial, ends.callee)) {
      const key = `${ends.caller} ${ends.callee}:${port}`;
      const before = this.#passages.get(key) ?? this.#passage(this.original, ends, port);
      this.#passages.set(key, before);
      const after = this.#passage(trial.version, ends, port);
      if (!isSamePassage(before, after)) this.#callee(callee, port).passes(trial.mutant, caller, { before, after });
    }
  }

  #passage(version: Version, ends: Ends, port: number): Passage {
    const [caller, callee] = [version.workload(ends.caller), version.workload(ends.callee)];
    if (caller === undefined || callee === undefined) return { kind: 'closed' };
    const mesh = version.view.between(caller.namespace, callee.namespace);
    const listener = resolveListener(version.view.slice(callee.namespace), callee, port);
    const way = wayBetween(mesh, caller, { workload: callee, port, listener });
    if (way.kind === 'closed') return { kind: 'closed' };
    if (way.shows === 'opaqueBytes') return { kind: 'opaque' };
    const own = workloadIdentity(mesh, caller);
    return { kind: 'open', identity: way.shows === 'certificate' ? own : null };
  }
}

/** One mutant on trial. */
interface Trial {
  readonly mutant: number;
  readonly affected: Affected;
  readonly version: Version;
}

/** Ports with one more that none of them is: it stands for all others. */
export function portsWithOther(named: readonly number[]): readonly number[] {
  let other = 65_000;
  while (named.includes(other)) other -= 1;
  return [...new Set([...named, other])];
}

function gateOf({ mesh }: World, workload: Workload, port: number): Formula {
  return admitsAddress(isolating(mesh, workload, 'ingress'), workload, port);
}

interface Ends {
  readonly caller: WorkloadName;
  readonly callee: WorkloadName;
}
