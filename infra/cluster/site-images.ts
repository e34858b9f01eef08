/** Which images the manifests name, and what each of them is on this site. */
import { imageReference, jaegerImage, postgresImage } from '../environments/versions.ts';
import type { Manifest } from './manifests.ts';
import { imagesOf } from './manifests.ts';
import type { Parameters } from './parameters.ts';
import type { ImageRequest, ServiceImage } from './service-images.ts';

/** The images of the manifests that are built here, by the registry of the environment. */
export function serviceImageRequests(manifests: readonly Manifest[], registry: string): readonly ImageRequest[] {
  const references = new Set(manifests.flatMap(({ object }) => imagesOf(object)));
  return [...references]
    .filter((reference) => reference.startsWith(`${registry}/`))
    .sort()
    .map((reference) => ({ reference, service: reference.slice(registry.length + 1).replace(/:.*$/, '') }));
}

/** What to write instead of the references of the manifests. */
export function imageReplacements(
  parameters: Pick<Parameters, 'jaegerImage' | 'postgresImage'>,
  built: readonly ServiceImage[],
): ReadonlyMap<string, string> {
  return new Map([
    [imageReference(jaegerImage), parameters.jaegerImage],
    [imageReference(postgresImage), parameters.postgresImage],
    ...built.map(({ reference, built: image }) => [reference, image] as const),
  ]);
}

/** The images of others that the node needs besides ours: what the engine holds of them is brought over. */
export function stockImages({ istio, jaegerImage: jaeger, postgresImage: postgres }: Parameters): readonly string[] {
  const ofIstio = ['pilot', 'proxyv2', 'install-cni'].map((name) => `${istio.hub}/${name}:${istio.tag}`);
  return [...ofIstio, jaeger, postgres];
}
