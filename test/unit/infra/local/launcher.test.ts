import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { meshFolder } from '../../../support/mesh-folder.ts';
import { ownAddress } from '../../../support/own-address.ts';
import { eventually } from './slice/echo-client.ts';

const launcher = new URL('../../../../infra/local/main.ts', import.meta.url).pathname;
const address = ownAddress();

let folder: string;
const started: ChildProcess[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mw-up-'));
  // Started as root, the database runs as another user, who must be able to pass through.
  chmodSync(folder, 0o711);
  mkdirSync(join(folder, 'tmp'), { mode: 0o711 });
  await meshFolder(folder);
  symlinkSync(join(folder, 'state'), join(folder, '.meshwright'));
  chmodSync(join(folder, 'state'), 0o711);
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Launched {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
}

function up(env: Readonly<Record<string, string>> = {}): Launched {
  return launch(['up', '--address', address, '--dist', join(folder, 'dist')], env);
}

function launch(args: readonly string[], env: Readonly<Record<string, string>> = {}): Launched {
  const child = spawn(process.execPath, [launcher, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], TMPDIR: join(folder, 'tmp'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
  }
  return { child, ended: once(child, 'close').then(([code]) => code as number | null), output: () => text };
}

async function said(mesh: Launched, words: string): Promise<void> {
  await Promise.race([
    (async () => {
      while (!mesh.output().includes(words)) await new Promise((resolve) => setTimeout(resolve, 20));
    })(),
    mesh.ended.then(() => Promise.reject(new Error(`ended without saying \`${words}\`: ${mesh.output()}`))),
  ]);
}

/** Process ids and names of the launcher's children. */
function childrenOf(pid: number | undefined): ReadonlyMap<number, string> {
  const ids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  return new Map(ids.map((id) => [id, readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ')]));
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const leftOvers = (children: ReadonlyMap<number, string>): readonly string[] =>
  [...children].filter(([pid]) => isAlive(pid)).map(([, name]) => name);

describe.skipIf(process.platform !== 'linux')('the launcher', { timeout: 90_000 }, () => {
  test('serves, refuses a second mesh at the same address, and leaves nothing at Ctrl-C', async () => {
    const mesh = up();
    await said(mesh, 'ready after');
    const children = childrenOf(mesh.child.pid);
    expect(children.size).toBe(16);
    const second = up();
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(`busy ports on ${address}`);
    expect(second.output()).toContain('50051 (order)');
    mesh.child.kill('SIGINT');
    expect(await mesh.ended).toBe(0);
    expect(leftOvers(children)).toEqual([]);
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
  });

  test('stops what it has started when interrupted half way', async () => {
    const mesh = up();
    await said(mesh, 'certificates:');
    mesh.child.kill('SIGINT');
    expect(await mesh.ended).toBe(1);
    expect(mesh.output()).toMatch(/^interrupted\n$/m);
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
  });

  test('tells a database that cannot be reached, and leaves nothing', async () => {
    const mesh = up({ DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' });
    expect(await mesh.ended).toBe(1);
    expect(mesh.output()).toMatch(
      /^cannot prepare the database at 127\.0\.0\.1:1: .*ECONNREFUSED.*\ncheck DATABASE_URL/m,
    );
    expect(mesh.output()).not.toContain('    at ');
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
  });

  test.each([
    ['a missing intent.json', 'intent.json: cannot be read: ENOENT', { 'a.yaml': '' }],
    ['an intent that is no JSON', 'intent.json: expected JSON', { 'a.yaml': '', 'intent.json': '{' }],
    [
      'an intent of another shape',
      'intent.json: grants: intent/type',
      { 'a.yaml': '', 'intent.json': '{"version":1}' },
    ],
    ['no manifests', 'no manifests in', {}],
  ])('verify refuses %s with code 3', async (_, words, files) => {
    const dist = mkdtempSync(join(folder, 'dist-'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dist, name), text);
    const verified = launch(['verify', '--dist', dist]);
    expect(await verified.ended).toBe(3);
    expect(verified.output()).toContain(words);
    expect(verified.output()).not.toContain('    at ');
  });

  test('verify names the workloads that empty manifests lack, also when no grant asks for a user', async () => {
    const dist = mkdtempSync(join(folder, 'dist-'));
    writeFileSync(join(dist, 'a.yaml'), '');
    writeFileSync(join(dist, 'intent.json'), '{"version":1,"trustDomain":"trading.local","grants":[],"platform":[]}');
    const verified = launch(['verify', '--dist', dist]);
    expect(await verified.ended).toBe(3);
    expect(verified.output()).toMatch(/^the manifests lack the workloads .*trading\/order/);
  });

  test('refuses a DATABASE_URL that is none with code 3', async () => {
    const mesh = up({ DATABASE_URL: 'garbage' });
    expect(await mesh.ended).toBe(3);
    expect(mesh.output()).toMatch(/^DATABASE_URL: expected postgres:/);
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
  });

  test('names a crashed child, stops the others and fails', async () => {
    const mesh = up();
    await said(mesh, 'ready after');
    const children = childrenOf(mesh.child.pid);
    const [risk] = [...children].find(([, command]) => command.includes('services/risk/main.ts')) ?? [0];
    process.kill(risk, 'SIGKILL');
    expect(await mesh.ended).toBe(1);
    expect(mesh.output()).toContain('`risk` ended with signal SIGKILL');
    expect(leftOvers(children)).toEqual([]);
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
  });

  const session = () => launch(['demo', '--address', address, '--dist', join(folder, 'dist'), '--orders', '5000']);

  test('says of a demo that was interrupted just that', async () => {
    const demo = session();
    await said(demo, 'accounts funded');
    const children = childrenOf(demo.child.pid);
    demo.child.kill('SIGINT');
    expect(await demo.ended).toBe(1);
    expect(demo.output()).toMatch(/\ninterrupted\n$/);
    expect(demo.output()).not.toContain('    at ');
    expect(leftOvers(children)).toEqual([]);
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
  });

  test('names the child that crashed in a demo, without a stack', async () => {
    const demo = session();
    await said(demo, 'accounts funded');
    const children = childrenOf(demo.child.pid);
    const [risk] = [...children].find(([, command]) => command.includes('services/risk/main.ts')) ?? [0];
    process.kill(risk, 'SIGKILL');
    expect(await demo.ended).toBe(1);
    expect(demo.output()).toContain('the mesh broke: `risk` ended with signal SIGKILL');
    expect(demo.output()).not.toContain('    at ');
    expect(leftOvers(children)).toEqual([]);
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
  });

  test('killed outright, takes its programs along, and the next start names the database that is left', async () => {
    const mesh = up();
    await said(mesh, 'ready after');
    const children = childrenOf(mesh.child.pid);
    const [database] = [...children].find(([, command]) => command.includes('bin/postgres')) ?? [0];
    mesh.child.kill('SIGKILL');
    await mesh.ended;
    await eventually('only the database is left', () => leftOvers(children).length === 1 && isAlive(database));
    const next = up();
    expect(await next.ended).toBe(1);
    expect(next.output()).toContain(`in use by a PostgreSQL server, process ${database}`);
    process.kill(database, 'SIGINT');
    await eventually('the database has ended', () => !isAlive(database));
  });
});
