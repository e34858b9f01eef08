import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_CODES } from '#policies/cli/exit-code.ts';
import { newFleet } from '../../../bench/fleet.ts';
import { securityYaml, workloadYaml } from '../../../support/small-mesh.ts';
import { run as runLine } from './command-line.ts';

/** A workload that nobody may call: whatever opens it is noticed without any intent. */
const SHUT = [
  workloadYaml('a', 'x').split('---')[0] ?? '',
  securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } }),
  securityYaml('AuthorizationPolicy', 'istio-system', {}),
];
/** The same with a caller: without an intent nobody knows who was meant. */
const OPEN = [
  ...SHUT,
  securityYaml('AuthorizationPolicy', 'a', {
    rules: [
      { from: [{ source: { principals: ['cluster.local/ns/a/sa/x'] } }], to: [{ operation: { ports: ['80'] } }] },
    ],
  }),
];
let folder = '';
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshwright-mutate-'));
  // under the namespace's default account: another one would be a change that no request shows and only an intent names
  await writeFile(file('shut.yaml'), SHUT.join('\n---\n').replace(/ *serviceAccountName: .*\n/, ''));
  const callee = { kind: 'workload', namespace: 'a', workload: 'x' };
  const rest = { protocol: 'http', port: 15020, http: null, user: null, reason: 'probes', owner: 'nobody' };
  const platform = [{ caller: { kind: 'node' }, callee, ...rest }];
  const nothing = { version: 1, trustDomain: 'cluster.local', grants: [], platform, confined: ['a'] };
  await writeFile(file('nothing.json'), JSON.stringify(nothing));
  await writeFile(file('open.yaml'), OPEN.join('\n---\n'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (...argv: readonly string[]) => runLine(argv);

async function faultsOf(json: unknown): Promise<unknown> {
  const ajv = new Ajv({ allErrors: true });
  const schemas = new URL('../../../../policies/cli/schemas/', import.meta.url);
  for (const name of ['request', 'answer'])
    ajv.addSchema(JSON.parse(await readFile(new URL(`${name}.schema.json`, schemas), 'utf8')));
  const validate = ajv.compile(JSON.parse(await readFile(new URL('mutation.schema.json', schemas), 'utf8')));
  return validate(json) ? [] : validate.errors;
}

describe('meshwright mutate', () => {
  test('ends with 0 when verify notices every mutant that is not equivalent', async () => {
    const { code, stdout } = await run('mutate', file('shut.yaml'), '--intent', file('nothing.json'));
    expect(stdout).toContain('no mutant survives verify');
    expect(code).toBe(EXIT_CODES.holds);
  });

  test('ends with 2 when some survive, each with the request that would kill it', async () => {
    const { code, stdout } = await run('mutate', file('open.yaml'));
    expect(code).toBe(EXIT_CODES.refuted);
    expect(stdout).toMatch(/survive verify/);
    expect(stdout).toMatch(/original deny, mutant allow: [\s\S]*request: \{"id":"probe"/);
  });

  test('writes JSON by its schema', async () => {
    const { stdout } = await run('mutate', file('open.yaml'), '--format', 'json');
    const json: unknown = JSON.parse(stdout);
    expect(await faultsOf(json)).toEqual([]);
    expect(json).toMatchObject({ version: 1, grants: null, refutedBefore: [] });
  });

  test('writes JUnit with a case for each operator, failing with what survives', async () => {
    const { code, stdout } = await run('mutate', file('open.yaml'), '--format', 'junit');
    expect(code).toBe(EXIT_CODES.refuted);
    expect(stdout).toMatch(/<testsuites name="meshwright mutate" tests="\d+" failures="[1-9]\d*" skipped="[1-9]\d*">/);
    expect(stdout).toMatch(
      /<testcase classname="source" name="I4 [^"]*: \d+ mutants?"><failure type="survived" message="I4-1 AuthorizationPolicy a\/[^"]*original \w+, mutant \w+; request \{&quot;id/,
    );
    expect(stdout).toMatch(/<testcase classname="structure" name="S5 [^"]*"><skipped message="1 proven equivalent"\/>/);
    const shut = await run('mutate', file('shut.yaml'), '--intent', file('nothing.json'), '--format', 'junit');
    expect(shut.stdout).toContain('failures="0"');
  });

  test('writes probes that decide takes: they hold on the original and fail on a mutant', async () => {
    const probes = file('probes.jsonl');
    await run('mutate', file('open.yaml'), '--probes', probes);
    const lines = (await readFile(probes, 'utf8')).trim().split('\n');
    expect(lines.length).toBeGreaterThan(2);
    expect((await run('decide', file('open.yaml'), '--requests', probes)).code).toBe(EXIT_CODES.holds);
    const broken = file('broken.yaml');
    await writeFile(broken, OPEN.join('\n---\n').replace('cluster.local/ns/a/sa/x', '*'));
    const decided = await run('decide', broken, '--requests', probes);
    expect(decided.code).toBe(EXIT_CODES.refuted);
    expect(decided.stderr).toMatch(/probe-\d+: expected deny, got allow/);
  });

  test.for([
    ['missing manifests', ['no-such-folder'], 'input/not-found'],
    ['a missing intent', ['SHUT', '--intent', 'no-such-intent.json'], 'input/not-found'],
    ['a limit that is no number', ['SHUT', '--limit', 'many'], '--limit expects a whole number'],
  ] as const)('ends with 3 on %s', async ([, argv, message]) => {
    const { code, stderr } = await run('mutate', ...argv.map((word) => (word === 'SHUT' ? file('shut.yaml') : word)));
    expect(code).toBe(EXIT_CODES.inputInvalid);
    expect(stderr).toContain(message);
  });

  test('works on a fleet, with a sample of its mutants', { timeout: 300_000 }, async () => {
    const fleet = newFleet(40, 7);
    await writeFile(file('fleet.yaml'), fleet.yaml);
    await writeFile(file('fleet.json'), fleet.intent);
    const sources = [file('fleet.yaml'), '--intent', file('fleet.json')];
    const { stdout } = await run('mutate', ...sources, '--limit', '60', '--seed', '3', '--format', 'json');
    const { score, refutedBefore } = JSON.parse(stdout) as {
      score: { mutants: number; different: number; unknown: number };
      refutedBefore: readonly string[];
    };
    expect(refutedBefore).toEqual([]);
    expect(score).toMatchObject({ mutants: 60, unknown: 0 });
    expect(score.different).toBeGreaterThan(20);
  });

  const boutique = new URL('../../../../../shared/data/online-boutique.yaml', import.meta.url).pathname;
  test.skipIf(!existsSync(boutique))(
    'works on the Online Boutique (skipped where it is not beside the repository)',
    { timeout: 300_000 },
    async () => {
      const { code, stdout } = await run('mutate', boutique, '--limit', '120', '--format', 'json');
      const { score } = JSON.parse(stdout) as { score: { mutants: number; different: number } };
      expect(code).toBe(EXIT_CODES.refuted);
      expect(score.mutants).toBe(120);
      expect(score.different).toBeGreaterThan(30);
    },
  );
});
