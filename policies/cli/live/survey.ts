/** Makes the probes of many callers, gathers the evidence from the proxies' logs, and names each cause. */
import type { ProbeOutcome, ProbeRequest } from '../../probe/protocol.ts';
import { type AccessLog, emptyLog, indexLog, readAccessLog } from './access-log.ts';
import type { Caller, RunningPod } from './caller.ts';
import { type Classified, classify } from './classify.ts';
import type { Connection } from './connect.ts';
import { runProbes } from './run-probes.ts';

/** One probe to be made, with whatever it stands for. */
export interface Asked<T> {
  readonly about: T;
  readonly caller: Caller;
  readonly request: ProbeRequest;
  /** The pods that may be reached; their proxies' logs are read. */
  readonly callees: readonly RunningPod[];
}

/** One probe that was made. */
export interface Answered<T> {
  readonly about: T;
  readonly caller: Caller;
  readonly outcome: ProbeOutcome;
  readonly classified: Classified;
  /** True where nothing answered and a proxy's line is missing: a log that was rotated away looks like a call that never came. */
  readonly isSilent: boolean;
}

/** How a survey is made. */
export interface SurveyOptions {
  /** Hears how many probes of how many are made. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Callers that probe at the same time: each runs a program in its own pod. */
const callersAtOnce = 2;
/** A proxy writes its log out every second; whoever is slower than this has no log. */
const logWaitMs = 8000;
const logPollMs = 250;
const clockSkewMs = 2000;

/**
 * Makes all probes; the result is in the order of `asked`. Those without a cause or of which a proxy's line is missing
 * are made once more. Errors: `ExecFailure`, `ApiUnreachable`.
 */
export async function survey<T>(
  connection: Connection,
  asked: readonly Asked<T>[],
  options: SurveyOptions = {},
): Promise<readonly Answered<T>[]> {
  const first = await surveyOnce(connection, asked, options);
  const open = new Set(
    first
      .filter(({ classified, isSilent }) => classified.cause === 'unclear' || isSilent)
      .map(({ outcome }) => outcome.id),
  );
  if (open.size === 0) return first;
  const again = await surveyOnce(
    connection,
    asked.filter(({ request }) => open.has(request.id)),
    {},
  );
  const second = new Map(again.map((each) => [each.outcome.id, each]));
  return first.map((each) => second.get(each.outcome.id) ?? each);
}

async function surveyOnce<T>(
  connection: Connection,
  asked: readonly Asked<T>[],
  options: SurveyOptions,
): Promise<readonly Answered<T>[]> {
  const startedAt = Date.now() - clockSkewMs;
  const outcomes = new Map<string, ProbeOutcome>();
  const queue = Map.groupBy(asked, ({ caller }) => caller).entries();
  const work = async () => {
    for (const [caller, own] of queue) {
      const requests = own.map(({ request }) => request);
      for (const [id, outcome] of await runProbes(connection, caller.from, requests)) outcomes.set(id, outcome);
      options.onProgress?.(outcomes.size, asked.length);
    }
  };
  await Promise.all(Array.from({ length: callersAtOnce }, work));
  const logs = await gatherLogs(connection, asked, outcomes, startedAt);
  return asked.flatMap((each) => {
    const outcome = outcomes.get(each.request.id);
    return outcome === undefined ? [] : [answered(each, outcome, logs)];
  });
}

type Logs = ReadonlyMap<string, AccessLog>;

const keyOf = ({ namespace, name }: Pick<RunningPod, 'namespace' | 'name'>): string => `${namespace}/${name}`;

/** Reads the logs until every line that must exist is there, or for as long as a proxy may take. */
async function gatherLogs<T>(
  connection: Connection,
  asked: readonly Asked<T>[],
  outcomes: ReadonlyMap<string, ProbeOutcome>,
  since: number,
): Promise<Logs> {
  const pods = new Map(
    asked.flatMap(({ caller, callees }) => [caller.pod, ...callees].map((pod) => [keyOf(pod), pod] as const)),
  );
  const proxied = [...pods.values()].filter((pod) => pod.proxied);
  for (const until = Date.now() + logWaitMs; ; ) {
    const read = await Promise.all(
      proxied.map(async (pod) => {
        const lines = await readAccessLog(connection, { namespace: pod.namespace, pod: pod.name }, since);
        return [keyOf(pod), indexLog(lines)] as const;
      }),
    );
    const logs: Logs = new Map(read);
    const isComplete = asked.every((each) => isExplained(each, outcomes.get(each.request.id), logs));
    if (isComplete || Date.now() > until) return logs;
    await new Promise((resolve) => setTimeout(resolve, logPollMs));
  }
}

/** True iff no further line can be expected: the caller's, and the callee's where the caller's says that it got there. */
function isExplained<T>(asked: Asked<T>, outcome: ProbeOutcome | undefined, logs: Logs): boolean {
  if (outcome === undefined || !asked.caller.pod.proxied || outcome.localPort === null) return true;
  const { caller, callee } = entriesOf(asked, outcome, logs);
  if (caller === undefined) return false;
  return callee !== undefined || caller.upstreamHost === '' || caller.upstreamLocal === '';
}

function entriesOf<T>({ caller, callees, request }: Asked<T>, outcome: ProbeOutcome, logs: Logs) {
  const logOf = (pod: RunningPod) => logs.get(keyOf(pod)) ?? emptyLog;
  const own = `${outcome.localAddress}:${outcome.localPort}`;
  // A connection that was reset at once no longer knows its other end.
  const to = outcome.remoteAddress === null ? null : `${outcome.remoteAddress}:${request.port}`;
  const callerLog = logOf(caller.pod);
  const out =
    callerLog.byRequest(request.id, 'outbound') ??
    callerLog.byPeer({ from: own, to, atMs: outcome.startedAtMs }, 'outbound');
  const peer = caller.pod.proxied ? (out?.upstreamLocal ?? '') : own;
  const inbound = callees.map((pod) => {
    const log = logOf(pod);
    const byId = log.byRequest(request.id, 'inbound');
    const isHttp = request.protocol !== 'tcp';
    // One connection carries many requests of a proxied caller, so its address alone says nothing of one of them.
    return (
      byId ??
      (isHttp && caller.pod.proxied
        ? undefined
        : log.byPeer({ from: peer, to: null, atMs: outcome.startedAtMs }, 'inbound'))
    );
  });
  return { caller: out, callee: inbound.find((entry) => entry !== undefined) };
}

function answered<T>(asked: Asked<T>, outcome: ProbeOutcome, logs: Logs): Answered<T> {
  const { caller, callee } = entriesOf(asked, outcome, logs);
  const classified = classify({
    outcome,
    caller: caller ?? null,
    callee: callee ?? null,
    callerProxied: asked.caller.pod.proxied,
    malformed: asked.request.protocol !== 'tcp' && !asked.request.path.startsWith('/'),
    calleeLogs: asked.callees.some((pod) => pod.proxied),
  });
  const isSilent = outcome.result.kind === 'failed' && !isExplained(asked, outcome, logs);
  return { about: asked.about, caller: asked.caller, outcome, classified, isSilent };
}
