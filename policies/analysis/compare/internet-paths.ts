/**
 * Ways from the internet over workloads, before and after a change: each workload on the way is taken for compromised,
 * so that what its own sidecar would refuse to send is no obstacle.
 */
import { admits, isolating } from '../network.ts';
import { BudgetExceeded } from '../symbolic/diagram.ts';
import type { Effort } from '../symbolic/effort.ts';
import { CallGraph, type InwardChange, type Ways } from './call-graph.ts';
import { Callers } from './callers.ts';
import { portsOf } from './destinations.ts';
import { type Inward, inwardKey, type PreparedMesh } from './prepared.ts';
import { sideOf } from './sides.ts';

/** A way that one version has and the other has not. */
export interface InternetPath {
  readonly change: 'added' | 'removed';
  /** Workloads by `namespace/name`; the first is called from outside the mesh, the last is what is reached. */
  readonly way: readonly string[];
  /** Whether the other version reaches the last workload at all, over some other way. */
  readonly reaches: 'another workload' | 'a workload in reach already';
}

/** What is known of the comparison so far. */
interface Compared {
  /** The workloads calls to which may differ. */
  readonly changed: readonly string[];
  /** Takes what could not be decided. */
  readonly unknown: string[];
  readonly effort: Effort;
}

/** The ways that a change opens and closes: to each workload newly reached, and over each new call between workloads. */
export function internetPaths(before: PreparedMesh, after: PreparedMesh, compared: Compared): readonly InternetPath[] {
  const { changed } = compared;
  const was = new Graph(before, compared);
  const is = new Graph(after, compared);
  const changes = new Map(changed.map((name) => [name, { was: was.inward(name), is: is.inward(name) }]));
  for (const [name, change] of changes)
    if (JSON.stringify(change.was) === JSON.stringify(change.is)) changes.delete(name);
  if (changes.size === 0) return [];
  const { graph, ways: known } = baseOf(was, before);
  const isSame =
    before.names.length === after.names.length && before.names.every((name, at) => name === after.names[at]);
  const reached = isSame ? graph.waysAfter(changes) : new CallGraph(after.plain, (name) => is.inward(name)).ways();
  const turned = new Map([...changes].map(([name, change]) => [name, { was: change.is, is: change.was }]));
  return [
    ...newWays(known, reached, changes).map((path) => ({ change: 'added' as const, ...path })),
    ...newWays(reached, known, turned).map((path) => ({ change: 'removed' as const, ...path })),
  ];
}

function newWays(
  known: Ways,
  reached: Ways,
  changes: ReadonlyMap<string, InwardChange>,
): readonly Omit<InternetPath, 'change'>[] {
  const found: Omit<InternetPath, 'change'>[] = [];
  for (const name of reached.beyond(known)) found.push({ way: reached.to(name), reaches: 'another workload' });
  for (const [name, { was, is }] of changes) {
    if (!known.has(name)) continue;
    const earlier = new Set(was.callers);
    const ways = is.callers
      .filter((caller) => !earlier.has(caller))
      .map((caller) => reached.to(caller))
      .filter((way) => way.length > 0 && !way.includes(name))
      .map((way) => [...way, name]);
    if (is.fromOutside && !was.fromOutside) ways.unshift([name]);
    for (const way of ways) found.push({ way, reaches: 'a workload in reach already' });
  }
  return found.toSorted((left, right) => (left.way.join() < right.way.join() ? -1 : 1));
}

/** Who may call whom, worked out for a workload when it is asked for. */
class Graph {
  readonly #version: PreparedMesh;
  readonly #compared: Compared;

  constructor(version: PreparedMesh, compared: Compared) {
    this.#version = version;
    this.#compared = compared;
  }

  inward(name: string): Inward {
    const found = this.#version.workloads.get(name);
    if (found === undefined) return NOBODY;
    const key = inwardKey(found.numbers, this.#version.shared);
    const known = this.#version.inward.get(key);
    if (known !== undefined) return known;
    const { unknown } = this.#compared;
    const undecided = unknown.length;
    const made = this.#newInward(name);
    // what could not be decided is said again by whoever asks again
    if (unknown.length === undecided) this.#version.inward.set(key, made);
    return made;
  }

  #newInward(name: string): Inward {
    const workload = this.#version.workloads.get(name)?.workload;
    if (workload === undefined) return NOBODY;
    const mesh = this.#version.index.around(workload);
    const ports = portsOf(mesh, workload, []);
    const callers = new Set<string>();
    let fromOutside = false;
    for (const port of [...ports.named, ports.other]) {
      const sources = this.#sourcesAt(name, port);
      for (const source of sources)
        if (source.kind === 'workload') callers.add(`${source.namespace}/${source.workload}`);
      const outside = { peer: { workload: null, ip: null }, target: workload, port };
      fromOutside ||=
        sources.some(({ kind }) => kind === 'plaintext' || kind === 'pattern') &&
        admits(mesh, isolating(mesh, workload, 'ingress'), 'ingress', outside);
    }
    return { fromOutside, callers: [...callers].toSorted() };
  }

  #sourcesAt(name: string, port: number) {
    try {
      return sideOf(this.#version, name, port).flatMap((side) =>
        new Callers([side], {
          port,
          profile: this.#version.profile,
          callers: 'compromised',
          effort: this.#compared.effort,
        })
          .list()
          .map(({ source }) => source),
      );
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error;
      this.#compared.unknown.push(`ways over \`${name}\` port ${port}: ${error.message}`);
      return [];
    }
  }
}

interface Base {
  readonly graph: CallGraph;
  readonly ways: Ways;
}

const bases = new WeakMap<PreparedMesh, Base>();

/** The whole graph of one version, kept with it: the next comparison walks over what changed. */
function baseOf(calls: Graph, version: PreparedMesh): Base {
  const known = bases.get(version);
  if (known !== undefined) return known;
  const graph = new CallGraph(version.plain, (name) => calls.inward(name));
  const made: Base = { graph, ways: graph.ways() };
  bases.set(version, made);
  return made;
}

const NOBODY: Inward = { fromOutside: false, callers: [] };
