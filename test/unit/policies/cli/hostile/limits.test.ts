import { spawn } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  aliasBomb,
  crossingAffixes,
  crossingBlocks,
  manyHeaders,
  manyRules,
  ruleFlood,
  threeSat,
  VICTIM,
} from '../../../../support/hostile-mesh.ts';

/** The heap that every case must do with, in MiB. */
const HEAP = 768;
const BIN = join(import.meta.dirname, '../../../../../policies/cli/bin.js');

const CALL = {
  id: '1',
  source: { principal: 'spiffe://td/ns/shop/sa/front' },
  destination: { namespace: 'shop', workload: 'victim', port: 8080 },
  http: { method: 'GET', path: '/' },
};

let folder = '';
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshwright-limits-'));
  await writeFile(file('victim.yaml'), VICTIM);
  await writeFile(file('nothing.json'), '{"version":1,"trustDomain":"td","grants":[],"platform":[]}');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line as a process of its own with a small heap; `feed` is written to its input until it ends. */
async function run(argv: readonly string[], feed?: 'endless'): Promise<Ended> {
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP}`, BIN, ...argv], { stdio: 'pipe' });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stdin.on('error', () => {});
  if (feed === undefined) child.stdin.end();
  else {
    const part = 'x: y\n'.repeat(20_000);
    const more = () => {
      while (child.stdin.writable && child.stdin.write(part));
    };
    child.stdin.on('drain', more);
    more();
  }
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}

const document = (body: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n${body}`;

// A busy machine must not fail them: what ends is asked, not how soon.
describe(`within ${HEAP} MiB of heap`, { timeout: 600_000 }, () => {
  test.for([
    { name: 'ten lines that stand for 10^10 values', yaml: aliasBomb, code: 'yaml/alias-bomb' },
    { name: 'a policy of 10^5 rules', yaml: () => ruleFlood(100_000), code: 'schema/items' },
    { name: 'a policy of 10^6 rules', yaml: () => ruleFlood(1_000_000), code: 'input/too-large' },
    { name: 'a list 10^6 levels deep', yaml: () => document(`data: ${'['.repeat(1_000_000)}`), code: 'yaml/syntax' },
    { name: 'braces 10^5 levels deep', yaml: () => document(`data: ${'{a: '.repeat(100_000)}`), code: 'yaml/syntax' },
    {
      name: '10^7 values in one document',
      yaml: () => document(`x:\n${'- [a]\n'.repeat(5e6)}`),
      code: 'input/too-large',
    },
    {
      name: 'a string of 16 MiB',
      yaml: () => document(`data: {a: ${'a'.repeat(2 ** 24)}}`),
      code: 'document/too-large',
    },
  ])('$name: $code', async ({ yaml, code }) => {
    await writeFile(file('hostile.yaml'), yaml());
    const { code: exit, stdout, stderr } = await run(['verify', file('hostile.yaml')]);
    expect({ exit, stdout }).toEqual({ exit: 3, stdout: '' });
    expect(stderr).toMatch(new RegExp(`hostile\\.yaml:\\d+: .*\\[${code}\\]`));
  });

  test('a file of 100 MB is refused unread, as a manifest and as an intent', async () => {
    await writeFile(file('large.yaml'), '');
    await truncate(file('large.yaml'), 100_000_000);
    const manifest = await run(['lint', file('large.yaml')]);
    const intent = await run(['verify', file('victim.yaml'), '--intent', file('large.yaml')]);
    for (const { code, stderr } of [manifest, intent]) {
      expect(code).toBe(3);
      expect(stderr).toMatch(/large\.yaml:1: more than 64 MiB \[input\/too-large\]\n {2}help: .*--max-input/);
    }
  });

  test('standard input without end is left after what --max-input says', async () => {
    const { code, stderr } = await run(['lint', '-', '--max-input', '8'], 'endless');
    expect(code).toBe(3);
    expect(stderr).toContain('stdin:1: more than 8 MiB [input/too-large]');
  });

  test('--max-input that is no size is refused', async () => {
    const { code, stderr } = await run(['lint', file('victim.yaml'), '--max-input', '0']);
    expect(code).toBe(3);
    expect(stderr).toContain('Expected whole MiB from 1 to 4096');
  });

  test('a document of 10^7 values is refused however much input is allowed', async () => {
    await writeFile(file('hostile.yaml'), document(`x:\n${'- [a]\n'.repeat(5e6)}`));
    const { code, stderr } = await run(['lint', file('hostile.yaml'), '--max-input', '4096']);
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('[yaml/too-large]') });
  });

  test('a request of 4 MiB or 10^5 levels is answered as no request, and the next one is decided', async () => {
    const lines = [
      JSON.stringify({ ...CALL, id: 'x'.repeat(2 ** 22) }),
      `{"id":"deep","source":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      JSON.stringify(CALL),
    ];
    await writeFile(file('requests.jsonl'), lines.join('\n'));
    const { code, stdout } = await run(['decide', file('victim.yaml'), '--requests', file('requests.jsonl')]);
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(3);
    expect(answers).toMatchObject([
      { error: { code: 'request/too-large' } },
      { id: 'deep', error: { code: 'request/type' } },
      { id: '1', verdict: 'deny' },
    ]);
  });

  test('200 prefixes across 200 suffixes are proved closed to plaintext, and too many to list', async () => {
    await writeFile(file('hostile.yaml'), crossingAffixes(200));
    const proved = await run(['verify', file('hostile.yaml')]);
    expect(proved.stdout).toContain('proved      no plaintext request is allowed');
    const listed = await run(['reach', file('hostile.yaml')]);
    expect(listed.code).toBe(1);
    expect(listed.stderr).toContain('not decided: `shop/victim` port 8080: more than 20000 classes of calls');
  });

  test('hard 3-SAT ends in an honest unknown, and so does every statement that depends on it', async () => {
    await writeFile(file('hostile.yaml'), threeSat(50, 210, 1));
    const { code, stdout } = await run(['verify', file('hostile.yaml'), '--intent', file('nothing.json')]);
    expect(code).toBe(1);
    expect(stdout).toContain('unknown     what the proxies allow is exactly what is declared');
    expect(stdout).toContain('port 8080: more than 1000000 operations on diagrams');
    expect(stdout).toContain('unknown     every rule matches some request');
    expect(stdout).toContain('unknown     no rule is redundant');
    expect(stdout).not.toContain('refuted');
  });

  test('1,000 blocks of addresses that cross 1,000 of two other kinds are listed', async () => {
    await writeFile(file('hostile.yaml'), crossingBlocks(1000));
    const { code, stdout } = await run(['reach', file('hostile.yaml')]);
    expect(code).toBe(0);
    expect(stdout).toContain('shop/victim:8080 * * if further conditions of the rules');
  });

  test('20,000 headers are more than diagrams are deep', async () => {
    await writeFile(file('hostile.yaml'), manyHeaders(20_000));
    const { code, stderr } = await run(['reach', file('hostile.yaml')]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('classes of attributes') });
  });

  test('10^6 rules over 2,000 objects are refused with the way out', async () => {
    await writeFile(file('hostile.yaml'), manyRules(1_000_000));
    const { code, stderr } = await run(['verify', file('hostile.yaml')]);
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /hostile\.yaml:1: more than \d+ (values|rules .*) in all \[input\/too-large\]\n {2}help: .*--max-input/,
    );
  });

  test('3-SAT that is small is solved: some call satisfies the formula', async () => {
    await writeFile(file('hostile.yaml'), threeSat(12, 30, 1));
    const { code, stdout } = await run(['verify', file('hostile.yaml'), '--intent', file('nothing.json')]);
    expect(code).toBe(2);
    expect(stdout).toMatch(/-> victim:8080 .*: expected deny, got allow/);
  });
});
