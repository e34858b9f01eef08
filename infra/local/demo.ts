/**
 * `make demo`: decides every cell, starts the mesh, plays a trading session through the gateway, checks that the books
 * balance, probes every cell live, and shows one order as one trace. Succeeds only when everything held.
 */
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { planOrders } from './demo-plan.ts';
import { printFigures, printLayers, printMatrix } from './demo-report.ts';
import { DemoSession, type SessionFigures } from './demo-session.ts';
import { describeLiveCell, type LiveCell, probeMatrix } from './live-matrix.ts';
import { readManifests } from './manifests.ts';
import type { DeclaredIntent } from './meaning.ts';
import { type LocalMesh, startMesh, tryReadResidentMb } from './mesh.ts';
import { StartError } from './start-error.ts';
import { printTrace } from './trace-tree.ts';
import { openTradingApi } from './trading-api.ts';
import { verifyMatrix } from './verify.ts';
import { readIntent } from './verify-inputs.ts';

/** Exit codes: holds, refuted, input invalid. */
const exitCodes = { holds: 0, refuted: 2, inputInvalid: 3 } as const;

/** How the demo is run. */
export interface DemoOptions {
  readonly address: string;
  readonly dist: string;
  readonly orders: number;
  readonly seed: number;
  readonly say: (line: string) => void;
  /** Stops the demo and its mesh. */
  readonly signal: AbortSignal;
}

/** How long after a failed call the end of the part that failed is waited for. */
const endKnownWithinMs = 1000;
const seedPath = '/trading.execution.v1.ExecutionService/SubmitTrade';

const seconds = (fromMs: number): string => `${((performance.now() - fromMs) / 1000).toFixed(1)} s`;

/** What `verify` is held to. */
export interface VerifyOptions {
  readonly dist: string;
  /** A day, `2027-06-30`: grants that ended before it are refused. @default - no grant expires */
  readonly on?: string;
  readonly say: (line: string) => void;
}

function sayExpired(intent: DeclaredIntent, { on, say }: VerifyOptions): boolean {
  if (on === undefined) return false;
  const expired = [...intent.grants, ...intent.platform].filter(({ expires }) => expires !== undefined && expires < on);
  for (const { source, reason, owner, expires } of expired)
    say(`${source}: grant/expired: the grant "${reason}" ended on ${expires}: ${owner} removes the call or renews it`);
  return expired.length > 0;
}

/**
 * Decides every cell on the rendered YAML of `dist` and compares it with its intent.json. Resolves to the exit code 0,
 * 2 (a cell differs or a grant has expired) or 3 (the manifests are not accepted); says what differs.
 */
export async function verify(options: VerifyOptions): Promise<number> {
  const startedAt = performance.now();
  const { dist, say } = options;
  const { documents, problems } = await readManifests(dist);
  const intent = await readIntent(dist);
  const result = verifyMatrix(documents, intent);
  const found = [...problems, ...(result.ok ? [] : result.problems)];
  if (!result.ok || found.length > 0) {
    for (const { at, code, message, help } of found)
      say(`${at.file}:${at.line}: ${code}: ${message}${help ? `; ${help}` : ''}`);
    return exitCodes.inputInvalid;
  }
  const { cells, allowed, denied, differences } = result.verdict;
  for (const { cell, expected, decided } of differences)
    say(`${cell}: expected ${expected}, got ${decided.verdict} by ${decided.layer}: ${decided.because}`);
  const expired = sayExpired(intent, options);
  const outcome = differences.length === 0 ? 'all as declared' : `${differences.length} NOT as declared`;
  say(
    `verify: ${cells} cells decided on ${dist}: ${allowed} allowed, ${denied} denied, ${outcome} (${seconds(startedAt)})`,
  );
  return differences.length === 0 && !expired ? exitCodes.holds : exitCodes.refuted;
}

/** Says at most one line a second of a count that grows. */
function progressOf(say: (line: string) => void, what: string): (done: number, total: number) => void {
  let saidAt = performance.now();
  return (done, total) => {
    if (performance.now() - saidAt < 1000 && done !== total) return;
    saidAt = performance.now();
    say(`  ${what}: ${done} of ${total}`);
  };
}

async function trade(
  mesh: LocalMesh,
  options: DemoOptions,
): Promise<{ figures: SessionFigures; imbalances: readonly string[] }> {
  const { host, port, ca } = mesh.edge;
  const api = openTradingApi({ baseUrl: `https://${host}:${port}`, address: mesh.address, ca });
  const session = new DemoSession(
    api,
    (subject, accounts, scopes) => mesh.mintUserToken({ subject, accounts, scope: scopes.join(' ') }),
    options.seed,
  );
  try {
    await session.setUp();
    options.say('session: instruments listed, accounts funded');
    const plan = planOrders(options.orders, options.seed);
    const progress = progressOf(options.say, 'orders');
    const figures = await session.trade(plan, (done) => progress(done, plan.length));
    return { figures, imbalances: await session.settle() };
  } finally {
    await api.close();
  }
}

const tracedServices = ['ingress', 'gateway', 'order', 'risk', 'execution', 'market-data', 'portfolio'];

/** The services that a trace lacks; a busy market publishes some orders together, so not every trace reaches market-data. */
function lackedBy(mesh: LocalMesh, traceId: string): readonly string[] {
  const services = new Set(mesh.collector.store.trace(traceId).map(({ service }) => service.split('.')[0]));
  return tracedServices.filter((service) => !services.has(service));
}

function sayTrace(mesh: LocalMesh, traced: SessionFigures['tracedOrders'], say: (line: string) => void): boolean {
  const whole = traced.find(({ traceId }) => lackedBy(mesh, traceId).length === 0);
  const shown = whole ?? traced[0];
  if (shown === undefined) return false;
  const spans = mesh.collector.store.trace(shown.traceId);
  const file = join(mesh.folders.state, 'traces', `order-${shown.clientOrderId}.json`);
  mesh.collector.store.exportTo(file, spans);
  say(`\none order as one trace: ${shown.clientOrderId}, trace ${shown.traceId}, ${spans.length} spans`);
  if (spans.length > 0) say(printTrace(spans));
  say(`  as OTLP JSON: ${file}`);
  if (whole === undefined) say(`the trace lacks ${lackedBy(mesh, shown.traceId).join(', ')}`);
  return whole !== undefined;
}

function sayFigures(mesh: LocalMesh, figures: SessionFigures, say: (line: string) => void): void {
  const memory = mesh.programs
    .map(({ name, pid }) => `${name} ${tryReadResidentMb(pid)?.toFixed(0) ?? '?'} MB`)
    .join(', ');
  const perSecond = (figures.placed / (figures.elapsedMs / 1000)).toFixed(0);
  say(
    `\nfigures\n${printFigures([
      [
        'orders',
        `${figures.placed} in ${(figures.elapsedMs / 1000).toFixed(1)} s (${perSecond}/s, cancels and duplicates included)`,
      ],
      ['filled', String(figures.filled)],
      ['resting', String(figures.resting)],
      ['canceled', String(figures.canceled)],
      ['refused by risk', String(figures.refusedByRisk)],
      ['duplicates', `${figures.duplicates}, each answered as the first time; other terms refused`],
      ['resident memory', memory],
      ['spans', String(mesh.collector.store.size.spans)],
      ['logs', mesh.folders.logs],
    ])}`,
  );
}

function sayMatrix(results: readonly LiveCell[], say: (line: string) => void): boolean {
  const broken = results.filter((result) => !result.holds);
  const reached = results.filter(({ expected }) => expected.layer === 'reached').length;
  say(`\n${printMatrix(results)}`);
  say(
    `\nprobed: ${results.length} cells, ${reached} allowed and reached the service, ${results.length - reached} refused by: ${printLayers(results)}`,
  );
  const seed = results.filter(({ cell }) => cell.method.http?.path === seedPath && cell.token === 'none');
  const admitted = seed.filter(({ answer }) => answer.probed !== null).map(({ cell }) => cell.caller.name);
  say(
    `the seed sentence: of ${seed.length} callers, POST /trades on execution let in: ${admitted.join(', ') || 'nobody'}`,
  );
  for (const result of broken) say(`NOT AS DECLARED ${describeLiveCell(result)}`);
  return broken.length === 0;
}

/** Runs the demo on a mesh that is up; resolves to whether everything held. */
async function show(mesh: LocalMesh, options: DemoOptions): Promise<boolean> {
  const { say } = options;
  const { figures, imbalances } = await trade(mesh, options);
  for (const line of imbalances) say(`DOES NOT BALANCE ${line}`);
  if (imbalances.length === 0)
    say('books: every ledger sum is zero, bought equals sold, every account holds deposits plus fills');
  const intent = await readIntent(options.dist);
  const results = await probeMatrix(mesh, intent, { tokens: ['none', 'valid'], onProgress: progressOf(say, 'probes') });
  const matrixHolds = sayMatrix(results, say);
  const traceHolds = sayTrace(mesh, figures.tracedOrders, say);
  sayFigures(mesh, figures, say);
  return imbalances.length === 0 && matrixHolds && traceHolds;
}

/** Runs the whole demo; resolves to the exit code 0, 2 (something did not hold) or 3 (the manifests are not accepted). */
export async function demo(options: DemoOptions): Promise<number> {
  const startedAt = performance.now();
  const { say } = options;
  const verdict = await verify({ dist: options.dist, say });
  if (verdict !== exitCodes.holds) return verdict;
  const mesh = await startMesh({ ...options, database: 'thrownAway', onProgress: (line) => say(`  ${line}`) });
  try {
    say(`mesh: ready after ${seconds(startedAt)}`);
    const held = await Promise.race([
      show(mesh, options),
      mesh.broken.then((reason) => Promise.reject(brokeError(mesh, reason))),
    ]);
    say(`\n${held ? 'everything held' : 'NOT everything held'} (${seconds(startedAt)})`);
    return held ? exitCodes.holds : exitCodes.refuted;
  } catch (error) {
    throw await causeOf(error, mesh, options.signal);
  } finally {
    await mesh.stop();
  }
}

const brokeError = (mesh: LocalMesh, reason: string): StartError =>
  new StartError(`the mesh broke: ${reason.trimEnd()}`, `logs: ${mesh.folders.logs}`);

/** Why the demo failed: interrupted, or a part that ended, which a failed call may report before its end is known. */
async function causeOf(error: unknown, mesh: LocalMesh, signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return new StartError('interrupted', '');
  const reason = await Promise.race([mesh.broken, setTimeout(endKnownWithinMs, null, { ref: false })]);
  return reason === null ? error : brokeError(mesh, reason);
}
