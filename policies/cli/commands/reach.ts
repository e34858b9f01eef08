/** `meshwright reach`: who can call what, all layers combined. */
import { type Command, Option } from 'commander';
import { asIntent } from '../../analysis/compare/as-intent.ts';
import { entries } from '../../analysis/compare/blast-radius.ts';
import { reach } from '../../analysis/compare/reach.ts';
import { PROFILES, type ProfileName } from '../../analysis/index.ts';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { meshConfigOption, SOURCES } from '../options.ts';
import { type MeshOptions, type ReadMesh, readMesh } from '../read-mesh.ts';
import { grantText } from '../report/grant-text.ts';
import { printProblem } from '../report/problems.ts';
import { Progress } from '../report/progress.ts';
import { blastText, reachJson, selectGrants } from '../report/reach.ts';
import { semanticsOption } from '../semantics-option.ts';

interface ReachOptions extends MeshOptions {
  readonly from?: string;
  readonly to?: string;
  readonly viaInternet?: true;
  readonly asIntent?: true;
  readonly format: 'text' | 'json';
  readonly semantics: ProfileName;
}

const HELP = `
--from and --to take a workload's name, namespace/name, or a principal. --from also shows what the caller reaches by
going on from workload to workload. Patterns, identities without a workload and plaintext are callers of their own.

Examples:
  $ meshwright reach dist/kind --to execution
  $ helm template shop | meshwright reach - --format json
  $ meshwright reach dist/kind --as-intent > intent.json

Exit codes: 0 listed, 1 the tool failed or could not decide, 3 invalid input.`;

/** Adds the command to the program. */
export function registerReach(program: Command, io: Io, ended: (code: ExitCode) => void): void {
  program
    .command('reach')
    .description('list who can call what, all layers combined')
    .argument('<sources...>', SOURCES)
    .option('--from <caller>', 'only calls of this caller, and what it reaches transitively')
    .option('--to <callee>', 'only calls to this workload')
    .option('--via-internet', 'only what callers without a workload of the mesh reach, transitively')
    .option('--as-intent', 'write what is allowed as an intent.json to review')
    .addOption(new Option('--format <format>', 'how to write it').choices(['text', 'json']).default('text'))
    .addOption(meshConfigOption())
    .addOption(semanticsOption())
    .addHelpText('after', HELP)
    .action(async (sources: readonly string[], options: ReachOptions) => {
      ended(await run(sources, options, io));
    });
}

async function run(sources: readonly string[], options: ReachOptions, io: Io): Promise<ExitCode> {
  const read = await readMesh(sources, options, io);
  if (!read.ok) {
    for (const found of read.problems) io.stderr.write(`${printProblem(found)}\n`);
    return EXIT_CODES.inputInvalid;
  }
  return list(read.value, options, io);
}

function list({ mesh }: ReadMesh, options: ReachOptions, io: Io): ExitCode {
  const progress = new Progress(io.stderr, 'workloads listed');
  const all = reach(mesh, { profile: PROFILES[options.semantics], progress: () => progress.step() });
  progress.end();
  for (const unknown of all.unknown) io.stderr.write(`not decided: ${unknown}\n`);
  const exitCode = all.unknown.length > 0 ? EXIT_CODES.toolFailed : EXIT_CODES.holds;
  if (options.asIntent === true) {
    const { json, inexpressible } = asIntent(mesh, all);
    for (const grant of inexpressible) io.stderr.write(`left to the reviewer: ${grantText(grant)}\n`);
    io.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
    return exitCode;
  }
  const isEntry = entries(mesh);
  const grants = selectGrants(all.grants, options, isEntry);
  if (options.format === 'json') io.stdout.write(reachJson({ ...all, grants }));
  else {
    for (const grant of grants) io.stdout.write(`${grantText(grant)}\n`);
    io.stdout.write(blastText(all, options, isEntry));
  }
  return exitCode;
}
