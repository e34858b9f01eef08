/** The command line: one file per command, injected streams, exit codes of `exit-code.ts`. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EXIT_CODES, type ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import { DEFAULT_LIMITS, type Limits, tryParseLimits } from './limits.ts';

/** Adds one command to the program; `ended` takes the exit code of its run. */
export type Register = (program: Command, io: Io, ended: (code: ExitCode) => void) => void;

/** Every command, loaded when it is asked for: a proof that takes milliseconds does not wait for seven other verbs. */
const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  decide: async () => (await import('./commands/decide.ts')).registerDecide,
  explain: async () => (await import('./commands/explain.ts')).registerExplain,
  lint: async () => (await import('./commands/lint.ts')).registerLint,
  verify: async () => (await import('./commands/verify.ts')).registerVerify,
  reach: async () => (await import('./commands/reach.ts')).registerReach,
  diff: async () => (await import('./commands/diff.ts')).registerDiff,
  probe: async () => (await import('./commands/probe.ts')).registerProbe,
  mutate: async () => (await import('./commands/mutate.ts')).registerMutate,
  preflight: async () => (await import('./commands/preflight.ts')).registerPreflight,
};

/** Runs one command line (without the program's own name) and returns its exit code; never throws. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT_CODES.holds;
  try {
    const limited = { stdin: io.stdin, stdout: io.stdout, stderr: io.stderr, limits: io.limits ?? DEFAULT_LIMITS };
    const program = newProgram(io, (limits) => {
      limited.limits = limits;
    });
    for (const register of await commandsOf(argv))
      register(program, limited, (code) => {
        exitCode = code;
      });
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.holds : EXIT_CODES.inputInvalid;
    if (isBrokenPipe(error)) return EXIT_CODES.holds;
    io.stderr.write(`meshwright: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return EXIT_CODES.toolFailed;
  }
}

/** The command that stands first; all of them where none does, for the help and for messages. */
async function commandsOf([first = '']: readonly string[]): Promise<readonly Register[]> {
  const only = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  return Promise.all((only === undefined ? Object.values(COMMANDS) : [only]).map((load) => load()));
}

function newProgram(io: Io, limit: (limits: Limits) => void): Command {
  return new Command('meshwright')
    .description('Decides what the policies of a service mesh allow, from its YAML.')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .addOption(
      new Option('--max-input <MiB>', 'how much may be read: beyond it input is refused (64 unless given)').argParser(
        (text) => {
          const limits = tryParseLimits(text);
          if (limits === undefined) throw new InvalidArgumentError('Expected whole MiB from 1 to 4096.');
          limit(limits);
        },
      ),
    )
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .showHelpAfterError('(add --help for the options and examples)');
}

/** The reader of our output has gone, as `head` does. */
function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}
