/** `make bench`: runs every benchmark, prints its rows, keeps them as JSON under `.meshwright/bench/`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { endWithin, tell } from './budget.ts';
import { benchDecide } from './decide.ts';
import { benchDecidePeers } from './decide-peers.ts';
import { benchDiff } from './diff.ts';
import { benchMutate } from './mutate.ts';
import { takeMeasured } from './paired.ts';
import { notMeasured } from './peers.ts';
import { benchProcess } from './process.ts';
import { benchProofPeers } from './proof-peers.ts';
import { type Row, written } from './row.ts';
import { benchRpc } from './rpc.ts';
import { benchStudy } from './study.ts';
import { benchVerify } from './verify.ts';
import { benchYaml } from './yaml.ts';

interface Benchmark {
  readonly rows: () => Promise<readonly Row[]>;
  /** What it gets of a whole run, at the least; time that others leave is given on. All together: 14 minutes. */
  readonly seconds: number;
}

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  decide: { rows: benchDecide, seconds: 60 },
  'decide-peers': { rows: benchDecidePeers, seconds: 90 },
  diff: { rows: benchDiff, seconds: 80 },
  mutate: { rows: benchMutate, seconds: 80 },
  process: { rows: benchProcess, seconds: 80 },
  'proof-peers': { rows: benchProofPeers, seconds: 130 },
  rpc: { rows: benchRpc, seconds: 60 },
  study: { rows: benchStudy, seconds: 60 },
  verify: { rows: benchVerify, seconds: 170 },
  yaml: { rows: benchYaml, seconds: 30 },
};

const FOLDER = new URL('../../.meshwright/bench/', import.meta.url);

/** A row that is not judged fails nothing, unless the machine was too busy to tell. */
function print(row: Row): string {
  const { what, found, asked, verdict, beside } = written(row);
  const wanted = asked === '' ? '' : `, ${asked}`;
  return [`${what}: ${found}${wanted}: ${verdict}`, ...(beside === '' ? [] : [`  ${beside}`])].join('\n');
}

/** The rows of a benchmark; where it broke those before, and one that is not measured. The others go on. */
async function rowsOf(name: string, { rows }: Benchmark): Promise<readonly Row[]> {
  const start = performance.now();
  takeMeasured();
  try {
    return await rows();
  } catch (error) {
    const shown = error instanceof Error ? error : new Error(String(error));
    process.stderr.write(`${name}: broken: ${shown.stack ?? shown.message}\n`);
    return [...takeMeasured(), notMeasured(`${name}: the rest`, shown.message.split('\n')[0] ?? '')];
  } finally {
    process.stderr.write(`${name}: ${Math.round((performance.now() - start) / 1000)} s\n`);
  }
}

/** Runs the benchmarks of those names, all without any; returns whether every row holds. */
async function run(names: readonly string[]): Promise<boolean> {
  const chosen = (names.length > 0 ? names : Object.keys(BENCHMARKS)).map((name) => {
    const benchmark = BENCHMARKS[name];
    if (benchmark !== undefined) return { name, benchmark };
    throw new Error(`no benchmark \`${name}\`: expected one of ${Object.keys(BENCHMARKS).join(', ')}`);
  });
  await mkdir(FOLDER, { recursive: true });
  const secondsFrom = (index: number) => chosen.slice(index).reduce((sum, { benchmark }) => sum + benchmark.seconds, 0);
  const end = performance.now() + secondsFrom(0) * 1000;
  let holds = true;
  for (const [index, { name, benchmark }] of chosen.entries()) {
    endWithin((end - performance.now()) / 1000 - secondsFrom(index + 1));
    tell(`${name}, ${index + 1} of ${chosen.length}`);
    const rows = await rowsOf(name, benchmark);
    for (const row of rows) process.stdout.write(`${print(row)}\n`);
    holds &&= rows.every((row) => row.holds);
    await keep(name, rows);
  }
  tell(`ended: ${holds ? 'every row holds' : 'not every row holds'}`);
  return holds;
}

/** Keeps the rows of a benchmark as JSON. */
async function keep(name: string, rows: readonly Row[]): Promise<void> {
  const machine = {
    node: process.version,
    system: `${type()} ${release()}`,
    processor: cpus()[0]?.model ?? 'unknown',
    processors: availableParallelism(),
    gibibytes: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0],
  };
  const date = new Date().toISOString();
  await writeFile(new URL(`${name}.json`, FOLDER), `${JSON.stringify({ name, date, machine, rows }, null, 2)}\n`);
}

process.exitCode = (await run(process.argv.slice(2))) ? 0 : 1;
