/** `meshwright reach`: who can call what, all layers combined. */
import type { Command } from 'commander';
import { asIntent } from '../../analysis/compare/as-intent.ts';
import { outsideWays } from '../../analysis/compare/outside.ts';
import { type Reach, reach } from '../../analysis/compare/reach.ts';
import {
  identitiesAsked,
  type ReachSelection,
  selectGrants,
  selectOpenPorts,
  selectReached,
  selectWays,
  unknownNames,
} from '../../analysis/compare/selection.ts';
import { PROFILES, type ProfileName } from '../../analysis/profile.ts';
import type { Mesh } from '../../language/mesh.ts';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { formatOption, meshConfigOption, SOURCES } from '../options.ts';
import { type MeshOptions, readMesh } from '../read-mesh.ts';
import { grantText, openPortsText } from '../report/grant-text.ts';
import { paintFor } from '../report/paint.ts';
import { printProblem } from '../report/problems.ts';
import { Progress } from '../report/progress.ts';
import { semanticsOption } from '../semantics-option.ts';

const REPORTERS = {
  text: async () => (await import('../report/reach-text.ts')).reachText,
  json: async () => (await import('../report/reach-json.ts')).reachJson,
  mermaid: async () => (await import('../report/reach-mermaid.ts')).reachMermaid,
};

interface ReachOptions extends MeshOptions, ReachSelection {
  readonly asIntent?: true;
  readonly format: keyof typeof REPORTERS;
  readonly semantics: ProfileName;
}

const HELP = `
--from and --to take a workload's name or namespace/name; --from also takes \`plaintext\` or any principal, whether or not
a workload holds it, and shows what the caller reaches by going on from workload to workload, each of them compromised.
Patterns, identities without a workload (those of other trust domains too) and plaintext are callers of their own.

Examples:
  $ meshwright reach dist/kind --to execution
  $ meshwright reach dist/kind --from spiffe://elsewhere.example/ns/a/sa/b
  $ meshwright reach dist/kind --via-internet
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
    .option('--via-internet', 'only what somebody outside the mesh can call, and reaches transitively')
    .option('--as-intent', 'write what is allowed as an intent.json to review')
    .addOption(formatOption(REPORTERS))
    .addOption(meshConfigOption())
    .addOption(semanticsOption())
    .addHelpText('after', HELP)
    .action(async (sources: readonly string[], options: ReachOptions) => {
      ended(await run(sources, options, io));
    });
}

async function run(sources: readonly string[], options: ReachOptions, io: Io): Promise<ExitCode> {
  const read = await readMesh(sources, options, io);
  const problems = read.ok ? unknownNames(read.value.mesh, options) : read.problems;
  if (!read.ok || problems.length > 0) {
    for (const found of problems) io.stderr.write(`${printProblem(found)}\n`);
    return EXIT_CODES.inputInvalid;
  }
  const { mesh } = read.value;
  const progress = new Progress(io.stderr, 'workloads listed');
  const how = {
    profile: PROFILES[options.semantics],
    identities: identitiesAsked(options),
    progress: () => progress.step(),
  };
  const all = reach(mesh, how);
  const isAsked = options.from !== undefined || options.viaInternet === true;
  const reached = isAsked ? selectReached(mesh, reach(mesh, { ...how, callers: 'compromised' }), options) : null;
  const through = options.viaInternet === true ? outsideWays(mesh, how.profile) : null;
  progress.end();
  const unknowns = [...all.unknown, ...(through?.unknown ?? [])];
  for (const unknown of unknowns) io.stderr.write(`not decided: ${unknown}\n`);
  const grants = selectGrants(mesh, all, options);
  const shown = { ...all, unknown: unknowns, grants, openPorts: selectOpenPorts(mesh, all, options) };
  if (options.asIntent === true) writeIntent(mesh, shown, io);
  else {
    const write = await REPORTERS[options.format]();
    io.stdout.write(write({ reach: shown, reached, outside: selectWays(through, options) }, paintFor(io.stdout)));
  }
  return unknowns.length > 0 ? EXIT_CODES.toolFailed : EXIT_CODES.holds;
}

function writeIntent(mesh: Mesh, found: Reach, io: Io): void {
  const { json, inexpressible } = asIntent(mesh, found);
  for (const grant of inexpressible) io.stderr.write(`left to the reviewer: ${grantText(grant)}\n`);
  for (const open of found.openPorts) io.stderr.write(`left to the reviewer: ${openPortsText(open)}\n`);
  io.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
}
