import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writePackage } from '../support/package.ts';
import { synthesized } from '../support/synthesized.ts';

const run = promisify(execFile);

const CALL = {
  id: '1',
  source: { workload: { namespace: 'trading', name: 'risk' } },
  destination: { namespace: 'trading', workload: 'execution', port: 50053 },
  http: { method: 'POST', path: '/trading.execution.v1.ExecutionService/SubmitTrade' },
};

let folder = '';
const bin = () => join(folder, 'empty/node_modules/.bin/meshwright');
const manifests = () => join(folder, 'manifests');

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the installed command as a user would, but for the folder of compiled code: nothing would ever take from there what
 * belongs to an installation that is gone. A command that ends with another code than 0 is no error here.
 */
const meshwright = (...argv: readonly string[]): Promise<Ended> =>
  run(process.execPath, [bin(), ...argv], { env: { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') } }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Ended) => error,
  );

// Slow: compiles, packs and installs. It needs the package registry, and fails where there is none.
describe('the package, packed and installed into an empty folder', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshwright-package-'));
    const tarball = await writePackage(join(folder, 'npm'));
    await mkdir(join(folder, 'empty'));
    await writeFile(join(folder, 'empty/package.json'), '{"private":true}');
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], {
      cwd: join(folder, 'empty'),
    });
    for (const [path, text] of await synthesized('kind')) {
      await mkdir(dirname(join(manifests(), path)), { recursive: true });
      await writeFile(join(manifests(), path), text);
    }
    await writeFile(join(folder, 'calls.jsonl'), JSON.stringify(CALL));
  }, 600_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('keeps what it compiled in the folder for caches', async () => {
    await meshwright('decide', '--help');
    expect(await readdir(join(folder, 'cache/meshwright'))).toHaveLength(1);
  });

  test('brings only what the analysis needs', async () => {
    const installed = await readdir(join(folder, 'empty/node_modules'));
    const { dependencies } = JSON.parse(await readFile(join(folder, 'npm/package.json'), 'utf8'));
    expect(Object.values<string>(dependencies).every((version) => /^\d+\.\d+\.\d+$/.test(version))).toBe(true);
    expect(installed.filter((name) => !name.startsWith('.')).toSorted()).toEqual([
      'argparse',
      'commander',
      'ipaddr.js',
      'js-yaml',
      'meshwright',
    ]);
  });

  test('holds JavaScript and declarations, no TypeScript sources', async () => {
    const files = await readdir(join(folder, 'empty/node_modules/meshwright'), { recursive: true });
    expect(files.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining([
        'cli/bin.js',
        'analysis/index.d.ts',
        ...['lint', 'reach', 'verification', 'difference', 'budget', 'intent'].map(
          (name) => `schemas/${name}.schema.json`,
        ),
        'README.md',
        'LICENSE',
      ]),
    );
  });

  test('decides', async () => {
    const { code, stdout } = await meshwright('decide', manifests(), '--requests', join(folder, 'calls.jsonl'));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ id: '1', verdict: 'deny', layer: 'network-policy' });
  });

  test('lints', async () => {
    const { code, stdout } = await meshwright('lint', manifests(), '--format', 'json', '--fail-on', 'error');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ version: 1 });
  });

  test('explains', async () => {
    const { code, stdout } = await meshwright('explain', manifests(), '--request', JSON.stringify(CALL));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^DENIED {2}trading\/risk -> trading\/execution:50053/);
  });

  test('asks for the client library of clusters only where a cluster is meant', async () => {
    const { code, stderr } = await meshwright('probe', '--context', 'anywhere');
    expect(code).toBe(3);
    expect(stderr).toContain('live/client-missing');
    expect(stderr).toContain('npm install @kubernetes/client-node');
    const { peerDependenciesMeta } = JSON.parse(await readFile(join(folder, 'npm/package.json'), 'utf8'));
    expect(peerDependenciesMeta).toEqual({ '@kubernetes/client-node': { optional: true } });
  });

  test('verifies, without an intent and with one', async () => {
    const baseline = await meshwright('verify', manifests(), '--format', 'json');
    expect(JSON.parse(baseline.stdout)).toMatchObject({ version: 1, intentChecked: false });
    const { code, stdout } = await meshwright('verify', manifests(), '--intent', join(manifests(), 'intent.json'));
    expect(stdout).toMatch(/^proved {6}what the proxies allow is exactly what is declared$/m);
    expect(code).toBe(0);
  });

  test('lists who reaches what', async () => {
    const { code, stdout } = await meshwright('reach', manifests(), '--to', 'execution');
    expect(code).toBe(0);
    expect(stdout).toContain('trading/order -> trading/execution:50053 POST');
  });

  test('compares, and holds the difference against a budget', async () => {
    const policies = join(manifests(), 'manifests/trading/30-policies.yaml');
    const wider = (await readFile(policies, 'utf8')).replaceAll('/sa/order', '/sa/*');
    await mkdir(join(folder, 'wider'), { recursive: true });
    await cp(manifests(), join(folder, 'wider'), { recursive: true });
    await writeFile(join(folder, 'wider/manifests/trading/30-policies.yaml'), wider);
    await writeFile(join(folder, 'budget.yaml'), 'version: 1\n');
    const { code, stdout } = await meshwright(
      'diff',
      manifests(),
      join(folder, 'wider'),
      '--budget',
      join(folder, 'budget.yaml'),
    );
    expect(stdout).toMatch(/^over budget: \d+ added, at most 0 allowed$/m);
    expect(code).toBe(2);
  });

  test('is a plugin that cdk8s finds by the folder of the package and the name of the class', async () => {
    const program = `
      const { MeshwrightValidation } = require('./node_modules/meshwright');
      const report = { addViolation: () => {}, submit: (_, proved) => process.stdout.write(proved['default-deny']) };
      new MeshwrightValidation({ failOn: 'error' }).validate({ manifests: [${JSON.stringify(manifests())}], report });`;
    await writeFile(join(folder, 'empty/plugin.cjs'), program);
    const { stdout } = await run(process.execPath, [join(folder, 'empty/plugin.cjs')], { cwd: join(folder, 'empty') });
    expect(stdout).toBe('proved');
  });

  test('names every verb of the command line', async () => {
    const { stdout } = await meshwright('--help');
    for (const verb of ['decide', 'explain', 'lint', 'probe']) expect(stdout).toMatch(new RegExp(`^  ${verb} `, 'm'));
  });

  test('opens its doors to programs, and only those', async () => {
    const program = `
      const { compile } = await import('meshwright');
      const { readDocuments } = await import('meshwright/language/document');
      const { lint } = await import('meshwright/lint');
      const { MeshwrightValidation } = await import('meshwright/cdk8s');
      const inner = await import('meshwright/analysis/naive.js').catch(({ code }) => code);
      process.stdout.write([typeof compile, typeof readDocuments, typeof lint, typeof MeshwrightValidation, inner].join(' '));`;
    await writeFile(join(folder, 'empty/doors.mjs'), program);
    const { stdout } = await run(process.execPath, [join(folder, 'empty/doors.mjs')]);
    expect(stdout).toBe('function function function function ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});
