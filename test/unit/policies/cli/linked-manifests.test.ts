import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { meshConfigYaml, securityYaml, workloadYaml } from '../../../support/small-mesh.ts';
import { run } from './command-line.ts';

let folder = '';
const file = (...names: readonly string[]) => join(folder, ...names);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshwright-links-'));
  await mkdir(file('shared'));
  await writeFile(file('shared', 'open.yaml'), securityYaml('AuthorizationPolicy', 'a', { rules: [{}] }, 'open'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A folder with a mesh that lets nobody in, and what `more` puts there. */
async function meshWith(name: string, more: (place: string) => Promise<unknown>): Promise<string> {
  await mkdir(file(name));
  const texts = [
    meshConfigYaml({}),
    workloadYaml('a', 'x'),
    securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } }, 'default'),
    securityYaml('AuthorizationPolicy', 'istio-system', {}, 'nothing'),
  ];
  await writeFile(file(name, 'mesh.yaml'), texts.join('\n---\n'));
  await more(file(name));
  return file(name);
}

describe('a folder with links', () => {
  test('is read with the files that they lead to, as kubectl applies it', async () => {
    const mesh = await meshWith('linked', (place) => symlink('../shared/open.yaml', join(place, 'open.yaml')));
    const { code, stdout } = await run(['reach', mesh]);
    expect(code).toBe(0);
    expect(stdout).toContain('spiffe://td/* -> a/x:80');
  });

  test('is refused where one leads nowhere or to a folder', async () => {
    const mesh = await meshWith('broken', async (place) => {
      await symlink('../gone.yaml', join(place, 'gone.yaml'));
      await symlink('../shared', join(place, 'more.yaml'));
    });
    const { code, stderr } = await run(['verify', mesh]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/gone\.yaml:1: no such file \[input\/not-found\]/);
    expect(stderr).toMatch(/more\.yaml:1: expected a file, got a folder \[input\/not-a-file\]/);
  });

  test('is not waited for where one leads to a pipe', async () => {
    const mesh = await meshWith('pipe', async (place) => {
      await promisify(execFile)('mkfifo', [file('pipe.fifo')]);
      await symlink('../pipe.fifo', join(place, 'pipe.yaml'));
    });
    expect((await run(['verify', mesh])).code).toBe(0);
  });
});
