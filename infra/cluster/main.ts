/** The platform on a kind cluster, on the command line: `node infra/cluster/main.ts up|status|down|push`. */
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { ClusterError, UnusableInput } from './cluster-error.ts';
import { Progress } from './progress.ts';
import { openSite, type Site } from './site.ts';
import { bringUp } from './up.ts';

/** Exit codes: tool failed, input invalid. */
const exitCodes = { failed: 1, inputInvalid: 3 } as const;

const root = fileURLToPath(new URL('../../', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

interface DistOption {
  readonly dist: string;
}

const siteOf = ({ dist }: DistOption): Site => openSite({ root, dist, env: process.env, say });

async function up(options: DistOption): Promise<number> {
  const progress = new Progress(say);
  await bringUp(siteOf(options), progress);
  say(`ready after ${(progress.elapsedMs / 1000).toFixed(1)} s`);
  return 0;
}

function program(finish: (code: number) => void): Command {
  const command = new Command('cluster').description('the platform on a kind cluster').exitOverride();
  const dist = ['--dist <folder>', 'rendered environment to apply', 'dist/kind'] as const;
  command
    .command('up')
    .description('bring the platform up; run again, it continues')
    .option(...dist)
    .action(async (options: DistOption) => finish(await up(options)));
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
