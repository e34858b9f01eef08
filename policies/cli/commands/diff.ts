/** `meshwright diff`: what a change of the manifests grants and takes away. */
import type { Command } from 'commander';
import { diff } from '../../analysis/compare/diff.ts';
import { judgeBudget } from '../../analysis/compare/judge-budget.ts';
import { isDay } from '../../analysis/lint/suppression.ts';
import { PROFILES, type ProfileName } from '../../analysis/profile.ts';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { formatOption, meshConfigOption, SOURCES } from '../options.ts';
import { readBudget } from '../read-budget.ts';
import { type MeshOptions, readMesh } from '../read-mesh.ts';
import { paintFor } from '../report/paint.ts';
import { printProblem } from '../report/problems.ts';
import { Progress } from '../report/progress.ts';
import { semanticsOption } from '../semantics-option.ts';

const REPORTERS = {
  text: async () => (await import('../report/diff-text.ts')).diffText,
  json: async () => (await import('../report/diff-json.ts')).diffJson,
  markdown: async () => (await import('../report/diff-markdown.ts')).diffMarkdown,
  mermaid: async () => (await import('../report/diff-mermaid.ts')).diffMermaid,
  junit: async () => (await import('../report/diff-junit.ts')).diffJunit,
};

interface DiffOptions extends MeshOptions {
  readonly revisions?: string;
  readonly budget?: string;
  readonly on?: string;
  readonly changesOnly?: true;
  readonly format: keyof typeof REPORTERS;
  readonly semantics: ProfileName;
}

const HELP = `
Grants are compared by caller, port, method and path. A grant is changed when both versions allow some of its calls and
differ on others, for instance in the claims that they ask for. Each change comes with a request and the rules responsible.

A version is a folder, a file, or what a git revision holds: REVISION:PATH, the path from the repository's root, or from
here when it begins with ./ as git has it. A budget (YAML or JSON) bounds what a change may open:
  {version: 1, most: {added: 2, weakened: 0}, allowed: [{grant: {from: shop/front, to: shop/*}, reason: a new page}]}

Examples:
  $ meshwright diff before/ after/
  $ meshwright diff main:manifests manifests --budget budget.yaml
  $ meshwright diff --revisions HEAD~1..HEAD manifests --format markdown

Exit codes: 0 compared, within budget, 1 the tool failed or could not decide, 2 over budget, 3 invalid input.`;

/** Adds the command to the program. */
export function registerDiff(program: Command, io: Io, ended: (code: ExitCode) => void): void {
  program
    .command('diff')
    .description('compare two versions of manifests: grants added, removed, changed, unchanged; layers weakened')
    .argument('<before>', SOURCES)
    .argument('[after]', `${SOURCES}; with --revisions the one path is enough`)
    .option('--revisions <a..b>', 'compare the path in two git revisions')
    .option('--budget <file>', 'fail when the change opens or weakens more than the file allows')
    .option('--on <date>', 'the day on which allowances of the budget are judged, YYYY-MM-DD (default: today)')
    .option('--changes-only', 'leave out workloads about which nothing changed, and the count of their grants: faster')
    .addOption(formatOption(REPORTERS))
    .addOption(meshConfigOption())
    .addOption(semanticsOption())
    .addHelpText('after', HELP)
    .action(async (path: string, other: string | undefined, options: DiffOptions, command: Command) => {
      const versions = versionsOf(path, other, options.revisions);
      if (typeof versions === 'string') return command.error(`error: ${versions}`);
      if (options.on !== undefined && !isDay(options.on)) command.error('error: --on expects a day as YYYY-MM-DD');
      ended(await run(versions, options, io));
    });
}

type Versions = readonly [before: string, after: string];

/** The two sources, or what is wrong with the arguments. */
function versionsOf(path: string, other: string | undefined, revisions: string | undefined): Versions | string {
  if (revisions === undefined) {
    if (other === undefined) return "missing required argument 'after'";
    return path === '-' && other === '-' ? 'standard input cannot be both versions' : [path, other];
  }
  if (other !== undefined) return '--revisions takes one path';
  const [from = '', to = '', ...more] = revisions.split('..');
  if (from === '' || to === '' || more.length > 0 || to.startsWith('.'))
    return `--revisions expects A..B, got '${revisions}'`;
  const here = path.startsWith('/') ? path : `./${path}`;
  return [`${from}:${here}`, `${to}:${here}`];
}

async function run([before, after]: Versions, options: DiffOptions, io: Io): Promise<ExitCode> {
  const was = await readMesh([before], options, io);
  const is = await readMesh([after], options, io);
  const budget = options.budget === undefined ? undefined : await readBudget(options.budget);
  if (!was.ok || !is.ok || budget?.ok === false) {
    const failed = [was, is, budget].flatMap((read) => (read === undefined || read.ok ? [] : read.problems));
    for (const found of failed) io.stderr.write(`${printProblem(found)}\n`);
    return EXIT_CODES.inputInvalid;
  }
  const progress = new Progress(io.stderr, 'workloads compared');
  const difference = diff(was.value.mesh, is.value.mesh, PROFILES[options.semantics], {
    list: options.changesOnly === true ? 'changes' : 'everything',
    progress: () => progress.step(),
  });
  progress.end();
  const on = options.on ?? new Date().toISOString().slice(0, 10);
  const verdict = budget === undefined ? null : judgeBudget(difference, budget.value, on);
  const write = await REPORTERS[options.format]();
  io.stdout.write(write({ difference, before, after, verdict }, paintFor(io.stdout)));
  if (verdict?.lines.some(({ exceeded }) => exceeded)) return EXIT_CODES.refuted;
  return difference.unknown.length > 0 ? EXIT_CODES.toolFailed : EXIT_CODES.holds;
}
