/** A cluster of a few objects behind an API server of the tests' own, and a kubeconfig that names it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { type FakeApiServer, kubeconfig, type Served, startApiServer } from './api-server.ts';
import { smallCluster } from './small-cluster.ts';

/** What one test works with. */
export interface ServedCluster {
  readonly server: FakeApiServer;
  /** The path of a file in a folder that goes with the test. */
  readonly file: (name: string) => string;
}

/**
 * Around each test of the present suite: the small cluster, with `more` beside it or in its place, is served, and
 * KUBECONFIG names it as the context `here`. The returned function gives the cluster of the running test.
 */
export function servedCluster(more: readonly (readonly [path: string, served: Served])[] = []): () => ServedCluster {
  const before = process.env['KUBECONFIG'];
  let current: (ServedCluster & { readonly folder: string }) | undefined;
  beforeEach(async () => {
    const server = await startApiServer();
    for (const [path, served] of [...smallCluster(), ...more]) server.served.set(path, served);
    const folder = await mkdtemp(join(tmpdir(), 'meshwright-live-'));
    current = { server, folder, file: (name) => join(folder, name) };
    process.env['KUBECONFIG'] = current.file('config');
    await writeFile(current.file('config'), kubeconfig(server));
  });
  afterEach(async () => {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
    await current?.server.close();
    if (current !== undefined) await rm(current.folder, { recursive: true, force: true });
  });
  return () => {
    if (current === undefined) throw new Error('no test is running');
    return current;
  };
}
