/** Probes a cluster with the requests of a file, each from the pod that it comes from. */
import type { Pod } from '../../analysis/request.ts';
import type { Caller } from './caller.ts';
import { readPods } from './caller.ts';
import { callerName } from './cell.ts';
import { asProbe, type Chosen, type Sendable, type Stage, strangersOf } from './chosen.ts';
import type { Connection } from './connect.ts';
import { Expectations } from './expectation.ts';
import { judge } from './judge.ts';
import { findCallers, type ProbeClusterOptions, podFinder } from './probe-cluster.ts';
import type { ProbedRequest, ProbeReport } from './probe-report.ts';
import type { LiveMesh } from './read-live-mesh.ts';
import { type Stranger, startStranger } from './stranger.ts';
import { type Answered, type Asked, survey } from './survey.ts';

type NotProbed = ProbeReport['notProbed'][number];

/** Sends every request that some pod can send; the others are told. Errors: `ExecFailure`, `ApiUnreachable`. */
export async function probeChosen(
  connection: Connection,
  live: LiveMesh,
  options: ProbeClusterOptions & { readonly chosen: readonly Chosen[] },
): Promise<ProbeReport> {
  const startedAt = new Date();
  const found = await findCallers(connection, live, options);
  const { strangers, refused } = await startAll(connection, live, options);
  try {
    const pods = podFinder(live, await readPods(connection));
    const own = strangers.map(({ caller }) => caller);
    const stage: Stage = {
      mesh: live.mesh,
      callers: [...found.callers, ...own],
      podOf: (place) => pods(place) ?? podAmong(own, place),
      key: options.key,
    };
    const { sendable, left } = staged(options.chosen, stage);
    const answers = await survey(connection, sendable.map(asked), {
      onProgress: (done, total) => options.onProgress?.(`${done} of ${total} probes made`),
    });
    const expectations = new Expectations({ ...live, profile: options.profile, intent: options.intent });
    return {
      context: connection.context,
      startedAt: startedAt.toISOString(),
      seconds: (Date.now() - startedAt.getTime()) / 1000,
      intentChecked: false,
      cells: [],
      ways: [],
      chosen: answers.map((answered) => probedRequest(answered, expectations)),
      notProbed: [...found.notProbed, ...refused, ...left],
      leftOut: live.leftOut,
    };
  } finally {
    for (const { remove } of strangers) await remove();
  }
}

async function startAll(
  connection: Connection,
  live: LiveMesh,
  { chosen, probeImage }: Pick<ProbeClusterOptions, 'probeImage'> & { readonly chosen: readonly Chosen[] },
): Promise<{ readonly strangers: readonly Stranger[]; readonly refused: readonly NotProbed[] }> {
  const strangers: Stranger[] = [];
  const refused: NotProbed[] = [];
  const start = async (pod: Pod, image: string) => {
    const started = await startStranger(connection, live, { pod, image });
    if (typeof started === 'string') refused.push({ workload: nameOf(pod), because: started });
    else strangers.push(started);
  };
  // At the same time: each is waited for, and one that may not reach its control plane is never ready.
  if (probeImage !== null) await Promise.all(strangersOf(chosen).map((pod) => start(pod, probeImage)));
  return { strangers, refused };
}

const nameOf = ({ namespace, workload }: Pod): string => `${namespace}/${workload}`;

function podAmong(callers: readonly Caller[], place: Parameters<Stage['podOf']>[0]) {
  return callers.find(({ workload }) => workload.namespace === place.namespace && workload.name === place.workload)
    ?.pod;
}

/** The requests that can be sent, and of the others the reason. */
function staged(
  all: readonly Chosen[],
  stage: Stage,
): { readonly sendable: readonly Sendable[]; readonly left: readonly NotProbed[] } {
  const sendable: Sendable[] = [];
  const left: NotProbed[] = [];
  for (const chosen of all) {
    const made = asProbe(chosen, stage);
    if (typeof made === 'string') left.push({ workload: chosen.request.id, because: made });
    else sendable.push(made);
  }
  return { sendable, left };
}

const asked = (about: Sendable): Asked<Sendable> => ({
  about,
  caller: about.caller,
  request: about.probe,
  callees: about.callees,
});

/** The file's verdict counts where its caller is a workload: of a bare certificate it leaves out what is before a proxy. */
function probedRequest({ about, outcome, classified }: Answered<Sendable>, expectations: Expectations): ProbedRequest {
  const { request, expected } = about.chosen;
  const stated = request.caller.kind === 'workload' && expected !== null ? expected === 'allow' : null;
  const expectation = expectations.ofRequest(about.json, stated);
  const { namespace, workload, port } = request.destination;
  const call = request.http === null ? 'bytes' : `${request.http.method} ${request.http.path}`;
  const caller = callerName(about.caller);
  return {
    name: `${request.id}: ${caller} -> ${namespace}/${workload}:${port} ${call}`,
    id: request.id,
    caller,
    request: about.json,
    result: outcome.result,
    observed: classified,
    expected: expectation,
    judgement: judge(expectation, classified),
  };
}
