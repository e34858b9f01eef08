/** `meshwright verify`: proves that manifests allow exactly what an intent declares, or shows requests. */
import type { Command } from 'commander';
import { type Verification, verifyIntent } from '../../analysis/compare/verify.ts';
import { PROFILES, type ProfileName } from '../../analysis/profile.ts';
import type { SourceDocument } from '../../language/document.ts';
import { problem, type Result } from '../../language/problem.ts';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { formatOption, meshConfigOption, SOURCES } from '../options.ts';
import { readIntent } from '../read-intent.ts';
import { type MeshOptions, type ReadMesh, readMesh } from '../read-mesh.ts';
import { ObjectPlaces } from '../report/object-places.ts';
import { paintFor } from '../report/paint.ts';
import { printProblem } from '../report/problems.ts';
import { Progress } from '../report/progress.ts';
import { semanticsOption } from '../semantics-option.ts';

const REPORTERS = {
  text: async () => (await import('../report/verify-text.ts')).verificationText,
  json: async () => (await import('../report/verify-json.ts')).verificationJson,
  markdown: async () => (await import('../report/verify-markdown.ts')).verificationMarkdown,
  junit: async () => (await import('../report/verify-junit.ts')).verificationJunit,
  sarif: async () => (await import('../report/verify-sarif.ts')).verificationSarif,
};

interface VerifyOptions extends MeshOptions {
  /** @default - what is verified are the sources */
  readonly context?: string;
  readonly rootNamespace?: string;
  readonly intent?: string;
  readonly on?: string;
  readonly format: keyof typeof REPORTERS;
  readonly semantics: ProfileName;
}

const HELP = `
With --intent every call that the manifests allow is declared and every declared call is allowed: for each identity,
known, unknown, foreign or missing, each port, method, path and token. Without it only what needs none is proved.

Examples:
  $ meshwright verify dist/kind --intent dist/kind/intent.json
  $ helm template shop | meshwright verify -

Who gets an identity from SPIRE is proved where its registrations are among the sources:
  $ meshwright verify dist/kind-spire dist/kind-spire-issuer/70-registrations.yaml --intent dist/kind-spire/intent.json

With --context the objects of a running cluster are verified as they are now, and compared with the sources where some
are given: an object that was changed by hand is named.
  $ meshwright verify --context kind-meshwright --intent dist/kind/intent.json
  $ meshwright verify dist/kind/manifests --context kind-meshwright --intent dist/kind/intent.json

Exit codes: 0 proved, 1 the tool failed or could not decide, 2 refuted, 3 invalid input.`;

/** Adds the command to the program. */
export function registerVerify(program: Command, io: Io, ended: (code: ExitCode) => void): void {
  program
    .command('verify')
    .description('prove that the manifests allow exactly the declared calls, or show calls that refute it')
    .argument('[sources...]', SOURCES)
    .option('--context <name>', 'verify the objects of the cluster of this context of the kubeconfig')
    .option('--root-namespace <name>', 'root namespace of that cluster (default: istio-system)')
    .option('--intent <file>', 'the declared relation (intent.json); without it only basic statements are proved')
    .option('--on <date>', 'fail grants that ended before this day (YYYY-MM-DD)')
    .addOption(formatOption(REPORTERS))
    .addOption(meshConfigOption())
    .addOption(semanticsOption())
    .addHelpText('after', HELP)
    .action(async (sources: readonly string[], options: VerifyOptions, command: Command) => {
      if (sources.length === 0 && options.context === undefined)
        command.error("error: missing required argument 'sources', or --context");
      ended(await run(sources, options, io));
    });
}

async function run(sources: readonly string[], options: VerifyOptions, io: Io): Promise<ExitCode> {
  const intent = options.intent === undefined ? undefined : await readIntent(options.intent, io.limits);
  const manifests = sources.length === 0 ? undefined : await readMesh(sources, options, io);
  const read = (await readCluster(options)) ?? manifests ?? { ok: false, problems: [] };
  const date = options.on === undefined || /^\d{4}-\d{2}-\d{2}$/.test(options.on);
  if (!read.ok || manifests?.ok === false || intent?.ok === false || !date) {
    const at = { file: '--on', path: '', line: 1 };
    const problems = [
      ...(manifests?.ok === false ? manifests.problems : []),
      ...(read.ok || read === manifests ? [] : read.problems),
      ...(intent?.ok === false ? intent.problems : []),
      ...(date ? [] : [problem('input/date', `expected YYYY-MM-DD, got \`${options.on}\``, at)]),
    ];
    for (const found of problems) io.stderr.write(`${printProblem(found)}\n`);
    return EXIT_CODES.inputInvalid;
  }
  const progress = new Progress(io.stderr, 'workloads verified');
  const shared = { profile: PROFILES[options.semantics], progress: () => progress.step() };
  const { mesh, documents } = read.value;
  const verification = intent?.ok
    ? verifyIntent(mesh, intent.value, { ...shared, ...(options.on === undefined ? {} : { on: options.on }) })
    : (await import('../../analysis/compare/verify-baseline.ts')).verifyBaseline(mesh, shared);
  progress.end();
  const report = { verification, places: new ObjectPlaces(documents), intent: options.intent ?? null };
  const write = await REPORTERS[options.format]();
  io.stdout.write(write(report, paintFor(io.stdout)));
  const drifted =
    options.context !== undefined && manifests !== undefined && (await tellDrift(manifests.value, documents, io));
  return drifted ? EXIT_CODES.refuted : exitCodeOf(verification);
}

/** The mesh of `--context`, undefined without one. */
async function readCluster(options: VerifyOptions): Promise<Result<ReadMesh> | undefined> {
  if (options.context === undefined) return undefined;
  const { readLiveInputs } = await import('../live/inputs.ts');
  const inputs = await readLiveInputs({ ...options, context: options.context });
  if (!inputs.ok) return inputs;
  const { mesh, documents } = inputs.value.live;
  return { ok: true, value: { mesh, documents, parseOptions: {}, issuerKeys: new Map() } };
}

/** Tells on stderr, since the report is alone on stdout; true iff an object differs. */
async function tellDrift(manifests: ReadMesh, live: readonly SourceDocument[], io: Io): Promise<boolean> {
  const { driftOf, driftText } = await import('../live/drift.ts');
  const drift = driftOf(manifests.documents, live);
  io.stderr.write(driftText(drift));
  return drift.length > 0;
}

function exitCodeOf({ obligations }: Verification): ExitCode {
  if (obligations.some(({ status }) => status === 'refuted')) return EXIT_CODES.refuted;
  return obligations.some(({ status }) => status === 'unknown') ? EXIT_CODES.toolFailed : EXIT_CODES.holds;
}
