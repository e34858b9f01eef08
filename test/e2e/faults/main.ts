/**
 * `make faults`: breaks the platform on kind, one fault after the other, during orders, and holds it to its promises.
 * Exit 0: every fault held; 1: the run could not be made; 2: something broke.
 */
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { clusterNames } from '#infra/cluster/kind-config.ts';
import { gatewayAddress, openGateway } from '#infra/cluster/open-gateway.ts';
import { kind } from '#infra/environments/kind.ts';
import { TradingDesk } from '#infra/local/trading-desk.ts';
import { Cluster } from './cluster.ts';
import type { Fault } from './fault.ts';
import { faults } from './faults/index.ts';
import { faultJunit, faultMarkdown, faultTable } from './report.ts';
import { type FaultReport, interruption, Stage, usualBounds } from './stage.ts';
import { runMarket, Stand } from './stand.ts';

const exitCodes = { holds: 0, toolFailed: 1, refuted: 2, inputInvalid: 3 } as const;
const root = fileURLToPath(new URL('../../../', import.meta.url));
const kindConfig = `${root}kind-config.yaml`;
const folder = `${root}.meshwright/e2e`;
const say = (line: string) => process.stderr.write(`${line}\n`);

const HELP = `Usage: make faults [FAULTS="kill-order policy-swaps"] [CONTEXT=kind-meshwright]

Breaks the platform of a kind cluster (make up) on purpose, one fault after the other, while orders are under way.
Each: inject, detected, recovered, invariants. Writes .meshwright/e2e/faults.{json,xml,md}.

Faults:
${faults.map(({ name, title }) => `  ${name.padEnd(26)} ${title}`).join('\n')}
`;

async function openStand(context: string): Promise<Stand> {
  const cluster = new Cluster(context);
  const place = { root, host: kind.ingress.host, port: clusterNames(readFileSync(kindConfig, 'utf8')).gatewayPort };
  const { api, mint, ca, keyFile } = await openGateway(cluster.access, place);
  const edge = { ...place, address: gatewayAddress, ca };
  const openDesk = (market: ReturnType<typeof runMarket>) => new TradingDesk(api, mint, market);
  const market = runMarket(`f${Math.floor(Date.now() / 1000).toString(36)}`);
  const stand = new Stand({ cluster, desk: openDesk(market), market, edge, mint, keyFile, openDesk, say });
  await stand.desk.setUp();
  return stand;
}

async function tryFault({ name, title, bounds, run }: Fault, stand: Stand): Promise<FaultReport> {
  say(`${name}: ${title}`);
  const stage = new Stage(bounds ?? usualBounds, say);
  try {
    await run(stage, stand);
  } catch (error) {
    stage.expect('the fault could be tried', false, error instanceof Error ? error.message : String(error));
  }
  return stage.report(name, title);
}

async function write(reports: readonly FaultReport[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/faults.json`, `${JSON.stringify({ version: 1, reports }, null, 2)}\n`);
  await writeFile(`${folder}/faults.xml`, faultJunit(reports));
  await writeFile(`${folder}/faults.md`, faultMarkdown(reports));
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { context: { type: 'string', default: 'kind-meshwright' }, help: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return exitCodes.holds;
  }
  const unknown = positionals.filter((wanted) => !faults.some(({ name }) => name === wanted));
  if (unknown.length > 0) {
    say(`no such fault: ${unknown.join(', ')}; expected some of ${faults.map(({ name }) => name).join(', ')}`);
    return exitCodes.inputInvalid;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => interruption.abort(new Error('interrupted: the fault is taken back')));
  const stand = await openStand(values.context);
  const reports: FaultReport[] = [];
  const leftOut: string[] = [];
  for (const fault of faults.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
    const because = await fault.appliesTo?.(stand.cluster);
    if (typeof because === 'string') {
      leftOut.push(`${fault.name}: not tried: ${because}`);
      continue;
    }
    reports.push(await tryFault(fault, stand));
    await write(reports);
    if (interruption.signal.aborted) break;
  }
  process.stdout.write(`${faultTable(reports)}\n`);
  for (const line of leftOut) process.stdout.write(`${line}\n`);
  if (reports.length === 0) return exitCodes.toolFailed;
  const broken = reports.filter(({ holds }) => !holds).length;
  process.stdout.write(`faults: ${reports.length - broken} held, ${broken} broken, ${leftOut.length} not tried\n`);
  return broken === 0 ? exitCodes.holds : exitCodes.refuted;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  say(
    `faults: cannot run: ${error instanceof Error ? error.message : String(error)}; \`make up\` brings the platform up`,
  );
  process.exit(exitCodes.toolFailed);
}
