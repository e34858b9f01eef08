/** `meshwright mutate`: would a hole be noticed? Breaks the manifests in every small way and asks who sees it. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { isDay } from '../../analysis/lint/suppression.ts';
import { mutate } from '../../analysis/mutate/mutate.ts';
import { PROFILES, type ProfileName } from '../../analysis/profile.ts';
import { EXIT_CODES, type ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';
import { formatOption, issuerKeysOption, meshConfigOption, SOURCES } from '../options.ts';
import { readIntent } from '../read-intent.ts';
import { type MeshOptions, readMesh } from '../read-mesh.ts';
import { probeLines, survivorsOf } from '../report/mutation.ts';
import { printProblem } from '../report/problems.ts';
import { Progress } from '../report/progress.ts';
import { semanticsOption } from '../semantics-option.ts';

const REPORTERS = {
  text: async () => (await import('../report/mutate-text.ts')).mutationText,
  json: async () => (await import('../report/mutate-json.ts')).mutationJson,
  junit: async () => (await import('../report/mutate-junit.ts')).mutationJunit,
};

interface MutateOptions extends MeshOptions {
  readonly intent?: string;
  readonly probes?: string;
  readonly limit?: string;
  readonly pairs: string;
  readonly seed: string;
  readonly on?: string;
  readonly format: keyof typeof REPORTERS;
  readonly semantics: ProfileName;
}

const HELP = `
Every mutant is one small edit: a rule dropped, a principal widened, a port opened, mTLS relaxed, a NetworkPolicy peer
changed. It is proven equivalent, or told from the original by a request, or changes a layer behind which others still
stop everything. Without --intent, verify proves what needs none, and the original stands for what is meant.

Examples:
  $ meshwright mutate dist/kind --intent dist/kind/intent.json
  $ meshwright mutate dist/kind --intent dist/kind/intent.json --probes probes.jsonl
  $ meshwright decide dist/kind --requests probes.jsonl        (ends with 2 where a verdict is not the expected one)
  $ meshwright mutate fleet.yaml --intent intent.json --limit 2000 --pairs 500 --seed 7 --format json

Exit codes: 0 verify notices every mutant that is not equivalent, 1 the tool failed, 2 some survive, 3 invalid input.`;

/** Adds the command to the program. */
export function registerMutate(program: Command, io: Io, ended: (code: ExitCode) => void): void {
  program
    .command('mutate')
    .description('break the manifests in every small way: what would notice, and which few requests find all of it')
    .argument('<sources...>', SOURCES)
    .option('--intent <file>', 'the declared relation (intent.json)')
    .option('--probes <file>', 'write the smallest set of requests that kills all, as JSON Lines')
    .option('--limit <n>', 'at most so many mutants, drawn from the seed (default: all)')
    .option('--pairs <n>', 'besides so many pairs of mutants', '0')
    .option('--seed <n>', 'the seed of --limit and --pairs', '1')
    .option('--on <date>', 'the day on which suppressions of lint are judged, YYYY-MM-DD (default: today)')
    .addOption(formatOption(REPORTERS))
    .addOption(meshConfigOption())
    .addOption(issuerKeysOption())
    .addOption(semanticsOption())
    .addHelpText('after', HELP)
    .action(async (sources: readonly string[], options: MutateOptions, command: Command) => {
      for (const name of ['limit', 'pairs', 'seed'] as const)
        if (options[name] !== undefined && !/^\d{1,9}$/.test(options[name]))
          command.error(`error: --${name} expects a whole number, got \`${options[name]}\``);
      if (options.on !== undefined && !isDay(options.on)) command.error('error: --on expects a day as YYYY-MM-DD');
      ended(await run(sources, options, io));
    });
}

async function run(sources: readonly string[], options: MutateOptions, io: Io): Promise<ExitCode> {
  const intent = options.intent === undefined ? undefined : await readIntent(options.intent);
  const read = await readMesh(sources, options, io);
  if (!read.ok || intent?.ok === false) {
    const problems = [...(read.ok ? [] : read.problems), ...(intent?.ok === false ? intent.problems : [])];
    for (const found of problems) io.stderr.write(`${printProblem(found)}\n`);
    return EXIT_CODES.inputInvalid;
  }
  const progress = new Map<string, Progress>();
  const mutation = mutate({
    ...read.value,
    intent: intent?.ok ? intent.value : null,
    profile: PROFILES[options.semantics],
    on: options.on ?? new Date().toISOString().slice(0, 10),
    limit: options.limit === undefined ? null : Number(options.limit),
    pairs: Number(options.pairs),
    seed: Number(options.seed),
    progress: (step) => {
      const counter = progress.get(step) ?? new Progress(io.stderr, step);
      progress.set(step, counter);
      counter.step();
    },
  });
  for (const counter of progress.values()) counter.end();
  if (options.probes !== undefined) await writeFile(options.probes, probeLines(mutation));
  const write = await REPORTERS[options.format]();
  io.stdout.write(write(mutation));
  return survivorsOf(mutation).length > 0 ? EXIT_CODES.refuted : EXIT_CODES.holds;
}
