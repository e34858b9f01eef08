/** `meshwright diff`: what a change of the manifests grants and takes away. */
import { type Command, Option } from 'commander';
import { diff, type MeshDifference } from '../../analysis/compare/diff.ts';
import { PROFILES, type ProfileName } from '../../analysis/index.ts';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { meshConfigOption } from '../options.ts';
import { type MeshOptions, readMesh } from '../read-mesh.ts';
import { printProblem } from '../report/problems.ts';
import { grantText } from '../report/reach.ts';
import { semanticsOption } from '../semantics-option.ts';

interface DiffOptions extends MeshOptions {
  readonly format: 'text' | 'json';
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
    .addOption(new Option('--format <format>', 'how to write it').choices(['text', 'json']).default('text'))
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
  const difference = diff(was.value.mesh, is.value.mesh, PROFILES[options.semantics]);
  io.stdout.write(
    options.format === 'json' ? `${JSON.stringify({ version: 1, ...difference }, null, 2)}\n` : text(difference),
  );
  return difference.unknown.length > 0 ? EXIT_CODES.toolFailed : EXIT_CODES.holds;
}

const MARKS = { added: '+', removed: '-', changed: '~', unchanged: ' ' } as const;

function text({ changes, weakened, unknown }: MeshDifference): string {
  const lines = changes
    .filter(({ change }) => change !== 'unchanged')
    .map(({ change, grant, added, removed }) => {
      const opened = added === null ? '' : `; opened where ${added.join(', ') || 'nothing else matters'}`;
      const closed = removed === null ? '' : `; closed where ${removed.join(', ') || 'nothing else matters'}`;
      return `${MARKS[change]} ${grantText(grant)}${opened}${closed}`;
    });
  const count = (wanted: string) => changes.filter(({ change }) => change === wanted).length;
  const summary = `${count('added')} added, ${count('removed')} removed, ${count('changed')} changed, ${count('unchanged')} unchanged`;
  return `${[...lines, ...weakened.map((each) => `weakened: ${each}`), ...unknown.map((each) => `not decided: ${each}`), summary].join('\n')}\n`;
}
