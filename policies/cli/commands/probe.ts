/** `meshwright probe`: calls everything from everywhere in a running cluster and names who stopped each call. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { PROFILES, type ProfileName } from '../../analysis/profile.ts';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { ApiUnreachable } from '../live/api.ts';
import { EPHEMERAL_RIGHTS, RIGHTS } from '../live/ephemeral.ts';
import { ExecFailure } from '../live/exec.ts';
import { type LiveOptions, readLiveInputs, readUserKey } from '../live/inputs.ts';
import { probeChosen } from '../live/probe-chosen.ts';
import { probeCluster } from '../live/probe-cluster.ts';
import { judgementsOf, type ProbeReport } from '../live/probe-report.ts';
import { readChosen } from '../live/read-chosen.ts';
import { STRANGER_RIGHTS } from '../live/stranger.ts';
import { formatOption } from '../options.ts';
import { probeJson } from '../report/probe-json.ts';
import { probeJunit } from '../report/probe-junit.ts';
import { probeText } from '../report/probe-text.ts';
import { printProblem } from '../report/problems.ts';
import { semanticsOption } from '../semantics-option.ts';

const formats = { text: probeText, json: probeJson, junit: probeJunit };

interface ProbeOptions extends LiveOptions {
  readonly userKey?: string;
  readonly probes?: string;
  readonly ephemeral?: boolean;
  /** Given wherever `ephemeral` is. */
  readonly probeImage?: string;
  readonly format: keyof typeof formats;
  readonly output?: string;
  readonly semantics: ProfileName;
}

const HELP = `
From inside each workload's own pod, behind its own proxy, every method of every Service is called; each answer is
classified by cause and compared with what the cluster's current objects decide and with the intent. Calls carry
the header x-meshwright-probe; services of other people run what is called: probe a cluster where that does no harm.
Images that hold the probe program are used as they are; others need --ephemeral. With --probes each request goes out from
the pod of its workload, or of one that has its identity; pods that a request describes are started with --ephemeral and
removed again. What no pod can send is listed.

Needs: ${RIGHTS.join('; ')}; with --ephemeral ${EPHEMERAL_RIGHTS.join('; ')}; with --probes besides
${STRANGER_RIGHTS.join('; ')}.

Examples:
  $ meshwright probe --context kind-meshwright --intent dist/kind/intent.json
  $ meshwright probe --context staging --ephemeral --probe-image registry.example/probe:1 --format junit --output probe.xml

Exit codes: 0 every call ended as it must, 1 the tool failed or could name no cause, 2 some call did not, 3 invalid input.`;

/** Adds the command to the program. */
export function registerProbe(program: Command, io: Io, ended: (code: ExitCode) => void): void {
  program
    .command('probe')
    .description(
      'call everything from everywhere in a running cluster: who stopped each call, and is that as declared?',
    )
    .requiredOption('--context <name>', 'context of the kubeconfig')
    .option('--intent <file>', 'the declared relation (intent.json)')
    .option('--user-key <file>', 'private JWK that signs tokens of users which the cluster accepts')
    .option('--probes <file>', 'make the requests of that file (`mutate --probes` writes one) instead of every call')
    .option(
      '--ephemeral',
      'add a container with the probe program to pods whose images hold none; it stays until the pod goes',
    )
    .option('--probe-image <image>', 'the image of such containers: Node.js and /app/probe.js')
    .option('--root-namespace <name>', 'root namespace of the mesh', 'istio-system')
    .addOption(formatOption(formats))
    .option('--output <file>', 'write the report there instead of to standard output')
    .addOption(semanticsOption())
    .addHelpText('after', HELP)
    .action(async (options: ProbeOptions, command: Command) => {
      if (options.ephemeral === true && options.probeImage === undefined)
        command.error('error: --ephemeral needs --probe-image');
      ended(await run(options, io));
    });
}

async function run(options: ProbeOptions, io: Io): Promise<ExitCode> {
  const key = await readUserKey(options.userKey);
  const chosen = options.probes === undefined ? undefined : await readChosen(options.probes);
  const inputs = await readLiveInputs(options);
  if (!inputs.ok || !key.ok || chosen?.ok === false) {
    const problems = [inputs, key, ...(chosen === undefined ? [] : [chosen])].flatMap((read) =>
      read.ok ? [] : read.problems,
    );
    for (const found of problems) io.stderr.write(`${printProblem(found)}\n`);
    return EXIT_CODES.inputInvalid;
  }
  if (options.ephemeral === true) io.stderr.write(`--ephemeral needs the right to ${EPHEMERAL_RIGHTS.join('; ')}\n`);
  const { connection, live, intent } = inputs.value;
  try {
    const how = {
      intent,
      key: key.value,
      profile: PROFILES[options.semantics],
      probeImage: options.ephemeral === true ? (options.probeImage ?? null) : null,
      onProgress: (what: string) => io.stderr.write(`${what}\n`),
    };
    const report =
      chosen === undefined
        ? await probeCluster(connection, live, how)
        : await probeChosen(connection, live, { ...how, chosen: chosen.value });
    const text = formats[options.format](report);
    if (options.output === undefined) io.stdout.write(text);
    else await writeFile(options.output, text);
    return exitCodeOf(report, io);
  } catch (error) {
    if (!(error instanceof ExecFailure || error instanceof ApiUnreachable)) throw error;
    io.stderr.write(`meshwright: ${error.message}\n`);
    return EXIT_CODES.toolFailed;
  }
}

/** Nothing probed is no success. */
function exitCodeOf(report: ProbeReport, io: Io): ExitCode {
  const kinds = new Set(judgementsOf(report).map(({ kind }) => kind));
  if (kinds.has('differs')) return EXIT_CODES.refuted;
  const isEmpty = report.cells.length + (report.chosen?.length ?? 0) === 0;
  if (isEmpty) io.stderr.write('meshwright: no workload could be probed from\n');
  return kinds.has('undecided') || isEmpty ? EXIT_CODES.toolFailed : EXIT_CODES.holds;
}
