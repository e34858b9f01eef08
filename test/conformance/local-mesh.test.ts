import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeLiveCell, type LiveCell, probeMatrix } from '#infra/local/live-matrix.ts';
import { type LocalMesh, type MeshOptions, startMesh } from '#infra/local/mesh.ts';
import { meshFolder } from '../support/mesh-folder.ts';
import { ownAddress } from '../support/own-address.ts';

const folder = await mkdtemp(join(tmpdir(), 'meshwright-conformance-'));
const { dist, state, intent } = await meshFolder(folder);

async function withMesh<T>(options: MeshOptions, body: (mesh: LocalMesh) => Promise<T>): Promise<T> {
  const mesh = await startMesh({ dist, state, address: ownAddress(), database: 'thrownAway', ...options });
  try {
    return await body(mesh);
  } finally {
    await mesh.stop();
  }
}

const broken = (results: readonly LiveCell[]) => results.filter((result) => !result.holds).map(describeLiveCell);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the local mesh', () => {
  let results: readonly LiveCell[] = [];
  beforeAll(async () => {
    results = await withMesh({}, (mesh) => probeMatrix(mesh, intent));
  }, 240_000);

  test('does in every cell what is declared, and the expected layer refuses', () => {
    expect(broken(results)).toEqual([]);
  });

  test('was probed with allowed and denied cells of every layer', () => {
    const layers = new Set(results.map((result) => result.expected.layer));
    expect(layers).toEqual(
      new Set(['reached', 'transport', 'codec', 'request-authentication', 'authorization-policy']),
    );
  });

  test('lets order submit a trade, and nobody else', () => {
    const reached = results
      .filter(({ cell }) => cell.method.http?.path === '/trading.execution.v1.ExecutionService/SubmitTrade')
      .filter(({ answer }) => answer.probed !== null)
      .map(({ cell }) => cell.caller.name);
    expect(reached).toEqual(['order']);
  });
});

describe('a mesh that does not enforce turns the run red', () => {
  test.for([
    { title: 'one sidecar without enforcement', enforcement: 'nothing' },
    { title: 'one sidecar whose decision is always allow', enforcement: 'alwaysAllows' },
  ] as const)('$title', { timeout: 240_000 }, async ({ enforcement }) => {
    const found = await withMesh({ weakened: { workload: 'execution', enforcement } }, (mesh) =>
      probeMatrix(mesh, intent, { tokens: ['none', 'valid'] }),
    );
    expect(broken(found).join('\n')).toContain(
      'risk -> execution POST /trading.execution.v1.ExecutionService/SubmitTrade: expected authorization-policy, got reached execution',
    );
    expect(broken(found).filter((line) => !line.includes('-> execution '))).toEqual([]);
  });
});
