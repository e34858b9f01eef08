/** The local mesh on the command line: `node infra/local/main.ts up|demo|verify|keys`. */
import { once } from 'node:events';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { demo, verify } from './demo.ts';
import { InputError } from './input-error.ts';
import { ensureKeys } from './keys.ts';
import { startMesh } from './mesh.ts';
import { StartError } from './start-error.ts';

/** Exit codes: holds, tool failed, refuted, input invalid. */
const failed = 1;
const inputInvalid = 3;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function up(options: { readonly address: string; readonly dist: string }): Promise<number> {
  const began = performance.now();
  const interruption = onInterrupt();
  const mesh = await startMesh({ ...options, signal: interruption, onProgress: say });
  say(`ready after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  say(`clients: https://${mesh.edge.host}:${mesh.edge.port} at ${mesh.address}, root certificate ${mesh.edge.caFile}`);
  say(`logs: ${mesh.folders.logs}`);
  say('Ctrl-C stops it');
  const interrupted = once(interruption, 'abort').then(() => null);
  const broken = await Promise.race([interrupted, mesh.broken]);
  await mesh.stop();
  if (broken === null) return 0;
  process.stderr.write(`${broken}\n`);
  return failed;
}

function day(text: string): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) throw new InvalidArgumentError('expected a day such as 2027-06-30');
  return text;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
}

/** Aborted by Ctrl-C and its like; every later one is the same wish and changes nothing. */
function onInterrupt(): AbortSignal {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort());
  return interruption.signal;
}

async function keys(): Promise<number> {
  const { jwksFile } = await ensureKeys('.meshwright/keys');
  say(`public keys of users' tokens: ${jwksFile}`);
  return 0;
}

function program(finish: (code: number) => void): Command {
  const command = new Command('local').description('the mesh without a cluster').exitOverride();
  command
    .command('up')
    .description('run the mesh until Ctrl-C')
    .option('--address <address>', 'loopback address of all container ports', '127.0.0.1')
    .option('--dist <folder>', 'rendered environment to enforce', 'dist/kind')
    .action(async (options) => finish(await up(options)));
  command
    .command('demo')
    .description('decide every cell, run the mesh, trade, check the books, probe every cell, show one trace')
    .option('--address <address>', 'loopback address of all container ports', '127.0.0.1')
    .option('--dist <folder>', 'rendered environment to enforce', 'dist/kind')
    .option('--orders <count>', 'orders of the session', wholeNumber, 1000)
    .option('--seed <number>', 'seed of the session', wholeNumber, 20)
    .action(async (options) => finish(await demo({ ...options, say, signal: onInterrupt() })));
  command
    .command('verify')
    .description('decide every cell on the rendered manifests and compare it with the declared intent')
    .option('--dist <folder>', 'rendered environment to decide on', 'dist/kind')
    .option('--on <day>', 'refuse grants that ended before this day, such as 2027-06-30', day)
    .action(async (options) => finish(await verify({ ...options, say })));
  command
    .command('keys')
    .description("make the development keys of users' tokens, once")
    .action(async () => finish(await keys()));
  return command;
}

async function main(argv: readonly string[]): Promise<number> {
  let code = 0;
  try {
    await program((result) => {
      code = result;
    }).parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof StartError) process.stderr.write(`${error.message}\n${error.repair}`.trimEnd().concat('\n'));
    if (error instanceof InputError) return inputInvalid;
    if (error instanceof StartError) return failed;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : inputInvalid;
    process.stderr.write(`${String((error as Error).stack)}\n`);
    return failed;
  }
}

process.exitCode = await main(process.argv.slice(2));
