import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Api, ApiCall, Json } from '#policies/cli/live/api.ts';
import { Alterations, type ClusterObject } from '../../../e2e/cluster/alterations.ts';

/** The objects of an API server, by path; each write gives a new version, and a stale one is refused. */
class Objects {
  readonly #objects = new Map<string, Json>();
  #version = 0;

  get(path: string): Json | undefined {
    return this.#objects.get(path);
  }

  get paths(): readonly string[] {
    return [...this.#objects.keys()];
  }

  async send({ method = 'GET', path, body }: ApiCall): Promise<{ status: number; body: Json }> {
    const found = this.#objects.get(path);
    switch (method) {
      case 'GET':
        return found === undefined ? { status: 404, body: {} } : { status: 200, body: found };
      case 'POST': {
        const object = body as ClusterObject;
        return this.#keep(`${path}/${object.metadata.name}`, object);
      }
      case 'PUT': {
        const version = ((body as Json)['metadata'] as Json)['resourceVersion'];
        const stale = version !== (found?.['metadata'] as Json | undefined)?.['resourceVersion'];
        return stale ? { status: 409, body: { message: 'stale' } } : this.#keep(path, body as Json);
      }
      default:
        this.#objects.delete(path);
        return { status: found === undefined ? 404 : 200, body: {} };
    }
  }

  #keep(path: string, object: Json | ClusterObject): { status: number; body: Json } {
    this.#version += 1;
    const metadata = { ...(object['metadata'] as Json), resourceVersion: String(this.#version), uid: 'u' };
    const kept = { ...object, metadata } as Json;
    this.#objects.set(path, kept);
    return { status: 201, body: kept };
  }
}

const sidecar = (hosts: readonly string[]): ClusterObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Sidecar',
  metadata: { name: 'order', namespace: 'trading' },
  spec: { egress: [{ hosts }] },
});

const sidecarPath = '/apis/networking.istio.io/v1/namespaces/trading/sidecars/order';
const namespace: ClusterObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'e2e' } };

describe('alterations of a cluster', () => {
  let folder: string;
  let objects: Objects;
  const file = () => join(folder, 'alterations.json');
  const open = () => Alterations.open(objects as unknown as Api, file());

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshwright-alterations-'));
    objects = new Objects();
    await objects.send({ method: 'POST', path: sidecarPath.slice(0, -'/order'.length), body: sidecar(['./*']) });
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('come back: replaced as before, created gone, deleted there again', async () => {
    const { alterations } = await open();
    await alterations.put(sidecar(['*/*']));
    await alterations.put(namespace);
    expect(objects.get(sidecarPath)).toMatchObject({ spec: { egress: [{ hosts: ['*/*'] }] } });
    await alterations.remove(sidecar([]));
    expect(objects.get(sidecarPath)).toBeUndefined();
    await alterations.restore();
    expect(objects.get(sidecarPath)).toMatchObject({ spec: { egress: [{ hosts: ['./*'] }] } });
    expect(objects.paths).toEqual([sidecarPath]);
  });

  test('come back as far as a mark', async () => {
    const { alterations } = await open();
    await alterations.put(namespace);
    const { mark } = alterations;
    await alterations.put(sidecar(['*/*']));
    await alterations.restoreTo(mark);
    expect(objects.paths).toContain('/api/v1/namespaces/e2e');
    expect(objects.get(sidecarPath)).toMatchObject({ spec: { egress: [{ hosts: ['./*'] }] } });
  });

  test('of a run that was killed are taken back by the next one', async () => {
    const { alterations } = await open();
    await alterations.put(sidecar(['*/*']));
    const { undone } = await open();
    expect(undone).toBe(1);
    expect(objects.get(sidecarPath)).toMatchObject({ spec: { egress: [{ hosts: ['./*'] }] } });
    await expect(readFile(file())).rejects.toThrow('ENOENT');
  });

  test('come back once although two ask for it', async () => {
    const { alterations } = await open();
    await alterations.put(sidecar(['*/*']));
    await Promise.all([alterations.restore(), alterations.restoreTo(0)]);
    expect(objects.get(sidecarPath)).toMatchObject({ spec: { egress: [{ hosts: ['./*'] }] } });
  });

  test('do not delete what is not there: it would prove nothing', async () => {
    const { alterations } = await open();
    await expect(alterations.remove(namespace)).rejects.toThrow('is not there');
  });
});
