/** What a change grants and takes away: the common refinement of two versions of a mesh. */
import type { Mesh } from '../../language/mesh.ts';
import type { Profile } from '../profile.ts';
import { BudgetExceeded } from '../symbolic/diagram.ts';
import { Effort } from '../symbolic/effort.ts';
import { type CallerSide, Callers } from './callers.ts';
import { type GrantChange, type RefinedPlace, Refinement } from './grant-change.ts';
import { type InternetPath, internetPaths } from './internet-paths.ts';
import { jointCalls, jointlyUnknown } from './joint-callers.ts';
import { type OutsideChange, outsideChanges } from './outside-changes.ts';
import { Preparation, type PreparedMesh } from './prepared.ts';
import { ABSENT, allPorts, type Pair, type PortLabel, sideOf } from './sides.ts';
import { weakenedMesh, weakenedPort, weakenedWorkload } from './weakening/layers.ts';
import { PairBudget, type Weakening, withPortsMerged } from './weakening/weakening.ts';

/** The difference of two meshes. */
export interface MeshDifference {
  /** In the order of callee, port, caller, path and method. */
  readonly changes: readonly GrantChange[];
  /** Layers that let through, or protect, less than before. */
  readonly weakened: readonly Weakening[];
  /** Ways from the internet over workloads that are new, or gone. */
  readonly paths: readonly InternetPath[];
  /** Calls from outside that go through a gateway to a destination in one version only, or under other conditions. */
  readonly outside: readonly OutsideChange[];
  readonly unknown: readonly string[];
  /** Workloads whose grants are not listed, since all that decides about calls to them is the same in both versions. */
  readonly same: number;
}

/** How two prepared meshes are compared. */
export interface DiffOptions {
  /** `changes` leaves out the workloads about which nothing changed. @default 'everything' */
  readonly list?: 'everything' | 'changes';
  /** Called after each workload. */
  readonly progress?: () => void;
}

/** Compares two versions of a mesh. */
export function diff(before: Mesh, after: Mesh, profile: Profile, options: DiffOptions = {}): MeshDifference {
  const preparation = new Preparation(profile);
  return diffPrepared(preparation.of(before), preparation.of(after), options);
}

/** Compares two meshes of one `Preparation`; with `list: 'changes'` the work is that of what changed. */
export function diffPrepared(before: PreparedMesh, after: PreparedMesh, options: DiffOptions = {}): MeshDifference {
  return new Comparison(before, after, options).run();
}

class Comparison {
  readonly #versions: readonly [PreparedMesh, PreparedMesh];
  readonly #options: DiffOptions;
  readonly #changes: GrantChange[] = [];
  readonly #weakened: Weakening[] = [];
  readonly #unknown: string[] = [];
  readonly #pairs = new PairBudget();
  readonly #effort = new Effort();
  #same = 0;

  constructor(before: PreparedMesh, after: PreparedMesh, options: DiffOptions) {
    this.#versions = [before, after];
    this.#options = options;
  }

  run(): MeshDifference {
    const [before, after] = this.#versions;
    for (const each of weakenedMesh(before, after)) this.#weakened.push(each);
    const changed: string[] = [];
    for (const { name, isSame } of namesOf(before, after)) {
      if (!isSame) changed.push(name);
      if (isSame && this.#options.list === 'changes') this.#same += 1;
      else this.#workload(name, isSame ? 'same' : 'changed');
      this.#options.progress?.();
    }
    const paths = internetPaths(before, after, { changed, unknown: this.#unknown, effort: this.#effort });
    const outside = changed.length === 0 ? [] : outsideChanges(before, after, { changed, unknown: this.#unknown });
    return {
      changes: this.#changes,
      weakened: this.#weakened,
      paths,
      outside,
      unknown: [...new Set([...this.#unknown, ...this.#pairs.leftOut()])],
      same: this.#same,
    };
  }

  #workload(name: string, what: 'same' | 'changed'): void {
    const [before, after] = this.#versions;
    const pair: Pair = { name, before, after, was: before.workloads.get(name), is: after.workloads.get(name) };
    const weakened: Weakening[] = what === 'changed' ? [...weakenedWorkload(pair)] : [];
    for (const { port, label } of allPorts(pair)) {
      const sides = (what === 'same' ? [after] : [before, after]).flatMap((version) => sideOf(version, name, port));
      if (sides.length !== (what === 'same' ? 1 : 2)) continue;
      try {
        for (const each of this.#port(pair, sides, { port, label })) weakened.push(each);
      } catch (error) {
        if (!(error instanceof BudgetExceeded)) throw error;
        this.#unknown.push(`\`${name}\` port ${label}: ${error.message}`);
      }
    }
    for (const each of withPortsMerged(weakened)) this.#weakened.push(each);
  }

  #port(pair: Pair, sides: readonly CallerSide[], { port, label }: PortLabel): readonly Weakening[] {
    const { profile } = pair.after;
    const callers = new Callers(sides, { port, profile, effort: this.#effort });
    const workload = sides.find((side) => side.workload !== ABSENT)?.workload ?? ABSENT;
    const destination = { namespace: workload.namespace, workload: workload.name, port: label };
    const refinement = new Refinement(callers.universe, sides, { destination, port, profile });
    const found = callers.list().flatMap((caller) => refinement.of(caller));
    for (const each of found.toSorted(byCallerThenCall)) this.#changes.push(each);
    if (sides.length === 2) this.#joint(sides, { destination, port, profile });
    const [was, is] = sides;
    if (was === undefined || is === undefined || was.workload === ABSENT || is.workload === ABSENT) return [];
    return weakenedPort(pair, { was, is, port, label, callers, pairs: this.#pairs });
  }

  /** What changed for certificates with several SANs alone. */
  #joint(sides: readonly CallerSide[], place: RefinedPlace): void {
    const { namespace, workload, port } = place.destination;
    try {
      const joint = jointCalls(sides, { port: place.port, profile: place.profile, effort: this.#effort });
      if (joint === undefined) return;
      const refinement = new Refinement(joint.universe, sides, place);
      for (const caller of joint.callers) for (const each of refinement.of(caller)) this.#changes.push(each);
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error;
      this.#unknown.push(jointlyUnknown(`${namespace}/${workload}`, port, error));
    }
  }
}

/** The workloads of both versions, sorted, and whether all that decides about calls to them is the same. */
function* namesOf(
  before: PreparedMesh,
  after: PreparedMesh,
): Generator<{ readonly name: string; readonly isSame: boolean }> {
  const sharedIsSame = before.shared === after.shared;
  let [left, right] = [0, 0];
  while (left < before.names.length || right < after.names.length) {
    const [was, is] = [before.names[left], after.names[right]];
    if (was !== undefined && was === is) {
      yield { name: was, isSame: sharedIsSame && before.inboundOf[left] === after.inboundOf[right] };
      left += 1;
      right += 1;
    } else if (is === undefined || (was !== undefined && was < is)) {
      yield { name: was ?? '', isSame: false };
      left += 1;
    } else {
      yield { name: is, isSame: false };
      right += 1;
    }
  }
}

function byCallerThenCall(left: GrantChange, right: GrantChange): number {
  const [one, two] = [orderOf(left), orderOf(right)];
  return one < two ? -1 : one > two ? 1 : 0;
}

function orderOf({ grant: { source, http } }: GrantChange): string {
  const caller = source.kind === 'workload' ? `${source.namespace}/${source.workload}` : (source.principal ?? '');
  return JSON.stringify([source.kind, caller, http?.path ?? '', http?.method ?? '']);
}
