/** Probes a cluster: finds who can be called from, makes every call, and judges what came of it. */
import { isGateway } from '../../analysis/attachment.ts';
import type { Intent } from '../../analysis/compare/intent.ts';
import { workloadIdentity } from '../../analysis/identity.ts';
import type { Profile } from '../../analysis/index.ts';
import { injectionOf } from '../../analysis/injection.ts';
import { isolating } from '../../analysis/network.ts';
import { tryFindWorkload } from '../../analysis/world.ts';
import type { Workload } from '../../language/mesh.ts';
import { type BoundaryWay, boundaryWays } from './boundary.ts';
import { type Caller, type RunningPod, readPods, tryFindPod } from './caller.ts';
import { type Cell, callerName, cellsOf, probeOf } from './cell.ts';
import type { Classified } from './classify.ts';
import type { Connection } from './connect.ts';
import { addProbeContainer } from './ephemeral.ts';
import { Expectations } from './expectation.ts';
import { type Judgement, judge } from './judge.ts';
import type { ProbedCell, ProbedWay, ProbeReport } from './probe-report.ts';
import type { LiveMesh } from './read-live-mesh.ts';
import { whyNotProbed } from './run-probes.ts';
import { type Answered, type Asked, survey } from './survey.ts';
import { type HttpOperation, type Target, targetsOf } from './target.ts';
import type { SigningKey } from './user-token.ts';

/** How a cluster is probed. */
export interface ProbeClusterOptions {
  readonly intent: Intent | null;
  readonly profile: Profile;
  /** Signs users' tokens that the cluster accepts; null leaves out the states that need one. */
  readonly key: SigningKey | null;
  /** The image of ephemeral containers, null when none may be added. */
  readonly probeImage: string | null;
  /** Namespaces without sidecars from which plaintext is sent. @default - none */
  readonly plaintextFrom?: readonly string[];
  /** Methods that contracts know besides those of policies and intent. @default - none */
  readonly operations?: (workload: Workload, port: number) => readonly HttpOperation[];
  readonly onProgress?: (what: string) => void;
}

/** Who can be called from, and who cannot and why. */
export interface Callers {
  readonly callers: readonly Caller[];
  readonly notProbed: ProbeReport['notProbed'];
}

/** Finds the callers: every workload behind a sidecar, and those of `plaintextFrom`. */
export async function findCallers(
  connection: Connection,
  { mesh }: Pick<LiveMesh, 'mesh'>,
  options: Pick<ProbeClusterOptions, 'probeImage' | 'plaintextFrom'>,
): Promise<Callers> {
  const { probeImage, plaintextFrom = [] } = options;
  const pods = await readPods(connection);
  const callers: Caller[] = [];
  const notProbed: { workload: string; because: string }[] = [];
  for (const workload of mesh.workloads) {
    if (injectionOf(mesh, workload) !== 'on' && !plaintextFrom.includes(workload.namespace)) continue;
    const found = await findCaller(connection, workload, { mesh, pods, probeImage });
    if (typeof found === 'string') notProbed.push({ workload: callerName({ workload }), because: found });
    else callers.push(found);
  }
  return { callers, notProbed };
}

async function findCaller(
  connection: Connection,
  workload: Workload,
  {
    mesh,
    pods,
    probeImage,
  }: Pick<LiveMesh, 'mesh'> & {
    readonly pods: Awaited<ReturnType<typeof readPods>>;
    readonly probeImage: string | null;
  },
): Promise<Caller | string> {
  if (isGateway(mesh, workload))
    return "a gateway's pod does not intercept what its containers send: its identity cannot be used from inside";
  const pod = tryFindPod(workload, pods);
  if (pod === undefined) return 'no pod of it is ready';
  if (injectionOf(mesh, workload) === 'on' && !pod.proxied) return 'its pod runs no proxy';
  const identity = workloadIdentity(mesh, workload);
  const reasons: string[] = [];
  for (const container of pod.containers) {
    const from = { namespace: pod.namespace, pod: pod.name, container };
    const reason = await whyNotProbed(connection, from);
    if (reason === null) return { workload, identity, pod, from };
    reasons.push(`${container}: ${reason}`);
  }
  if (probeImage === null) return `${reasons.join('; ')}; --ephemeral would add a container that does`;
  const added = await addProbeContainer(connection, pod, probeImage);
  return typeof added === 'string' ? added : { workload, identity, pod, from: added };
}

/** Makes every call from every caller. Errors: `ExecFailure`, `ApiUnreachable`. */
export async function probeCluster(
  connection: Connection,
  live: LiveMesh,
  options: ProbeClusterOptions,
): Promise<ProbeReport> {
  const startedAt = new Date();
  const { callers, notProbed } = await findCallers(connection, live, options);
  const pods = await readPods(connection);
  const targets = targetsOf(live.mesh, options.intent, options.operations);
  const podOf = podFinder(live, pods);
  const progress = (done: number, total: number) => options.onProgress?.(`${done} of ${total} probes made`);
  const isolated = (caller: Caller) => isolating(live.mesh, caller.workload, 'egress').length > 0;
  const asked = askCells(cellsOf(callers, targets, options.key), podOf, options.key);
  const cells = await survey(connection, asked, { onProgress: progress });
  const expectations = new Expectations({ ...live, profile: options.profile, intent: options.intent });
  const ways = await survey(connection, askWays(callers, boundaryWays(targets, podOf), { podOf, isolated }), {
    onProgress: progress,
  });
  return {
    context: connection.context,
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    intentChecked: options.intent !== null,
    cells: cells.map((answered) => probedCell(answered, expectations)),
    ways: ways.map(probedWay),
    notProbed,
    leftOut: live.leftOut,
  };
}

/** The pod of a workload, undefined when none is ready. */
export type PodOf = (target: Pick<Target, 'namespace' | 'workload'>) => RunningPod | undefined;

/** Finds pods among those that were read. */
export function podFinder({ mesh }: Pick<LiveMesh, 'mesh'>, pods: Awaited<ReturnType<typeof readPods>>): PodOf {
  return (place) => {
    const workload = tryFindWorkload(mesh, place);
    return workload === undefined ? undefined : tryFindPod(workload, pods);
  };
}

/** The cells as probes, each with the pod that its target runs in. */
export function askCells(cells: readonly Cell[], podOf: PodOf, key: SigningKey | null): readonly Asked<Cell>[] {
  return cells.map((cell) => {
    const pod = podOf(cell.target);
    return { about: cell, caller: cell.caller, request: probeOf(cell, key), callees: pod === undefined ? [] : [pod] };
  });
}

/** What the ways around depend on. */
export interface WayOptions {
  readonly podOf: PodOf;
  /** Whether any network policy limits what the caller may send: only then is the world outside closed to it. */
  readonly isolated: (caller: Caller) => boolean;
}

/** The ways around as probes, from every caller but those whose own pod is meant. */
export function askWays(
  callers: readonly Caller[],
  ways: readonly BoundaryWay[],
  { podOf, isolated }: WayOptions,
): readonly Asked<BoundaryWay>[] {
  return callers.flatMap((caller) =>
    ways
      .filter(({ callee }) => (callee === null ? isolated(caller) : !isSame(callee, caller.workload)))
      .map((way) => {
        const pod = way.callee === null ? undefined : podOf(way.callee);
        return { about: way, caller, request: way.probe(), callees: pod === undefined ? [] : [pod] };
      }),
  );
}

const isSame = (callee: NonNullable<BoundaryWay['callee']>, { namespace, name }: Workload): boolean =>
  callee.namespace === namespace && callee.workload === name;

/** Judges what came of a cell. */
export function probedCell({ about, outcome, classified }: Answered<Cell>, expectations: Expectations): ProbedCell {
  const expected = expectations.of(about);
  return {
    cell: about,
    result: outcome.result,
    observed: classified,
    expected,
    judgement: judge(expected, classified),
  };
}

/** A way around must be closed, by whatever layer. */
export function probedWay({ about, caller, outcome, classified }: Answered<BoundaryWay>): ProbedWay {
  const observed = beyond(classified, outcome.result);
  return { caller: callerName(caller), way: about, result: outcome.result, observed, judgement: judgeWay(observed) };
}

/** Whatever answers a way around and is no proxy of the mesh has been reached. */
function beyond(classified: Classified, result: ProbedWay['result']): Classified {
  if (classified.cause !== 'unclear' || result.kind !== 'answered') return classified;
  return { cause: 'application', because: `something answered: ${classified.because}`, policy: null };
}

function judgeWay({ cause, because }: Classified): Judgement {
  if (cause === 'application') return { kind: 'differs', because: `must be closed, and was reached: ${because}` };
  return cause === 'unclear' ? { kind: 'undecided', because } : { kind: 'holds' };
}
