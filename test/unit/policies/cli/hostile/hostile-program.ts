/**
 * Runs damaged command lines one after another in a thread of its own, so that one that hangs can be seen and named:
 * before each case its number is written into shared memory. Ends with what was seen, or with the case that went wrong.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parentPort, workerData } from 'node:worker_threads';
import { main } from '#policies/cli/main.ts';
import { type DamagedInput, damagedInput, subjects } from './damaged-input.ts';

/** Which cases to run. `at` holds the number of the case that runs. */
export interface Cases {
  readonly seed: number;
  readonly runs: number;
  readonly at: Int32Array;
}

/** What a run saw: how often each verb ended with each exit code, the areas of problem codes, and the slowest case. */
export interface Seen {
  readonly wrong: readonly string[];
  readonly endings: Readonly<Record<string, number>>;
  readonly areas: readonly string[];
  readonly slowest: { readonly number: number; readonly milliseconds: number };
}

const LOCATED = /^\S[^\n]*:\d+: [^\n]*\[([a-z-]+)\/[a-z-]+\]$/m;
const MOST_WRONG = 20;

async function runCase(input: DamagedInput, folder: string) {
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const settings = input.settings === '' ? [] : ['--mesh-config', file('settings.yaml', input.settings)];
  const argv = [...argvOf(input, file), ...settings];
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [text(stdout), text(stderr)];
  const code = await main(argv, { stdin: Readable.from([input.manifests]), stdout, stderr });
  stdout.end();
  stderr.end();
  return { code, stdout: await out, stderr: await err };
}

function argvOf(input: DamagedInput, file: (name: string, content: string) => string): readonly string[] {
  switch (input.verb) {
    case 'decide':
      return ['decide', '-', '--requests', file('requests.jsonl', input.request)];
    case 'explain':
      return ['explain', '-', '--request', file('request.json', input.request)];
    case 'verify --intent':
      return ['verify', '-', '--intent', file('intent.json', input.intent)];
    case 'diff':
      return ['diff', file('before.yaml', input.request.length % 2 === 0 ? input.manifests : ''), '-'];
    case 'mutate':
      return ['mutate', '-', '--intent', file('intent.json', input.intent), '--limit', '4', '--pairs', '1'];
    case 'lint':
      return ['lint', '-', '--format', 'sarif'];
    default:
      return [input.verb, '-'];
  }
}

/** Why an ending is none: neither a verdict nor a located problem nor an honest "not decided". */
function faultOf({ code, stdout, stderr }: Awaited<ReturnType<typeof runCase>>): string | undefined {
  if (/^meshwright: |\bat .*\.[tj]s:\d+/m.test(stderr)) return 'crashed';
  if (code === 1 && !/not decided|unknown/.test(stdout + stderr)) return 'gave up without a word';
  if (code === 3 && !LOCATED.test(stderr) && !/"error":\{"code":"[a-z-]+\/[a-z-]+"/.test(stdout))
    return 'no located problem';
  return code === 0 || code === 2 || code === 3 || code === 1 ? undefined : `exit code ${String(code)}`;
}

async function runAll({ seed, runs, at }: Cases): Promise<Seen> {
  const folder = mkdtempSync(join(tmpdir(), 'meshwright-hostile-'));
  const known = subjects();
  const wrong: string[] = [];
  const endings: Record<string, number> = {};
  const areas = new Set<string>();
  let slowest = { number: -1, milliseconds: 0 };
  try {
    for (let number = 0; number < runs && wrong.length < MOST_WRONG; number += 1) {
      Atomics.store(at, 0, number);
      const input = damagedInput(known, seed, number);
      const start = performance.now();
      const ended = await runCase(input, folder);
      const milliseconds = performance.now() - start;
      if (milliseconds > slowest.milliseconds) slowest = { number, milliseconds };
      const key = `${input.verb} ${ended.code}`;
      endings[key] = (endings[key] ?? 0) + 1;
      const area = LOCATED.exec(ended.stderr)?.[1];
      if (area !== undefined) areas.add(area);
      const fault = faultOf(ended);
      if (fault !== undefined)
        wrong.push(`case ${number} of seed ${seed} ${fault}: ${JSON.stringify({ ...input, ...ended })}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { wrong, endings, areas: [...areas].toSorted(), slowest };
}

parentPort?.postMessage(await runAll(workerData as Cases));
