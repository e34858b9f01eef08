/** Every verb on every kind of input: each ends in a verdict that the exit code tells, and in text that can be read. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_CODES } from '#policies/cli/exit-code.ts';
import { newFleet } from '../bench/fleet.ts';
import { recordedSets } from '../support/recorded.ts';
import { synthesized } from '../support/synthesized.ts';
import { run } from '../unit/policies/cli/command-line.ts';

const boutique = new URL('../../../shared/data/online-boutique.yaml', import.meta.url);
const SEED = 11;

/** What a folder of manifests is asked with; `intent` null is written by `reach --as-intent`. */
interface Input {
  readonly name: string;
  readonly manifests: () => Promise<ReadonlyMap<string, string>>;
  readonly intent: (() => Promise<string>) | null;
  readonly request: object;
}

const call = (namespace: string, caller: string, callee: string, port: number, path: string) => ({
  id: '1',
  source: { workload: { namespace, name: caller } },
  destination: { namespace, workload: callee, port },
  http: { method: 'POST', path },
});

const [recorded] = recordedSets();
if (recorded === undefined) throw new Error('no recorded set');
const fleet = newFleet(24, SEED);

const inputs: readonly Input[] = [
  {
    name: `the recorded set ${recorded.name}`,
    manifests: async () => new Map([['manifests.yaml', recorded.manifests]]),
    intent: null,
    request: recorded.requests[0] as object,
  },
  {
    name: 'our own manifests',
    manifests: async () => new Map([...(await synthesized('kind'))].filter(([path]) => path.endsWith('.yaml'))),
    intent: async () => (await synthesized('kind')).get('intent.json') ?? '',
    request: call('trading', 'risk', 'execution', 50_053, '/trading.execution.v1.ExecutionService/SubmitTrade'),
  },
  {
    name: `a fleet of 24 services, seed ${SEED}`,
    manifests: async () => new Map([['fleet.yaml', fleet.yaml]]),
    intent: async () => fleet.intent,
    request: call('n0', 'service-1', 'service-13', 8080, '/fleet.v1.Service13/Method0'),
  },
  {
    name: `Online Boutique${existsSync(boutique) ? '' : ' (skipped: ../shared/data is not here)'}`,
    manifests: async () => new Map([['boutique.yaml', readFileSync(boutique, 'utf8')]]),
    intent: null,
    request: call('onlineboutique', 'adservice', 'cartservice', 7070, '/hipstershop.CartService/GetCart'),
  },
];

interface Verb {
  readonly name: string;
  readonly argv: (place: Place) => readonly string[];
  readonly says: RegExp;
}

interface Place {
  readonly manifests: string;
  readonly intent: string;
  readonly request: string;
}

const verbs: readonly Verb[] = [
  {
    name: 'decide',
    argv: (at) => ['decide', at.manifests, '--requests', at.request],
    says: /"verdict":"(allow|deny)"/,
  },
  { name: 'explain', argv: (at) => ['explain', at.manifests, '--request', at.request], says: /^(ALLOWED|DENIED) /m },
  { name: 'reach', argv: (at) => ['reach', at.manifests], says: /->/ },
  { name: 'verify', argv: (at) => ['verify', at.manifests], says: /^(proved|refuted|conditional) .*default deny/m },
  {
    name: 'verify with an intent',
    argv: (at) => ['verify', at.manifests, '--intent', at.intent],
    says: /^(proved|refuted|conditional) .*exactly what is declared/m,
  },
  { name: 'diff', argv: (at) => ['diff', at.manifests, at.manifests], says: /0 added, 0 removed, 0 changed/ },
  {
    name: 'mutate',
    argv: (at) => ['mutate', at.manifests, '--intent', at.intent, '--limit', '30'],
    says: /^killed by verify +\d+ of \d+/m,
  },
  { name: 'lint', argv: (at) => ['lint', at.manifests], says: /error|warning|note|no finding/ },
];

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshwright-verbs-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function placeOf(input: Input): Promise<Place> {
  const root = join(folder, String(inputs.indexOf(input)));
  const place = {
    manifests: join(root, 'manifests'),
    intent: join(root, 'intent.json'),
    request: join(root, 'request.json'),
  };
  for (const [path, content] of await input.manifests()) {
    await mkdir(dirname(join(place.manifests, path)), { recursive: true });
    await writeFile(join(place.manifests, path), content);
  }
  await writeFile(place.request, JSON.stringify(input.request));
  const intent =
    input.intent === null ? (await run(['reach', place.manifests, '--as-intent'])).stdout : await input.intent();
  await writeFile(place.intent, intent);
  return place;
}

describe.for(inputs)('$name', (input) => {
  const isHere = !input.name.includes('skipped');
  test.skipIf(!isHere).for(verbs)('$name answers', { timeout: 120_000 }, async ({ argv, says }) => {
    const { code, stdout, stderr } = await run(argv(await placeOf(input)));
    expect([EXIT_CODES.holds, EXIT_CODES.refuted], stderr).toContain(code);
    expect(stdout).toMatch(says);
  });
});
