/**
 * `make e2e`: the conformance suite on the running kind cluster. It changes policies for the time of the run and takes
 * everything back, also when it is interrupted. Exit codes: 0 everything held, 1 it could not run, 2 something differs.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ClusterAccess } from '#infra/cluster/access.ts';
import { ApiUnreachable } from '#policies/cli/live/api.ts';
import { readPods } from '#policies/cli/live/caller.ts';
import { ExecFailure } from '#policies/cli/live/exec.ts';
import { catalog } from '#services/catalog.ts';
import { Alterations } from './alterations.ts';
import { CannotRun } from './cannot-run.ts';
import { checkIdentities, expectedByLabel, type IdentityRow } from './identity.ts';
import { type Platform, readPlatform } from './platform.ts';
import { type Prerequisites, prerequisites } from './prerequisites.ts';
import { failuresOf, suiteJson, suiteJunit } from './report.ts';
import { depthLine, runSuite, type SuiteResult } from './run.ts';
import { openStand, type Stand } from './stand.ts';
import { strangerObjects, strangers } from './strangers.ts';

type PlatformResult = SuiteResult & { readonly platform: Platform };

const root = fileURLToPath(new URL('../../../', import.meta.url));
const reports = join(root, '.meshwright', 'e2e');
const tell = (line: string): void => void process.stdout.write(`${line}\n`);
const podsReadyMs = 180_000;
const pollMs = 500;
const shownFailures = 30;

/** Makes the pods that nobody declared and waits until they can be called from. */
async function makeStrangers(
  { connection, image, rootNamespace }: Prerequisites,
  alterations: Alterations,
): Promise<void> {
  for (const object of strangerObjects(image, rootNamespace)) await alterations.put(object);
  for (const until = Date.now() + podsReadyMs; ; ) {
    const pods = await readPods(connection);
    const waiting = strangers.filter(({ name }) => !pods.some((pod) => pod.name === name));
    if (waiting.length === 0) return;
    if (Date.now() > until)
      throw new CannotRun(waiting.map(({ name, namespace }) => `pod ${namespace}/${name} does not become ready`));
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Before anything is changed: every proxy's leaf, against the issuer that its own pod asks for. */
async function readIdentities({ connection, intent }: Prerequisites): Promise<readonly IdentityRow[]> {
  const { trustDomain } = intent;
  const rows = await checkIdentities(new ClusterAccess(connection.context), catalog, {
    trustDomain,
    expectedOf: (pod) => expectedByLabel(pod, trustDomain),
  });
  const issuers = [...new Set(rows.map(({ issuer }) => issuer))].join(' | ');
  const right = rows.filter(({ faults }) => faults.length === 0).length;
  tell(`certificates: ${rows.length} pods, ${right} as expected, issued by ${issuers}`);
  return rows;
}

async function run(needs: Prerequisites, alterations: Alterations): Promise<PlatformResult> {
  await makeStrangers(needs, alterations);
  tell(`strangers: ${strangers.map(({ meaning }) => meaning).join('; ')}`);
  const stand: Stand = await openStand({ ...needs, alterations, tell });
  tell(`calling from ${stand.callers.length} workloads, ${stand.targets.length} methods`);
  for (const { workload, because } of stand.notProbed) tell(`not called from: ${workload}: ${because}`);
  const platform = await readPlatform(needs.connection, needs.rootNamespace);
  const identities = await readIdentities(needs);
  return { ...(await runSuite(stand, needs.trade, identities)), platform };
}

async function report(result: PlatformResult): Promise<number> {
  await mkdir(reports, { recursive: true });
  await writeFile(join(reports, 'junit.xml'), suiteJunit(result));
  await writeFile(join(reports, 'report.json'), suiteJson(result));
  for (const { caller, outcome, layers } of result.seed)
    tell(`  ${caller} -> SubmitTrade: ${outcome} ${layers.join(', ')}`);
  const failures = failuresOf(result);
  for (const { name, failure } of failures.slice(0, shownFailures)) tell(`FAILED ${name}\n  ${failure?.message}`);
  if (failures.length > shownFailures) tell(`and ${failures.length - shownFailures} more in .meshwright/e2e/junit.xml`);
  tell(`layers seen to refuse a call: ${depthLine(result.layers)}`);
  tell(
    `e2e: ${failures.length === 0 ? 'everything held' : `${failures.length} cases failed`} (${result.seconds.toFixed(0)} s)`,
  );
  return failures.length === 0 ? 0 : 2;
}

/** Interrupted: everything comes back first. */
function restoreOnSignal(alterations: Alterations): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      tell(`${signal}: taking everything back`);
      alterations.restore().then(
        () => process.exit(130),
        (error: Error) => {
          process.stderr.write(`not everything came back: ${error.message}; the next run takes it back\n`);
          process.exit(1);
        },
      );
    });
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { context: { type: 'string' } } });
  const needs = await prerequisites(root, values.context);
  const { alterations, undone } = await Alterations.open(needs.connection.api, join(reports, 'alterations.json'));
  if (undone > 0) tell(`a run before this one was cut off: ${undone} changes of it were taken back`);
  restoreOnSignal(alterations);
  try {
    return await report(await run(needs, alterations));
  } finally {
    await alterations.restore();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof CannotRun || error instanceof ApiUnreachable || error instanceof ExecFailure)) throw error;
  const reasons = error instanceof CannotRun ? error.reasons : [error.message];
  process.stderr.write(`e2e cannot run:\n${reasons.map((reason) => `  ${reason}\n`).join('')}`);
  process.exitCode = 1;
}
