/**
 * Ways from the internet over workloads, before and after a change: each workload on the way is taken for compromised,
 * so that what its own sidecar would refuse to send is no obstacle.
 */
import { admits, isolating } from '../network.ts';
import { BudgetExceeded } from '../symbolic/diagram.ts';
import type { Effort } from '../symbolic/effort.ts';
import { Callers } from './callers.ts';
import { portsOf } from './destinations.ts';
import type { Inward, PreparedMesh } from './prepared.ts';
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
  const differing = changed.filter((name) => JSON.stringify(was.inward(name)) !== JSON.stringify(is.inward(name)));
  if (differing.length === 0) return [];
  const base = baseOf(was, before);
  const sides = {
    was: { graph: was, ways: walk(base) },
    is: { graph: is, ways: walk(patched(base, is, differing)) },
  };
  return [
    ...newWays(sides.was, sides.is, differing).map((path) => ({ change: 'added' as const, ...path })),
    ...newWays(sides.is, sides.was, differing).map((path) => ({ change: 'removed' as const, ...path })),
  ];
}

interface Side {
  readonly graph: Graph;
  /** The shortest way to each workload that is reached from outside. */
  readonly ways: ReadonlyMap<string, readonly string[]>;
}

function newWays(old: Side, current: Side, differing: readonly string[]): readonly Omit<InternetPath, 'change'>[] {
  const [known, reached] = [old.ways, current.ways];
  const found: Omit<InternetPath, 'change'>[] = [];
  for (const [name, way] of reached) if (!known.has(name)) found.push({ way, reaches: 'another workload' });
  for (const name of differing) {
    if (!known.has(name)) continue;
    const [earlier, later] = [old.graph.inward(name), current.graph.inward(name)];
    const ways = later.callers
      .filter((caller) => !earlier.callers.includes(caller))
      .map((caller) => reached.get(caller) ?? [])
      .filter((way) => way.length > 0 && !way.includes(name))
      .map((way) => [...way, name]);
    if (later.fromOutside && !earlier.fromOutside) ways.unshift([name]);
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
    const key = `${found.numbers.inbound} ${this.#version.shared}`;
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

/** Who is called from outside, and by whom each workload is left. */
interface Outward {
  readonly entries: readonly string[];
  readonly calleesOf: (caller: string) => readonly string[];
}

const bases = new WeakMap<PreparedMesh, Outward>();

/** The whole graph of one version, kept with it: the next comparison walks it again. */
function baseOf(graph: Graph, version: PreparedMesh): Outward {
  const known = bases.get(version);
  if (known !== undefined) return known;
  const callees = new Map<string, string[]>();
  const entries: string[] = [];
  for (const name of version.names) {
    const { fromOutside, callers } = graph.inward(name);
    if (fromOutside) entries.push(name);
    for (const caller of callers) {
      const list = callees.get(caller) ?? [];
      callees.set(caller, list);
      list.push(name);
    }
  }
  const made: Outward = { entries, calleesOf: (caller) => callees.get(caller) ?? [] };
  bases.set(version, made);
  return made;
}

/** The graph of another version that differs in the calls to some workloads. */
function patched(base: Outward, graph: Graph, differing: readonly string[]): Outward {
  const others = new Set(differing);
  const inward = differing.map((name) => ({ name, ...graph.inward(name) }));
  const added = inward.filter(({ fromOutside }) => fromOutside).map(({ name }) => name);
  return {
    entries: [...base.entries.filter((name) => !others.has(name)), ...added].toSorted(),
    calleesOf: (caller) => {
      const kept = base.calleesOf(caller).filter((name) => !others.has(name));
      const own = inward.filter(({ callers }) => callers.includes(caller)).map(({ name }) => name);
      return [...kept, ...own].toSorted();
    },
  };
}

/** The shortest way to each workload, nearest first. */
function walk({ entries, calleesOf }: Outward): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>(entries.map((name) => [name, [name]]));
  // a Map is walked in the order of insertion, also over what is added on the way
  for (const [name, way] of found)
    for (const callee of calleesOf(name)) if (!found.has(callee)) found.set(callee, [...way, callee]);
  return found;
}

const NOBODY: Inward = { fromOutside: false, callers: [] };
