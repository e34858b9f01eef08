/** `meshwright decide`: one verdict per request line. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { type Answer, compile, type Decider, PROFILES, type ProfileName } from '../../analysis/index.ts';
import { type Problem, problem } from '../../language/problem.ts';
import { type AnsweredLine, answerLine } from '../answer-line.ts';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import { type Io, LineWriter } from '../io.ts';
import { linesWithin, REQUEST_BYTES } from '../limits.ts';
import { issuerKeysOption, meshConfigOption, SOURCES } from '../options.ts';
import { readMesh } from '../read-mesh.ts';
import { printProblem } from '../report/problems.ts';
import { Progress } from '../report/progress.ts';
import { semanticsOption } from '../semantics-option.ts';

interface DecideOptions {
  readonly requests: string;
  readonly semantics: ProfileName;
  /** @default - the settings found in the sources, else Istio's defaults */
  readonly meshConfig?: string;
  /** @default - every issuer signs with a key of the rule that names it */
  readonly issuerKeys?: string;
}

const HELP = `
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
  At a gateway the verdict is about the call to it, which its policies let in and a route sends on; "forwards" lists each
  destination with the request as it arrives there and the answer to that call, or "undecided" with the reason.
  {"id","error":{"code","message"}} for a line that is no request; the others are still answered.

A line may say "expected":"allow" or "deny", as those that \`meshwright mutate --probes\` writes do.

Exit codes: 0 every line answered, 1 the tool failed, 2 a verdict is not the expected one, 3 invalid input.`;

/** Adds the command to the program. */
export function registerDecide(program: Command, io: Io, ended: (code: ExitCode) => void): void {
  program
    .command('decide')
    .description('decide requests against manifests: who stops each call, and why')
    .argument('<sources...>', SOURCES)
    .requiredOption('--requests <file>', 'JSON Lines of requests, or - for standard input')
    .addOption(meshConfigOption())
    .addOption(issuerKeysOption())
    .addOption(semanticsOption())
    .addHelpText('after', HELP)
    .action(async (sources: readonly string[], options: DecideOptions, command: Command) => {
      if (sources.includes('-') && options.requests === '-')
        command.error('error: standard input cannot be both manifests and requests');
      ended(await decide(sources, options, io));
    });
}

/** Decides every request line; invalid manifests stop the command, an invalid line is answered and the rest goes on. */
async function decide(sources: readonly string[], options: DecideOptions, io: Io): Promise<ExitCode> {
  const prepared = await prepare(sources, options, io);
  if (prepared.kind === 'invalid') {
    const errors = new LineWriter(io.stderr);
    for (const found of prepared.problems) await errors.write(printProblem(found));
    return EXIT_CODES.inputInvalid;
  }
  return answerAll(prepared.decider, options.requests, io);
}

const TOO_LARGE: AnsweredLine = {
  answer: { id: null, error: { code: 'request/too-large', message: 'a line of more than 1 MiB' } },
  expected: undefined,
};

type Prepared =
  | { readonly kind: 'ready'; readonly decider: Decider }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] };

async function prepare(sources: readonly string[], options: DecideOptions, io: Io): Promise<Prepared> {
  const read = await readMesh(sources, options, io);
  const missing = await missingRequests(options.requests);
  const problems = [...(read.ok ? [] : read.problems), ...missing];
  if (problems.length > 0 || !read.ok) return { kind: 'invalid', problems };
  const { mesh, issuerKeys } = read.value;
  return { kind: 'ready', decider: compile(mesh, PROFILES[options.semantics], { issuerKeys }) };
}

/** True iff a line says which verdict it expects, and it is another; says so. */
function isUnexpected({ id, verdict }: Answer, expected: unknown, io: Io): boolean {
  if (expected === undefined || expected === verdict) return false;
  io.stderr.write(`${id}: expected ${String(expected)}, got ${verdict}\n`);
  return true;
}

async function missingRequests(file: string): Promise<readonly Problem[]> {
  const found = file === '-' ? undefined : await stat(file).catch(() => 'nothing' as const);
  const at = { file, path: '', line: 1 };
  if (found === 'nothing') return [problem('input/not-found', 'no such file', at)];
  return found?.isDirectory() === true ? [problem('input/not-a-file', 'expected a file, got a folder', at)] : [];
}

async function answerAll(decider: Decider, requests: string, io: Io): Promise<ExitCode> {
  const output = new LineWriter(io.stdout);
  const progress = new Progress(io.stderr, 'requests decided');
  const input = requests === '-' ? io.stdin : createReadStream(requests);
  let exitCode: ExitCode = EXIT_CODES.holds;
  for await (const line of linesWithin(input, REQUEST_BYTES)) {
    if (line?.trim() === '') continue;
    const { answer, expected } = line === null ? TOO_LARGE : answerLine(decider, line);
    if ('error' in answer) exitCode = EXIT_CODES.inputInvalid;
    else if (isUnexpected(answer, expected, io) && exitCode === EXIT_CODES.holds) exitCode = EXIT_CODES.refuted;
    await output.write(JSON.stringify(answer));
    progress.step();
  }
  progress.end();
  return exitCode;
}
