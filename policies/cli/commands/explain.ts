/** `meshwright explain`: why one call is allowed or denied, layer by layer, and the smallest change. */
import type { Command } from 'commander';
import { explain } from '../../analysis/explain/explain.ts';
import { compile, PROFILES, type ProfileName, parseRequest, type Request } from '../../analysis/index.ts';
import { problem, type Result } from '../../language/problem.ts';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { REQUEST_BYTES, readFileWithin, readWithin } from '../limits.ts';
import { formatOption, issuerKeysOption, meshConfigOption, SOURCES } from '../options.ts';
import { type MeshOptions, readMesh } from '../read-mesh.ts';
import { paintFor } from '../report/paint.ts';
import { printProblem } from '../report/problems.ts';
import { semanticsOption } from '../semantics-option.ts';

const REPORTERS = {
  text: async () => (await import('../report/explanation-text.ts')).explanationText,
  json: async () => (await import('../report/explanation-json.ts')).explanationJson,
};

interface ExplainOptions extends MeshOptions {
  readonly request: string;
  readonly format: keyof typeof REPORTERS;
  readonly semantics: ProfileName;
}

const HELP = `
The request has the format of \`meshwright decide\`; its id may be left out.
At a gateway it goes on: \`forwards\` of the answer has each destination with the request as it arrives there and the
verdict of that hop, and the text says where a call that the gateway lets in is stopped behind it.

Examples:
  $ meshwright explain dist/kind --request '{"source":{"workload":{"namespace":"trading","name":"risk"}},
      "destination":{"namespace":"trading","workload":"execution","port":50053},
      "http":{"method":"POST","path":"/trading.execution.v1.ExecutionService/SubmitTrade"}}'
  $ meshwright explain manifests/ --request denied.json --format json

Exit codes: 0 explained, allowed or denied, 1 the tool failed, 3 invalid input.`;

/** Adds the command to the program. */
export function registerExplain(program: Command, io: Io, ended: (code: ExitCode) => void): void {
  program
    .command('explain')
    .description('explain one verdict: every layer, the rules that nearly matched, the smallest change')
    .argument('<sources...>', SOURCES)
    .requiredOption('--request <file>', 'one JSON request: a file, - for standard input, or the JSON itself')
    .addOption(formatOption(REPORTERS))
    .addOption(meshConfigOption())
    .addOption(issuerKeysOption())
    .addOption(semanticsOption())
    .addHelpText('after', HELP)
    .action(async (sources: readonly string[], options: ExplainOptions, command: Command) => {
      if (sources.includes('-') && options.request === '-')
        command.error('error: standard input cannot be both manifests and the request');
      ended(await run(sources, options, io));
    });
}

async function run(sources: readonly string[], options: ExplainOptions, io: Io): Promise<ExitCode> {
  const request = await readRequest(options.request, io);
  const read = await readMesh(sources, options, io);
  const profile = PROFILES[options.semantics];
  const unknown = request.ok && read.ok ? compile(read.value.mesh, profile).check(request.value) : [];
  if (!request.ok || !read.ok || unknown.length > 0) {
    const problems = [...(request.ok ? [] : request.problems), ...(read.ok ? [] : read.problems), ...unknown];
    for (const found of problems) io.stderr.write(`${printProblem(found)}\n`);
    return EXIT_CODES.inputInvalid;
  }
  const explanation = explain({ ...read.value, profile }, request.value);
  const write = await REPORTERS[options.format]();
  io.stdout.write(write(explanation, paintFor(io.stdout)));
  return EXIT_CODES.holds;
}

/** Errors: those of `readFileWithin`, `request/json`, and those of `parseRequest`. */
async function readRequest(given: string, io: Io): Promise<Result<Request>> {
  const at = { file: given.trimStart().startsWith('{') ? 'request' : given, path: '', line: 1 };
  const content = at.file === 'request' ? ({ ok: true, value: given } as const) : await contentOf(given, io);
  if (!content.ok) return content;
  try {
    return parseRequest(JSON.parse(content.value));
  } catch {
    return { ok: false, problems: [problem('request/json', 'expected one request as JSON', at)] };
  }
}

async function contentOf(file: string, io: Io): Promise<Result<string>> {
  return file === '-' ? readWithin(io.stdin, 'stdin', REQUEST_BYTES) : readFileWithin(file, REQUEST_BYTES);
}
