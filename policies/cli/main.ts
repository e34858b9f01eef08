/** The command line: one file per command, injected streams, exit codes of `exit-code.ts`. */
import { Command, CommanderError } from 'commander';
import { type DecideOptions, decide } from './commands/decide.ts';
import { registerDiff } from './commands/diff.ts';
import { registerExplain } from './commands/explain.ts';
import { registerLint } from './commands/lint.ts';
import { registerReach } from './commands/reach.ts';
import { registerVerify } from './commands/verify.ts';
import { EXIT_CODES, type ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';
import { semanticsOption } from './semantics-option.ts';

const DECIDE_HELP = `
Sources are folders (searched for .yaml, .yml and .json), files, or - for standard input. Mesh settings come from the
\`istio\` ConfigMap or an IstioOperator among them, or from --mesh-config.

Examples:
  $ meshwright decide dist/kind --requests requests.jsonl
  $ helm template shop | meshwright decide - --requests requests.jsonl
  $ echo '{"id":"1","source":{"workload":{"namespace":"trading","name":"order"}},
      "destination":{"namespace":"trading","workload":"execution","port":50053},
      "http":{"method":"POST","path":"/trading.execution.v1.ExecutionService/SubmitTrade"}}' |
    tr -d '\\n' | meshwright decide dist/kind --requests -

Answers, one JSON line per request:
  {"id","verdict":"allow"|"deny","layer","policy","rule","status":{"http","grpc"}|null,"because","assumptions":[…]}
  {"id","error":{"code","message"}} for a line that is no request; the others are still answered.

Exit codes: 0 every line answered, 1 the tool failed, 3 invalid input.`;

/** Runs one command line (without the program's own name) and returns its exit code; never throws. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT_CODES.holds;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.holds : EXIT_CODES.inputInvalid;
    if (isBrokenPipe(error)) return EXIT_CODES.holds;
    io.stderr.write(`meshwright: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return EXIT_CODES.toolFailed;
  }
}

function createProgram(io: Io, ended: (code: ExitCode) => void): Command {
  const program = new Command('meshwright')
    .description('Decides what the policies of a service mesh allow, from its YAML.')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .showHelpAfterError('(add --help for the options and examples)');
  program
    .command('decide')
    .description('decide requests against manifests: who stops each call, and why')
    .argument('<sources...>', 'folders or files with manifests, or - for standard input')
    .requiredOption('--requests <file>', 'JSON Lines of requests, or - for standard input')
    .option('--mesh-config <file>', 'mesh settings: MeshConfig, IstioOperator or the istio ConfigMap')
    .option('--issuer-keys <file>', 'JSON object from issuer to the JWKS it signs with')
    .addOption(semanticsOption())
    .addHelpText('after', DECIDE_HELP)
    .action(async (sources: readonly string[], options: DecideOptions, command: Command) => {
      if (sources.includes('-') && options.requests === '-') {
        command.error('error: standard input cannot be both manifests and requests');
      }
      ended(await decide(sources, options, io));
    });
  registerExplain(program, io, ended);
  registerLint(program, io, ended);
  registerVerify(program, io, ended);
  registerReach(program, io, ended);
  registerDiff(program, io, ended);
  return program;
}

/** The reader of our output has gone, as `head` does. */
function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}
