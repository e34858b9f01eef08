/** The platform on a kind cluster, on the command line: `node infra/cluster/main.ts up|status|push|down|database`. */
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { catalog } from '#services/catalog.ts';
import { ClusterAccess } from './access.ts';
import { ClusterError, UnusableInput } from './cluster-error.ts';
import { runCommand } from './command.ts';
import { prepareDatabase } from './database.ts';
import { takeDown } from './down.ts';
import { finish } from './finish.ts';
import { Kubectl } from './kubectl.ts';
import { Progress } from './progress.ts';
import { pushService } from './push.ts';
import { waitForWorkloads } from './rollout.ts';
import { planDatabaseSecrets } from './secrets.ts';
import { openSite, type Site } from './site.ts';
import { readStatus } from './status.ts';
import { bringUp } from './up.ts';

/** Exit codes: holds, tool failed, refuted, input invalid. */
const exitCodes = { holds: 0, failed: 1, refuted: 2, inputInvalid: 3 } as const;

/** A database may wait for its volume. */
const databaseReadyMs = 180_000;

const root = fileURLToPath(new URL('../../', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

interface DistOption {
  readonly dist: string;
}

const siteOf = ({ dist }: DistOption): Site => openSite({ root, dist, env: process.env, say });

async function up(options: DistOption & { readonly probe: boolean }): Promise<number> {
  const progress = new Progress(say);
  const site = siteOf(options);
  const platform = await bringUp(site, progress);
  return exitCodes[await finish(site, platform, { progress, depth: options.probe ? 'probe' : 'trade' })];
}

/** For clusters that somebody else made: Secrets that are missing, roles, schemas, tables. */
async function database({ context, name }: { readonly context: string; readonly name: string }): Promise<number> {
  const access = new ClusterAccess(context);
  const { missing, value } = await planDatabaseSecrets(access, catalog);
  await new Kubectl(runCommand, context).apply(missing);
  const server = { kind: 'StatefulSet', namespace: 'data', name: 'postgres' } as const;
  await waitForWorkloads([server], { access, say, deadlineMs: databaseReadyMs });
  const request = { namespace: server.namespace, pod: `${server.name}-0`, database: name, passwords: value, catalog };
  const run = await prepareDatabase(access, request);
  say(`${missing.length} Secrets made, ${run} migrations run`);
  return exitCodes.holds;
}

async function status(options: DistOption): Promise<number> {
  const { names, environment, state } = siteOf(options);
  const access = new ClusterAccess(names.context);
  const { rootNamespace } = environment;
  for (const line of await readStatus({ access, rootNamespace, state, now: new Date() })) say(line);
  return exitCodes.holds;
}

async function push(service: string, options: DistOption): Promise<number> {
  const progress = new Progress(say);
  await pushService(siteOf(options), service, progress);
  say(`${service} is in the cluster after ${(progress.elapsedMs / 1000).toFixed(1)} s`);
  return exitCodes.holds;
}

async function down(options: DistOption): Promise<number> {
  await takeDown(siteOf(options), new Progress(say));
  return exitCodes.holds;
}

function program(end: (code: number) => void): Command {
  const command = new Command('cluster').description('the platform on a kind cluster').exitOverride();
  const dist = ['--dist <folder>', 'rendered environment to apply', 'dist/kind'] as const;
  command
    .command('up')
    .description('bring the platform up; run again, it continues')
    .option(...dist)
    .option('--no-probe', 'end with one settled order, without asking every workload what it may reach')
    .action(async (options) => end(await up(options)));
  command
    .command('status')
    .description('each workload: identity, certificate, mutual TLS, policies; the last verdict')
    .option(...dist)
    .action(async (options) => end(await status(options)));
  command
    .command('database')
    .description(
      'in any cluster that runs the manifests: make missing Secrets of the database, its roles, schemas, tables',
    )
    .requiredOption('--context <name>', 'context of the kubeconfig')
    .option('--name <name>', 'name of the database', 'trading')
    .action(async (options) => end(await database(options)));
  command
    .command('push')
    .description('build, load and roll out one service')
    .argument('<service>', 'name in the catalog')
    .option(...dist)
    .action(async (service, options) => end(await push(service, options)));
  command
    .command('down')
    .description('remove the cluster and everything that up made')
    .option(...dist)
    .action(async (options) => end(await down(options)));
  return command;
}

/** Says why a command failed; resolves to its exit code. */
function explain(error: unknown): number {
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.inputInvalid;
  if (error instanceof UnusableInput) {
    for (const problem of error.problems) tell(problem);
    return exitCodes.inputInvalid;
  }
  if (error instanceof ClusterError) {
    tell(error.message);
    for (const reason of error.reasons) tell(`  ${reason}`);
    return exitCodes.failed;
  }
  tell(String((error as Error).stack));
  return exitCodes.failed;
}

let code = 0;
try {
  await program((result) => {
    code = result;
  }).parseAsync(process.argv.slice(2), { from: 'user' });
} catch (error) {
  code = explain(error);
}
process.exitCode = code;
