/** `meshwright diff`: what a change of the manifests grants and takes away. */
import type { Command } from 'commander';
import { diff } from '../../analysis/compare/diff.ts';
import { PROFILES, type ProfileName } from '../../analysis/index.ts';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { formatOption, meshConfigOption } from '../options.ts';
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
};

interface DiffOptions extends MeshOptions {
  readonly changesOnly?: true;
  readonly format: keyof typeof REPORTERS;
  readonly semantics: ProfileName;
}

const HELP = `
Grants are compared by caller, port, method and path. A grant is changed when both versions allow some of its calls and
differ on others, for instance in the claims that they ask for.

Example:
  $ meshwright diff before/ after/

Exit codes: 0 compared, 1 the tool failed or could not decide, 3 invalid input.`;

/** Adds the command to the program. */
export function registerDiff(program: Command, io: Io, ended: (code: ExitCode) => void): void {
  program
    .command('diff')
    .description('compare two versions of manifests: grants added, removed, changed, unchanged')
    .argument('<before>', 'folder or file with manifests')
    .argument('<after>', 'folder or file with manifests, or - for standard input')
    .option('--changes-only', 'leave out workloads about which nothing changed, and the count of their grants: faster')
    .addOption(formatOption(REPORTERS))
    .addOption(meshConfigOption())
    .addOption(semanticsOption())
    .addHelpText('after', HELP)
    .action(async (before: string, after: string, options: DiffOptions) => {
      ended(await run([before, after], options, io));
    });
}

async function run([before = '', after = '']: readonly string[], options: DiffOptions, io: Io): Promise<ExitCode> {
  const was = await readMesh([before], options, io);
  const is = await readMesh([after], options, io);
  if (!was.ok || !is.ok) {
    const problems = [...(was.ok ? [] : was.problems), ...(is.ok ? [] : is.problems)];
    for (const found of problems) io.stderr.write(`${printProblem(found)}\n`);
    return EXIT_CODES.inputInvalid;
  }
  const progress = new Progress(io.stderr, 'workloads compared');
  const difference = diff(was.value.mesh, is.value.mesh, PROFILES[options.semantics], {
    list: options.changesOnly === true ? 'changes' : 'everything',
    progress: () => progress.step(),
  });
  progress.end();
  const report = { difference, before, after };
  const write = await REPORTERS[options.format]();
  io.stdout.write(write(report, paintFor(io.stdout)));
  return difference.unknown.length > 0 ? EXIT_CODES.toolFailed : EXIT_CODES.holds;
}
