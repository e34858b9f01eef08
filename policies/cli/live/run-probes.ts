/** Sends probes through the probe program of one container. */
import type { EndOfRequests, ProbeFault, ProbeOutcome, ProbeRequest } from '../../probe/protocol.ts';
import type { Connection } from './connect.ts';
import { type ContainerReference, ExecFailure, runInContainer } from './exec.ts';

/** Where images carry the program. */
const programFile = '/app/probe.js';
const program: readonly string[] = ['node', programFile];
const versionLine = /^meshwright-probe\/1\b/m;
const startMs = 20_000;
/** As many as the program makes at once; the time of a batch follows from it. */
const probesAtOnce = 16;
/** Requests of one run: a lost connection then costs one batch. */
const batchSize = 400;
/** A container that restarts ends the program in it; what was not answered is asked again. */
const attempts = 3;
const restartMs = 60_000;
const pollMs = 1000;

/** Why a container cannot be probed from, null when it can: whether it holds the program is asked, not guessed. */
export async function whyNotProbed(connection: Connection, where: ContainerReference): Promise<string | null> {
  try {
    const { exitCode, stdout, stderr } = await runInContainer(connection, where, [...program, '--version'], {
      timeoutMs: startMs,
    });
    if (exitCode === 0 && versionLine.test(stdout)) return null;
    return `the image holds no ${programFile}: exit code ${exitCode}${stderr === '' ? '' : `: ${stderr.trim().slice(0, 120)}`}`;
  } catch (error) {
    if (error instanceof ExecFailure) return error.message;
    throw error;
  }
}

/**
 * Makes all probes from one container and returns their outcomes by id. One that the program did not answer is missing.
 * Errors: `ExecFailure` when the program cannot be run; throws on a request that the program does not understand.
 */
export async function runProbes(
  connection: Connection,
  where: ContainerReference,
  requests: readonly ProbeRequest[],
): Promise<ReadonlyMap<string, ProbeOutcome>> {
  const outcomes = new Map<string, ProbeOutcome>();
  for (let from = 0; from < requests.length; from += batchSize) {
    const batch = requests.slice(from, from + batchSize);
    for (const outcome of await runPersistently(connection, where, batch)) outcomes.set(outcome.id, outcome);
  }
  return outcomes;
}

/** Asks again after a container's restart. Errors: `ExecFailure` of the last attempt. */
async function runPersistently(
  connection: Connection,
  where: ContainerReference,
  batch: readonly ProbeRequest[],
): Promise<readonly ProbeOutcome[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runBatch(connection, where, batch);
    } catch (error) {
      if (!(error instanceof ExecFailure) || attempt === attempts) throw error;
      await untilRunning(connection, where);
    }
  }
}

async function untilRunning(connection: Connection, where: ContainerReference): Promise<void> {
  for (const until = Date.now() + restartMs; Date.now() < until; ) {
    if ((await whyNotProbed(connection, where)) === null) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function runBatch(
  connection: Connection,
  where: ContainerReference,
  batch: readonly ProbeRequest[],
): Promise<readonly ProbeOutcome[]> {
  const end: EndOfRequests = { end: true };
  const input = [...batch, end].map((line) => `${JSON.stringify(line)}\n`).join('');
  const slowest = Math.max(...batch.map(({ timeoutMs }) => timeoutMs));
  const timeoutMs = startMs + slowest * (1 + Math.ceil(batch.length / probesAtOnce));
  const { stdout, stderr, exitCode } = await runInContainer(connection, where, program, { input, timeoutMs });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  const answers = lines.map((line) => JSON.parse(line) as ProbeOutcome | ProbeFault);
  if (answers.length < batch.length)
    throw new ExecFailure(
      `${where.namespace}/${where.pod}: ${answers.length} of ${batch.length} probes answered, exit code ${exitCode}: ${stderr.trim().slice(0, 200)}`,
    );
  return answers.map((answer) => {
    if ('fault' in answer) throw new Error(`the probe program refused a request: ${answer.id}: ${answer.fault}`);
    return answer;
  });
}
