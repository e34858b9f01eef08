import { describe, expect, test } from 'vitest';
import { kubernetesOf, readParameters } from '#infra/cluster/parameters.ts';
import { imageReference, kindNodeImage, postgresImage } from '#infra/environments/versions.ts';

const nothing = (): boolean => false;
const everything = (): boolean => true;

describe('the parameters of a site', () => {
  test('are the public pins when nothing is set, or set to nothing', () => {
    const result = readParameters({ POSTGRES_IMAGE: '', ISTIO_OVERLAY: ' ' }, nothing);
    expect(result).toMatchObject({
      ok: true,
      parameters: {
        kindNodeImage: imageReference(kindNodeImage),
        postgresImage: imageReference(postgresImage),
        istio: { hub: 'registry.istio.io/release', tag: '1.31.0' },
        istioOverlay: undefined,
      },
    });
  });

  test('are those of the environment', () => {
    const env = {
      KIND_NODE_IMAGE: 'site/node:v1.36.1',
      ISTIO_HUB: 'site.example:5000/istio',
      ISTIO_TAG: '1.31.2',
      ISTIO_OVERLAY: '/etc/site/istio.yaml',
      ISTIO_CHARTS: '/etc/site/charts',
      JAEGER_IMAGE: `site/jaeger@sha256:${'0'.repeat(64)}`,
      POSTGRES_IMAGE: 'site/postgres:18',
      NODE_BASE_IMAGE: 'site.example:5000/node:26',
    };
    expect(readParameters(env, everything)).toEqual({
      ok: true,
      parameters: {
        kindNodeImage: env.KIND_NODE_IMAGE,
        istio: { hub: env.ISTIO_HUB, tag: env.ISTIO_TAG },
        istioOverlay: env.ISTIO_OVERLAY,
        istioCharts: env.ISTIO_CHARTS,
        jaegerImage: env.JAEGER_IMAGE,
        postgresImage: env.POSTGRES_IMAGE,
        nodeBaseImage: env.NODE_BASE_IMAGE,
      },
    });
  });

  test.for([
    { title: 'the folder above the charts', given: '/site/manifests' },
    { title: 'the charts themselves', given: '/site/manifests/charts' },
  ])('lead istioctl to its manifests by $title', ({ given }) => {
    const result = readParameters({ ISTIO_CHARTS: given }, (path) => path === '/site/manifests/profiles');
    expect(result.ok && result.parameters.istioCharts).toBe('/site/manifests');
  });

  test.for([
    { title: 'an image without a tag', env: { JAEGER_IMAGE: 'site.example:5000/jaeger' }, name: 'JAEGER_IMAGE' },
    { title: 'an option in disguise', env: { NODE_BASE_IMAGE: '--privileged:1' }, name: 'NODE_BASE_IMAGE' },
    { title: 'a blank in an image', env: { POSTGRES_IMAGE: 'site/postgres :18' }, name: 'POSTGRES_IMAGE' },
    { title: 'an overlay that is not there', env: { ISTIO_OVERLAY: '/nowhere.yaml' }, name: 'ISTIO_OVERLAY' },
    { title: 'charts that are not there', env: { ISTIO_CHARTS: '/nowhere' }, name: 'ISTIO_CHARTS' },
  ])('refuse $title', ({ env, name }) => {
    const result = readParameters(env, nothing);
    expect(result.ok ? [] : result.problems).toEqual([expect.stringMatching(`^${name}: `)]);
  });

  test('tell every problem at once', () => {
    const result = readParameters({ JAEGER_IMAGE: 'x', POSTGRES_IMAGE: 'y', ISTIO_CHARTS: '/z' }, nothing);
    expect(result.ok ? 0 : result.problems).toHaveLength(3);
  });
});

test.for([
  { image: 'kindest/node:v1.36.1@sha256:34', version: [1, 36] },
  { image: 'site.example:5000/node:v1.34.9', version: [1, 34] },
  { image: 'site.example/node@sha256:00', version: [1, 36] },
])('the Kubernetes of $image is $version', ({ image, version }) => {
  expect(kubernetesOf(image)).toEqual(version);
});
