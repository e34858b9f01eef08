import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const BIN = join(import.meta.dirname, '../../../../policies/cli/bin.js');
/** No entry of any user list has it. */
const NOBODY_KNOWN = 54_321;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshwright-bin-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number;
}

/** Runs `meshwright --help` in a process of its own with no variables but those given. */
async function started(surroundings: Surroundings): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const child = spawn(process.execPath, [BIN, '--help'], { stdio: 'pipe', ...surroundings });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stdout.resume();
  return { stderr: await text(child.stderr), code: await ended };
}

async function emptyFolder(name: string): Promise<string> {
  const cwd = join(folder, name);
  await mkdir(cwd);
  return cwd;
}

describe('the compiled code of the command line', { timeout: 120_000 }, () => {
  const elsewhere = [
    { title: 'an empty cache folder', env: { XDG_CACHE_HOME: '', HOME: '' } },
    { title: 'a relative cache folder', env: { XDG_CACHE_HOME: 'caches', HOME: '' } },
    { title: 'an empty home', env: { HOME: '' } },
    { title: 'a relative home', env: { HOME: 'home' } },
  ];
  test.for(elsewhere)('is not kept in the folder at hand for $title', async ({ title, env }) => {
    const cwd = await emptyFolder(title);
    expect(await started({ cwd, env })).toEqual({ code: 0, stderr: '' });
    expect(await readdir(cwd)).toEqual([]);
  });

  test('is kept in the cache folder of the user', async () => {
    const home = await emptyFolder('home');
    expect(await started({ cwd: home, env: { HOME: home } })).toEqual({ code: 0, stderr: '' });
    expect(await readdir(join(home, '.cache'))).toEqual(['meshwright']);
    const stated = join(home, 'stated');
    expect(await started({ cwd: home, env: { HOME: home, XDG_CACHE_HOME: stated } })).toEqual({ code: 0, stderr: '' });
    expect(await readdir(stated)).toEqual(['meshwright']);
  });

  test('is kept nowhere where the cache folder cannot be written', async () => {
    const file = join(await emptyFolder('full'), 'file');
    await writeFile(file, '');
    expect(await started({ cwd: folder, env: { XDG_CACHE_HOME: file } })).toEqual({ code: 0, stderr: '' });
  });

  test.skipIf(process.getuid?.() !== 0)(
    'is kept nowhere for a user whom the system does not know (asked by root alone)',
    async () => {
      expect(await started({ cwd: '/', env: {}, uid: NOBODY_KNOWN })).toEqual({ code: 0, stderr: '' });
    },
  );
});
