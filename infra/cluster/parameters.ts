/** The images and files that a site may bring of its own, from environment variables; the defaults are the public pins. */
import { dirname, join } from 'node:path';
import {
  imageReference,
  istioHub,
  istioVersion,
  jaegerImage,
  kindNodeImage,
  kubernetesVersion,
  nodeImage,
  postgresImage,
} from '../environments/versions.ts';

/** Everything that differs between a site with public registries and one without. */
export interface Parameters {
  /** `KIND_NODE_IMAGE` */
  readonly kindNodeImage: string;
  /** `ISTIO_HUB` and `ISTIO_TAG` */
  readonly istio: { readonly hub: string; readonly tag: string };
  /** `ISTIO_OVERLAY`: an IstioOperator file that istioctl reads after ours. @default - none */
  readonly istioOverlay: string | undefined;
  /** `ISTIO_CHARTS`: the Helm charts that istioctl renders, as the folder above them, beside `profiles`. @default - its own */
  readonly istioCharts: string | undefined;
  /** `SPIRE_MANIFESTS`: a folder applied instead of the rendered SPIRE, file by file in order. @default - the rendered one */
  readonly spireManifests?: string | undefined;
  /** `JAEGER_IMAGE` */
  readonly jaegerImage: string;
  /** `POSTGRES_IMAGE` */
  readonly postgresImage: string;
  /** `NODE_BASE_IMAGE`: what the service images are built on. */
  readonly nodeBaseImage: string;
}

/** The parameters, or every problem, a line each. */
export type ParametersResult =
  | { readonly ok: true; readonly parameters: Parameters }
  | { readonly ok: false; readonly problems: readonly string[] };

/** An image by tag or digest, as a container names it: no blanks, no scheme, never without a version. */
const exactImage = /^[a-z0-9][a-z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})$/;

/**
 * Reads the parameters from environment variables; an empty value counts as absent. `exists` tells whether a path is
 * there. Errors: images without a tag or digest, files and folders that are not there.
 */
export function readParameters(
  env: Readonly<Record<string, string | undefined>>,
  exists: (path: string) => boolean,
): ParametersResult {
  const problems: string[] = [];
  const text = (name: string): string | undefined => env[name]?.trim() || undefined;
  const image = (name: string, fallback: string): string => {
    const value = text(name) ?? fallback;
    if (!exactImage.test(value))
      problems.push(`${name}: expected an image with an exact tag or digest, got \`${value}\``);
    return value;
  };
  const path = (name: string): string | undefined => {
    const value = text(name);
    if (value !== undefined && !exists(value)) problems.push(`${name}: \`${value}\` is not there`);
    return value;
  };
  const charts = (): string | undefined => {
    const value = text('ISTIO_CHARTS');
    if (value === undefined) return undefined;
    // Istio's sources keep charts and profiles side by side, and istioctl wants the folder of both.
    const manifests = [value, dirname(value)].find((folder) => exists(join(folder, 'profiles')));
    if (manifests === undefined)
      problems.push(`ISTIO_CHARTS: neither \`${value}\` nor the folder above holds \`profiles\``);
    return manifests;
  };
  const parameters: Parameters = {
    kindNodeImage: image('KIND_NODE_IMAGE', imageReference(kindNodeImage)),
    istio: { hub: text('ISTIO_HUB') ?? istioHub, tag: text('ISTIO_TAG') ?? istioVersion },
    istioOverlay: path('ISTIO_OVERLAY'),
    istioCharts: charts(),
    spireManifests: path('SPIRE_MANIFESTS'),
    jaegerImage: image('JAEGER_IMAGE', imageReference(jaegerImage)),
    postgresImage: image('POSTGRES_IMAGE', imageReference(postgresImage)),
    nodeBaseImage: image('NODE_BASE_IMAGE', imageReference(nodeImage)),
  };
  return problems.length === 0 ? { ok: true, parameters } : { ok: false, problems };
}

/** The Kubernetes version that a node image's tag names, the pinned one when it names none. Shape: `[1, 36]`. */
export function kubernetesOf(kindNode: string): readonly [number, number] {
  const [, major, minor] = /:v?(\d+)\.(\d+)/.exec(kindNode) ?? /^(\d+)\.(\d+)/.exec(kubernetesVersion) ?? [];
  return [Number(major), Number(minor)];
}
