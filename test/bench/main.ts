/** `make bench`: runs every benchmark, prints its rows, keeps them as JSON under `.meshwright/bench/`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { benchDecide } from './decide.ts';
import { benchDecidePeers } from './decide-peers.ts';
import { benchDiff } from './diff.ts';
import { benchMutate, type CountResult } from './mutate.ts';
import type { BenchResult } from './paired.ts';
import type { NotMeasured } from './peers.ts';
import { benchProcess } from './process.ts';
import { benchProofPeers } from './proof-peers.ts';
import { benchRpc } from './rpc.ts';
import { benchVerify } from './verify.ts';
import { benchYaml } from './yaml.ts';

type Row = BenchResult | CountResult | NotMeasured;

const BENCHMARKS: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  decide: benchDecide,
  'decide-peers': benchDecidePeers,
  diff: benchDiff,
  mutate: benchMutate,
  process: benchProcess,
  'proof-peers': benchProofPeers,
  rpc: benchRpc,
  verify: benchVerify,
  yaml: benchYaml,
};

const FOLDER = new URL('../../.meshwright/bench/', import.meta.url);

function print(row: Row): string {
  if ('missing' in row) return `${row.name}: not measured: ${row.missing} is missing`;
  return 'count' in row ? printCount(row) : printRatio(row);
}

function printCount({ name, count, of, target, holds }: CountResult): string {
  const asked = target === null ? 'informative' : `>= ${target * 100} %: ${holds ? 'holds' : 'MISSED'}`;
  return `${name}: ${count} of ${of} (${((100 * count) / Math.max(of, 1)).toFixed(1)} %), ${asked}`;
}

function printRatio(row: BenchResult): string {
  const figure = (value: number) => value.toPrecision(3);
  const { ratio, control, nanoseconds, target, seconds } = row;
  const wanted = [
    ...(target === null ? [] : [`${target.kind === 'atLeast' ? '>=' : '<='} ${target.ratio}`]),
    ...(seconds === null ? [] : [`${figure(seconds.took)} s, <= ${seconds.asked} s`]),
  ];
  const asked = wanted.length === 0 ? 'informative' : wanted.join(', ');
  const judged = row.isValid ? (row.holds ? 'holds' : 'MISSED') : 'INVALID (control outside 0.9 to 1.1)';
  return [
    `${row.name}: ${figure(ratio.median)} [${figure(ratio.low)}, ${figure(ratio.high)}], ${asked}: ${judged}`,
    `  control ${figure(control.median)} [${figure(control.low)}, ${figure(control.high)}], ${row.rounds} rounds, ` +
      `${figure(nanoseconds.a)} ns over ${figure(nanoseconds.b)} ns an operation (informative)`,
  ].join('\n');
}

/** Runs the benchmarks of those names, all without any; returns whether every row holds. */
async function run(names: readonly string[]): Promise<boolean> {
  await mkdir(FOLDER, { recursive: true });
  let holds = true;
  for (const name of names.length > 0 ? names : Object.keys(BENCHMARKS)) {
    const bench = BENCHMARKS[name];
    if (bench === undefined)
      throw new Error(`no benchmark \`${name}\`: expected one of ${Object.keys(BENCHMARKS).join(', ')}`);
    process.stderr.write(`${name}: running\n`);
    const rows = await bench();
    for (const row of rows) process.stdout.write(`${print(row)}\n`);
    holds &&= rows.every((row) => row.holds);
    const machine = {
      node: process.version,
      platform: process.platform,
      processor: cpus()[0]?.model ?? 'unknown',
      processors: availableParallelism(),
      load: loadavg()[0],
    };
    const date = new Date().toISOString();
    await writeFile(new URL(`${name}.json`, FOLDER), `${JSON.stringify({ name, date, machine, rows }, null, 2)}\n`);
  }
  return holds;
}

process.exitCode = (await run(process.argv.slice(2))) ? 0 : 1;
