/** `meshwright preflight`: what must be true of a cluster before manifests are applied to it. */
import type { Command } from 'commander';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { ApiUnreachable } from '../live/api.ts';
import { connect } from '../live/connect.ts';
import { preflight } from '../live/preflight.ts';
import type { Check } from '../live/preflight-check.ts';
import { formatOption, meshConfigOption, SOURCES } from '../options.ts';
import { type MeshOptions, readMesh } from '../read-mesh.ts';
import { printProblem } from '../report/problems.ts';

const formats = { text: preflightText, json: preflightJson };

interface PreflightOptions extends MeshOptions {
  readonly context: string;
  readonly rootNamespace: string;
  readonly format: keyof typeof formats;
}

const HELP = `
Everything is looked at, nothing is changed. What the API server cannot tell is said to be unknown.

Examples:
  $ meshwright preflight dist/production --context production
  $ meshwright preflight dist/production --context production --format json

Exit codes: 0 nothing fails, 1 the tool failed, 2 some check fails, 3 invalid input.`;

/** Adds the command to the program. */
export function registerPreflight(program: Command, io: Io, ended: (code: ExitCode) => void): void {
  program
    .command('preflight')
    .description('check what must be true of a cluster before these manifests are applied to it')
    .argument('<sources...>', SOURCES)
    .requiredOption('--context <name>', 'context of the kubeconfig')
    .option('--root-namespace <name>', 'root namespace of the mesh', 'istio-system')
    .addOption(formatOption(formats))
    .addOption(meshConfigOption())
    .addHelpText('after', HELP)
    .action(async (sources: readonly string[], options: PreflightOptions) => {
      ended(await run(sources, options, io));
    });
}

async function run(sources: readonly string[], options: PreflightOptions, io: Io): Promise<ExitCode> {
  const read = await readMesh(sources, options, io);
  const connection = await connect(options.context);
  if (!read.ok || !connection.ok) {
    const problems = [...(read.ok ? [] : read.problems), ...(connection.ok ? [] : connection.problems)];
    for (const found of problems) io.stderr.write(`${printProblem(found)}\n`);
    return EXIT_CODES.inputInvalid;
  }
  try {
    const { documents, mesh } = read.value;
    const { rootNamespace } = options;
    const checks = await preflight(connection.value, { documents, config: mesh.config, rootNamespace });
    io.stdout.write(formats[options.format](checks));
    return checks.some(({ outcome }) => outcome === 'fails') ? EXIT_CODES.refuted : EXIT_CODES.holds;
  } catch (error) {
    if (!(error instanceof ApiUnreachable)) throw error;
    io.stderr.write(`meshwright: no answer from ${error.message}\n`);
    return EXIT_CODES.toolFailed;
  }
}

function preflightText(checks: readonly Check[]): string {
  const lines = checks.flatMap(({ outcome, code, message, help }) => [
    `${outcome.padEnd(8)} ${code}: ${message}`,
    ...(help === '' ? [] : [`         ${help}`]),
  ]);
  const count = (outcome: Check['outcome']) => checks.filter((each) => each.outcome === outcome).length;
  return [
    ...lines,
    `${checks.length} checks: ${count('holds')} hold, ${count('fails')} fail, ${count('unknown')} unknown`,
    '',
  ].join('\n');
}

function preflightJson(checks: readonly Check[]): string {
  return `${JSON.stringify({ version: 1, checks }, null, 2)}\n`;
}
