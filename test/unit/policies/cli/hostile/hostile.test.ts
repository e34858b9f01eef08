import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { VERBS } from './damaged-input.ts';
import type { Cases, Seen } from './hostile-program.ts';

const SEED = Number(process.env['HOSTILE_SEED'] ?? 20_261_127);
/** `HOSTILE_RUNS=100000` is the long run; its figures stand in the README beside this file. */
const RUNS = Number(process.env['HOSTILE_RUNS'] ?? 1000);
/** No case comes near; it only tells a hang from work on a busy machine. */
const HUNG_MS = 300_000;

/** Runs the cases in a thread and resolves with what was seen. Errors: rejects when one case takes five minutes. */
function run(runs: number): Promise<Seen> {
  const at = new Int32Array(new SharedArrayBuffer(4));
  const cases: Cases = { seed: SEED, runs, at };
  const worker = new Worker(new URL('./hostile-program.ts', import.meta.url), { workerData: cases });
  return new Promise<Seen>((resolve, reject) => {
    let last = -1;
    const watch = setInterval(() => {
      const now = Atomics.load(at, 0);
      if (now === last) reject(new Error(`case ${now} of seed ${SEED} does not end`));
      last = now;
    }, HUNG_MS);
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => clearInterval(watch));
  }).finally(() => worker.terminate());
}

describe('every verb', () => {
  test(`ends in a verdict or a located problem on ${RUNS} damaged inputs (seed ${SEED})`, {
    timeout: 600_000 + RUNS * 100,
  }, async () => {
    const seen = await run(RUNS);
    process.stderr.write(
      `hostile input, seed ${SEED}: ${JSON.stringify({ runs: RUNS, ...seen, wrong: seen.wrong.length })}\n`,
    );
    expect(seen.wrong).toEqual([]);
    const ended = (verb: string, codes: readonly number[]) =>
      codes.reduce((count, code) => count + (seen.endings[`${verb} ${code}`] ?? 0), 0);
    expect(VERBS.filter((verb) => ended(verb, [0, 2]) === 0 || ended(verb, [3]) === 0)).toEqual([]);
    expect(seen.areas).toEqual(
      expect.arrayContaining(['intent', 'mesh-config', 'request', 'schema', 'webhook', 'yaml']),
    );
  });
});
