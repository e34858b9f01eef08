import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CODES } from '#policies/analysis/lint/checks.ts';
import { EXIT_CODES } from '#policies/cli/exit-code.ts';
import { CLEAN, cartPolicy, cartRule, deployment, type Parts } from '../analysis/lint/lint-mesh.ts';
import { faultsBy, run } from './command-line.ts';

const SOURCE = 'services/front/service.ts:7';

/** The clean mesh with an error (a doubled scheme), a suppressed warning and where the policy was generated. */
const FAULTY: Parts = {
  ...CLEAN,
  policy: cartPolicy(
    [
      {
        ...cartRule({ principals: ['spiffe://td/ns/shop/sa/<front>'] }),
        when: [{ key: 'request.headers[x]', values: ['1'] }],
      },
    ],
    {},
    {
      annotations: {
        'meshwright.dev/ignore': 'authz/header-condition the front sets it | always',
        'meshwright.dev/source': `${SOURCE}: front -> Get`,
      },
    },
  ),
};

const CALL = {
  source: { workload: { namespace: 'shop', name: 'front' } },
  destination: { namespace: 'shop', workload: 'cart', port: 8080 },
  http: { method: 'POST', path: '/shop.Cart/Add' },
};

const yaml = (parts: Parts) =>
  Object.values(parts)
    .filter((text) => text !== null)
    .join('\n---\n');
let folder = '';
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshwright-lint-'));
  await writeFile(file('clean.yaml'), yaml(CLEAN));
  await writeFile(file('faulty.yaml'), yaml(FAULTY));
  await writeFile(file('call.json'), JSON.stringify(CALL));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('meshwright lint', () => {
  test('exits 0 without a finding, and says so', async () => {
    const result = await run(['lint', file('clean.yaml')]);
    expect(result).toEqual({
      code: EXIT_CODES.holds,
      stdout: 'lint: 0 errors, 0 warnings, 0 notes, 0 suppressed\n',
      stderr: '',
    });
  });

  test('exits 2 with one, names its line and the source behind it', async () => {
    const result = await run(['lint', '-'], yaml(FAULTY));
    expect(result.code).toBe(EXIT_CODES.refuted);
    expect(result.stdout).toMatch(
      new RegExp(`^stdin:\\d+: error: .* \\[authz/spiffe-prefix\\] \\(from ${SOURCE}\\)$`, 'm'),
    );
    expect(result.stdout).toContain('    suppressed: the front sets it | always');
    expect(result.stdout).toMatch(/^lint: 1 error, 0 warnings, 0 notes, 1 suppressed$/m);
  });

  test.for([
    { failOn: 'error', extra: '', code: EXIT_CODES.holds },
    { failOn: 'warning', extra: '', code: EXIT_CODES.refuted },
    { failOn: 'note', extra: 'note', code: EXIT_CODES.refuted },
  ])('--fail-on $failOn ends with $code', async ({ failOn, extra, code }) => {
    const parts =
      extra === 'note'
        ? { ...CLEAN, namespace: '{apiVersion: v1, kind: Namespace, metadata: {name: shop}}' }
        : { ...CLEAN, rootDeny: '' };
    expect((await run(['lint', '-', '--fail-on', failOn], yaml(parts))).code).toBe(code);
  });

  test('writes out a few findings of a code and counts the rest, errors and --all excepted', async () => {
    const carriers = ['a', 'b', 'c', 'd', 'e'].map((name) =>
      deployment(name, '', 'cart').replace('automountServiceAccountToken: false', 'automountServiceAccountToken: true'),
    );
    const text = [yaml({ ...CLEAN, cart: null }), ...carriers].join('\n---\n');
    const lines = (output: string) => output.split('\n').filter((line) => line.endsWith('[identity/idle-api-token]'));
    const some = (await run(['lint', '-'], text)).stdout;
    expect(lines(some)).toHaveLength(3);
    expect(some).toMatch(/^2 more \[identity\/idle-api-token\]: stdin:\d+, stdin:\d+$/m);
    expect(some).toMatch(/^lint: .* 5 notes/m);
    expect(lines((await run(['lint', '-', '--all'], text)).stdout)).toHaveLength(5);
    const wrong = ['a', 'b', 'c', 'd', 'e'].map((name) => cartRule({ principals: [`spiffe://td/ns/shop/sa/${name}`] }));
    const errors = (await run(['lint', '-'], yaml({ ...CLEAN, policy: cartPolicy(wrong) }))).stdout;
    expect(errors.match(/\[authz\/spiffe-prefix\]$/gm)).toHaveLength(5);
  });

  test('writes JSON by its schema', async () => {
    const { stdout } = await run(['lint', file('faulty.yaml'), '--format', 'json']);
    const json = JSON.parse(stdout);
    expect(await faultsBy('lint', json)).toEqual([]);
    expect(json.findings).toMatchObject([
      {
        code: 'authz/spiffe-prefix',
        severity: 'error',
        object: { kind: 'AuthorizationPolicy', namespace: 'shop', name: 'cart' },
        sources: [{ file: 'services/front/service.ts', line: 7 }],
      },
    ]);
    expect(json.suppressed).toMatchObject([
      { code: 'authz/header-condition', reason: 'the front sets it | always', until: null },
    ]);
  });

  test('writes SARIF: every code a rule, YAML line and source line, suppressions justified', async () => {
    const { stdout } = await run(['lint', file('faulty.yaml'), '--format', 'sarif']);
    const log = JSON.parse(stdout);
    const [{ tool, results }] = log.runs;
    expect(log.version).toBe('2.1.0');
    expect(tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(CODES.map(({ code }) => code));
    expect(results).toMatchObject([
      {
        ruleId: 'authz/spiffe-prefix',
        level: 'error',
        locations: [{ physicalLocation: { region: { startLine: expect.any(Number) } } }],
        relatedLocations: [
          { physicalLocation: { artifactLocation: { uri: 'services/front/service.ts' }, region: { startLine: 7 } } },
        ],
      },
      {
        ruleId: 'authz/header-condition',
        suppressions: [{ kind: 'inSource', justification: 'the front sets it | always' }],
      },
    ]);
    for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex].id).toBe(ruleId);
  });

  test('writes JUnit: a case for each code, escaped', async () => {
    const { stdout } = await run(['lint', file('faulty.yaml'), '--format', 'junit']);
    expect(stdout).toContain(`<testsuite name="lint" tests="${CODES.length}" failures="1" skipped="1">`);
    expect(stdout).toContain('&lt;front&gt;');
    expect(stdout).not.toMatch(/message="[^"]*<front>/);
    expect(stdout.match(/<testcase /g)).toHaveLength(CODES.length);
  });

  test('writes Markdown whose cells hold', async () => {
    const { stdout } = await run(['lint', file('faulty.yaml'), '--format', 'markdown']);
    expect(stdout).toMatch(/^### Meshwright lint: 1 error/);
    expect(stdout).toMatch(/^\| error \| `authz\/spiffe-prefix` \| .*&lt;front>.* \| `.*faulty\.yaml:\d+` \|$/m);
    expect(stdout).toContain('the front sets it \\| always');
  });

  test('--explain prints the paragraph of a code, and `list` names all', async () => {
    const one = await run(['lint', '--explain', 'authz/stray-dash']);
    expect(one).toMatchObject({ code: EXIT_CODES.holds });
    expect(one.stdout).toMatch(/^authz\/stray-dash \(error\): one rule became two\n\n/);
    const all = await run(['lint', '--explain', 'list']);
    expect(all.stdout.trim().split('\n')).toHaveLength(CODES.length);
  });

  test('--on decides which suppressions still count', async () => {
    const expiring = yaml(FAULTY).replace('| always', 'until 2026-06-30');
    const codes = async (on: string) => {
      const { stdout } = await run(['lint', '-', '--format', 'json', '--on', on], expiring);
      return JSON.parse(stdout)
        .findings.map(({ code }: { code: string }) => code)
        .toSorted();
    };
    expect(await codes('2026-06-30')).toEqual(['authz/spiffe-prefix']);
    expect(await codes('2026-07-01')).toEqual(['authz/header-condition', 'authz/spiffe-prefix', 'suppression/expired']);
  });

  test.for([
    { argv: ['lint'], shown: 'missing required argument' },
    { argv: ['lint', 'nowhere'], shown: 'input/not-found' },
    { argv: ['lint', '-', '--on', '2026-02-30'], shown: 'YYYY-MM-DD' },
    { argv: ['lint', '-', '--format', 'xml'], shown: 'sarif' },
    { argv: ['lint', '--explain', 'authz/nothing'], shown: 'no code `authz/nothing`' },
  ])('exits 3 and says why for $argv', async ({ argv, shown }) => {
    const result = await run(argv);
    expect(result.code).toBe(EXIT_CODES.inputInvalid);
    expect(result.stderr).toContain(shown);
  });

  test('exits 3 for a misspelt field, with its line', async () => {
    const result = await run(['lint', '-'], yaml(CLEAN).replace('"principals"', '"principal"'));
    expect(result).toMatchObject({ code: EXIT_CODES.inputInvalid, stdout: '' });
    expect(result.stderr).toMatch(/^stdin:\d+: spec\.rules\[0\]\.from\[0\]\.source\.principal: .*\[unknown-field\//);
  });
});

describe('meshwright explain', () => {
  test.for([
    { name: 'a file', given: () => file('call.json'), stdin: '' },
    { name: 'standard input', given: () => '-', stdin: JSON.stringify(CALL) },
    { name: 'the JSON itself', given: () => JSON.stringify(CALL), stdin: '' },
  ])('takes the request from $name', async ({ given, stdin }) => {
    const result = await run(['explain', file('clean.yaml'), '--request', given()], stdin);
    expect(result).toMatchObject({ code: EXIT_CODES.holds, stderr: '' });
    expect(result.stdout).toMatch(/^DENIED {2}shop\/front -> shop\/cart:8080 {2}POST \/shop\.Cart\/Add\n/);
  });

  test('writes JSON by its schema', async () => {
    const { stdout } = await run(['explain', file('clean.yaml'), '--request', file('call.json'), '--format', 'json']);
    const json = JSON.parse(stdout);
    expect(await faultsBy('explanation', json)).toEqual([]);
    expect(await faultsBy('request', CALL)).toEqual([]);
    expect(await faultsBy('answer', json.answer)).toEqual([]);
    expect(json).toMatchObject({ version: 1, answer: { verdict: 'deny' }, changes: [{ complete: true }, {}] });
  });

  test.for([
    { argv: ['explain', '-', '--request', '-'], shown: 'cannot be both' },
    { argv: ['explain', '-', '--request', 'nowhere.json'], shown: 'input/not-found' },
    { argv: ['explain', '-', '--request', '{'], shown: 'request/json' },
    { argv: ['explain', '-', '--request', '{}'], shown: 'request/missing' },
    {
      argv: [
        'explain',
        '-',
        '--request',
        JSON.stringify({ ...CALL, source: { workload: { namespace: 'shop', name: 'x' } } }),
      ],
      shown: 'request/unknown-workload',
    },
  ])('exits 3 and says why for $argv', async ({ argv, shown }) => {
    const result = await run(argv, yaml(CLEAN));
    expect(result).toMatchObject({ code: EXIT_CODES.inputInvalid, stdout: '' });
    expect(result.stderr).toContain(shown);
  });
});
