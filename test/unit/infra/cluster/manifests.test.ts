import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  imagesOf,
  type KubernetesObject,
  type Manifest,
  planApplying,
  readManifests,
  withImages,
} from '#infra/cluster/manifests.ts';
import { imageReplacements, serviceImageRequests, stockImages } from '#infra/cluster/site-images.ts';
import { imageReference, jaegerImage } from '#infra/environments/versions.ts';
import { objectsOf } from '../../../support/manifest-object.ts';
import { synthesized } from '../../../support/synthesized.ts';
import { siteParameters } from './site-parameters.ts';

const deployment = (name: string, ...images: readonly string[]): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'trading' },
  spec: {
    replicas: 1,
    template: {
      metadata: { labels: { name } },
      spec: {
        initContainers: [{ name: 'first', image: 'site/first:1' }],
        containers: images.map((image, index) => ({ name: `c${index}`, image, env: [] })),
      },
    },
  },
});

async function rendered(): Promise<readonly Manifest[]> {
  const folder = await mkdtemp(join(tmpdir(), 'meshwright-manifests-'));
  try {
    for (const [path, text] of await synthesized('kind')) {
      await mkdir(join(folder, dirname(path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return await readManifests(join(folder, 'manifests'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the order of applying', async () => {
  const manifests = await rendered();
  const plan = planApplying(manifests, { rootNamespace: 'istio-system', stateful: ['order', 'risk'] });
  const steps = [plan.namespaces, plan.closed, plan.opened, plan.first, plan.afterMigration];
  const stepOf = (object: KubernetesObject): number => steps.findIndex((step) => step.includes(object));
  const podsOf = (namespace: string): readonly KubernetesObject[] =>
    manifests.flatMap(({ object }) =>
      object.metadata.namespace === namespace && imagesOf(object).length > 0 ? [object] : [],
    );

  test('applies every object once', () => {
    expect(steps.flat()).toHaveLength(manifests.length);
    expect(new Set(steps.flat()).size).toBe(manifests.length);
  });

  test('denies, in every namespace and on every layer, in a step before anything is opened or run', () => {
    for (const { metadata } of plan.namespaces) {
      const layers = plan.closed
        .filter((object) => object.metadata.namespace === metadata.name)
        .map(({ kind }) => kind);
      const expected = ['AuthorizationPolicy', 'PeerAuthentication'];
      expect(layers.sort(), metadata.name).toEqual(
        metadata.name === 'istio-system' ? expected : ['AuthorizationPolicy', 'NetworkPolicy', 'PeerAuthentication'],
      );
      for (const pod of podsOf(metadata.name)) expect(stepOf(pod)).toBeGreaterThan(1);
    }
  });

  test('closes the mesh as a whole before its namespaces', () => {
    const firstOther = plan.closed.findIndex(({ metadata }) => metadata.namespace !== 'istio-system');
    const lastOwn = plan.closed.findLastIndex(({ metadata }) => metadata.namespace === 'istio-system');
    expect(lastOwn).toBeLessThan(firstOther);
  });

  test('runs nothing before its policies, and services with tables after their migration', () => {
    expect(plan.opened.filter((object) => imagesOf(object).length > 0)).toEqual([]);
    expect(plan.afterMigration.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(['order', 'risk']));
    expect(plan.first.map(({ metadata }) => metadata.name)).not.toContain('order');
    expect(plan.first.map(({ metadata }) => metadata.name)).toContain('postgres');
  });
});

describe('the images of a site', () => {
  test('take the place of those of the manifests, in every container, and nothing else changes', () => {
    const before = deployment('order', 'public/order:1', 'public/other:1');
    const after = withImages(
      before,
      new Map([
        ['public/order:1', 'site/order:1-abc'],
        ['site/first:1', 'site/first:2'],
      ]),
    );
    expect(imagesOf(after)).toEqual(['site/first:2', 'site/order:1-abc', 'public/other:1']);
    const back = withImages(
      after,
      new Map([
        ['site/order:1-abc', 'public/order:1'],
        ['site/first:2', 'site/first:1'],
      ]),
    );
    expect(back).toEqual(before);
  });

  test('leave objects without pods alone', () => {
    const service: KubernetesObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'order' },
      spec: { ports: [] },
    };
    expect(withImages(service, new Map([['a:1', 'b:1']]))).toBe(service);
  });

  test('cover every image of the rendered manifests', async () => {
    const manifests = await rendered();
    const requests = serviceImageRequests(manifests, 'localhost/meshwright');
    expect(requests.map(({ service }) => service)).toEqual([
      'execution',
      'gateway',
      'market-data',
      'order',
      'portfolio',
      'risk',
    ]);
    const built = requests.map((request) => ({
      ...request,
      built: `${request.reference}-x`,
      outcome: 'built' as const,
    }));
    const replaced = imageReplacements({ jaegerImage: 'site/jaeger:2', postgresImage: 'site/postgres:18' }, built);
    const named = new Set(manifests.flatMap(({ object }) => imagesOf(object)));
    named.delete('auto');
    expect([...named].filter((image) => !replaced.has(image))).toEqual([]);
    expect(replaced.get(imageReference(jaegerImage))).toBe('site/jaeger:2');
  });

  test('name what the node needs besides', () => {
    expect(stockImages(siteParameters)).toEqual([
      'site/istio/pilot:1.31.9',
      'site/istio/proxyv2:1.31.9',
      'site/istio/install-cni:1.31.9',
      'site/jaeger:2',
      'site/postgres:18',
    ]);
  });
});

test('manifests are read as they were written, file by file', async () => {
  const written = objectsOf(await synthesized('kind')).map((object) => JSON.stringify(object));
  expect((await rendered()).map(({ object }) => JSON.stringify(object)).sort()).toEqual(written.sort());
});
