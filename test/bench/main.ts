/** `make bench`: runs every benchmark, prints its rows, keeps them as JSON under `.meshwright/bench/`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { benchDecide } from './decide.ts';
import { benchDecidePeers } from './decide-peers.ts';
import { benchDiff } from './diff.ts';
import { benchMutate } from './mutate.ts';
import { benchProcess } from './process.ts';
import { benchProofPeers } from './proof-peers.ts';
import { type Row, written } from './row.ts';
import { benchRpc } from './rpc.ts';
import { benchStudy } from './study.ts';
import { benchVerify } from './verify.ts';
import { benchYaml } from './yaml.ts';

const BENCHMARKS: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  decide: benchDecide,
  'decide-peers': benchDecidePeers,
  diff: benchDiff,
  mutate: benchMutate,
  process: benchProcess,
  'proof-peers': benchProofPeers,
  rpc: benchRpc,
  study: benchStudy,
  verify: benchVerify,
  yaml: benchYaml,
};

const FOLDER = new URL('../../.meshwright/bench/', import.meta.url);

/** A row that is not judged fails nothing, unless the machine was too busy to tell. */
function print(row: Row): string {
  const { what, found, asked, verdict, beside } = written(row);
  const wanted = asked === '' ? '' : `, ${asked}`;
  return [`${what}: ${found}${wanted}: ${verdict}`, ...(beside === '' ? [] : [`  ${beside}`])].join('\n');
}

/** The rows of a benchmark; none where it broke, which is said and does not hide the others. */
async function tryRows(name: string, bench: () => Promise<readonly Row[]>): Promise<readonly Row[] | undefined> {
  const start = performance.now();
  try {
    const rows = await bench();
    process.stderr.write(`${name}: ${Math.round((performance.now() - start) / 1000)} s\n`);
    return rows;
  } catch (error) {
    process.stderr.write(
      `${name}: broken: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return undefined;
  }
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
    const rows = await tryRows(name, bench);
    for (const row of rows ?? []) process.stdout.write(`${print(row)}\n`);
    holds &&= rows?.every((row) => row.holds) ?? false;
    if (rows === undefined) continue;
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
  return holds;
}

process.exitCode = (await run(process.argv.slice(2))) ? 0 : 1;
