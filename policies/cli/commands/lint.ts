/** `meshwright lint`: what is wrong with manifests, without asking what was meant. */
import { type Command, Option } from 'commander';
import { CODES } from '../../analysis/lint/checks.ts';
import { type LintResult, SEVERITIES, type Severity } from '../../analysis/lint/finding.ts';
import { lint } from '../../analysis/lint/lint.ts';
import { isDay } from '../../analysis/lint/suppression.ts';
import { PROFILES, type ProfileName } from '../../analysis/profile.ts';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { formatOption, meshConfigOption, SOURCES } from '../options.ts';
import { type MeshOptions, readMesh } from '../read-mesh.ts';
import { codeText } from '../report/lint-code-text.ts';
import { paintFor } from '../report/paint.ts';
import { printProblem } from '../report/problems.ts';
import { semanticsOption } from '../semantics-option.ts';

const REPORTERS = {
  text: async () => (await import('../report/lint-text.ts')).lintText,
  json: async () => (await import('../report/lint-json.ts')).lintJson,
  sarif: async () => (await import('../report/lint-sarif.ts')).lintSarif,
  junit: async () => (await import('../report/lint-junit.ts')).lintJunit,
  markdown: async () => (await import('../report/lint-markdown.ts')).lintMarkdown,
};

interface LintOptions extends Pick<MeshOptions, 'meshConfig'> {
  readonly format: keyof typeof REPORTERS;
  readonly failOn: Severity;
  readonly semantics: ProfileName;
  readonly on?: string;
  readonly explain?: string;
  readonly all?: boolean;
}

const HELP = `
A finding is silenced on its object, with a reason, and if wanted until a day:
  metadata: {annotations: {meshwright.dev/ignore: "authz/deny-positive goes away with the legacy API until 2027-01-01"}}

Examples:
  $ meshwright lint dist/kind
  $ helm template shop | meshwright lint - --format sarif > lint.sarif
  $ meshwright lint --explain authz/stray-dash      (\`--explain list\` names every code)

Exit codes: 0 no finding at or above --fail-on, 1 the tool failed, 2 findings, 3 invalid input.`;

/** Adds the command to the program. */
export function registerLint(program: Command, io: Io, ended: (code: ExitCode) => void): void {
  program
    .command('lint')
    .description('find what is wrong with manifests: names that lead nowhere, rules that do not say what they seem to')
    .argument('[sources...]', SOURCES)
    .addOption(formatOption(REPORTERS))
    .addOption(
      new Option('--fail-on <severity>', 'the least severity that fails').choices([...SEVERITIES]).default('warning'),
    )
    .option('--on <date>', 'the day on which suppressions are judged, YYYY-MM-DD (default: today)')
    .option('--explain <code>', 'print what a code means and how to repair it, or `list`')
    .option('--all', 'write every finding out as text, not only the first few of a code')
    .addOption(meshConfigOption())
    .addOption(semanticsOption())
    .addHelpText('after', HELP)
    .action(async (sources: readonly string[], options: LintOptions, command: Command) => {
      if (options.explain !== undefined) return ended(explainCode(options.explain, io));
      if (sources.length === 0) command.error("error: missing required argument 'sources'");
      if (options.on !== undefined && !isDay(options.on)) command.error('error: --on expects a day as YYYY-MM-DD');
      ended(await run(sources, options, io));
    });
}

async function run(sources: readonly string[], options: LintOptions, io: Io): Promise<ExitCode> {
  const read = await readMesh(sources, options, io);
  if (!read.ok) {
    for (const found of read.problems) io.stderr.write(`${printProblem(found)}\n`);
    return EXIT_CODES.inputInvalid;
  }
  const on = options.on ?? new Date().toISOString().slice(0, 10);
  const result = lint({ ...read.value, profile: PROFILES[options.semantics], on });
  const write = await REPORTERS[options.format]();
  io.stdout.write(write(result, paintFor(io.stdout), options.all === true ? 'all' : 'some'));
  return fails(result, options.failOn) ? EXIT_CODES.refuted : EXIT_CODES.holds;
}

function fails({ findings }: LintResult, least: Severity): boolean {
  return findings.some(({ severity }) => SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(least));
}

function explainCode(code: string, io: Io): ExitCode {
  if (code === 'list') {
    for (const entry of CODES) io.stdout.write(`${entry.code.padEnd(40)} ${entry.severity.padEnd(8)} ${entry.title}\n`);
    return EXIT_CODES.holds;
  }
  const entry = CODES.find((known) => known.code === code);
  if (entry === undefined) {
    io.stderr.write(`error: no code \`${code}\`: \`meshwright lint --explain list\` names them all\n`);
    return EXIT_CODES.inputInvalid;
  }
  io.stdout.write(codeText(entry));
  return EXIT_CODES.holds;
}
