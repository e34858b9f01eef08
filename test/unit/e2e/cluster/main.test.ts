import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../../e2e/cluster/main.ts', import.meta.url));
let folder = '';

const run = (...argv: readonly string[]): Promise<{ readonly code: number; readonly errors: string }> =>
  new Promise((resolve) => {
    const env = { ...process.env, KUBECONFIG: join(folder, 'config') };
    const child = execFile(process.execPath, [program, ...argv], { env }, (_error, _stdout, errors) =>
      resolve({ code: child.exitCode ?? 0, errors }),
    );
  });

describe('make e2e where it cannot run', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshwright-e2e-'));
    const empty = { apiVersion: 'v1', kind: 'Config', clusters: [], users: [], contexts: [] };
    await writeFile(join(folder, 'config'), JSON.stringify(empty));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('says what is missing and how to get it, and is no success', async () => {
    const { code, errors } = await run();
    expect(code).toBe(1);
    expect(errors).toContain('e2e cannot run');
    expect(errors).toContain('make up');
  });

  test('refuses a cluster that is no kind cluster, since it takes policies away', async () => {
    const { code, errors } = await run('--context', 'production');
    expect([code, errors]).toEqual([1, expect.stringContaining('kind clusters only')]);
  });
});
