/**
 * Every version and image pin of the platform, in one place. A digest stands here only where a source that states it
 * could be read; where none could, the exact tag stands alone and `verified` says so.
 */

/** An image by exact tag, and by digest where one could be verified. */
export interface ImagePin {
  readonly repository: string;
  readonly tag: string;
  readonly digest?: string;
  readonly verified: 'digest verified' | 'digest not verified';
}

/** Kubernetes that the manifests are written for; kind 0.33 would pick 1.37 by itself. */
export const kubernetesVersion = '1.36.1';

/** kind that `kind-config.yaml` is written for. */
export const kindVersion = '0.33.0';

/** Istio; 1.30 ends in November 2026. Needs Kubernetes 1.32 or newer. */
export const istioVersion = '1.31.0';

/** Where Istio publishes its release images. */
export const istioHub = 'registry.istio.io/release';

/** The node image of the kind cluster. Source of the digest: the release notes of kind 0.32, which list it for 1.36.1. */
export const kindNodeImage: ImagePin = {
  repository: 'kindest/node',
  tag: `v${kubernetesVersion}`,
  digest: 'sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5',
  verified: 'digest verified',
};

/** Jaeger v2: one binary, uid 10001. */
export const jaegerImage: ImagePin = {
  repository: 'docker.io/jaegertracing/jaeger',
  tag: '2.20.0',
  verified: 'digest not verified',
};

/** PostgreSQL 18, the major that the embedded server of the local mesh has too. */
export const postgresImage: ImagePin = {
  repository: 'docker.io/library/postgres',
  tag: '18.4-bookworm',
  verified: 'digest not verified',
};

/** Base of the service images: Node.js and a C library; nothing is installed into it. */
export const nodeImage: ImagePin = {
  repository: 'docker.io/library/node',
  tag: '26.10.0-bookworm-slim',
  verified: 'digest not verified',
};

/** The reference that a container names: `repository:tag`, with the digest where there is one. */
export function imageReference({ repository, tag, digest }: ImagePin): string {
  return digest === undefined ? `${repository}:${tag}` : `${repository}:${tag}@${digest}`;
}

/** SPIRE's server and agent. */
export const spireVersion = '1.14.5';

const spireImage = (repository: string, tag: string): ImagePin => ({
  repository,
  tag,
  verified: 'digest not verified',
});

/** Runs as any user; signs the certificates. */
export const spireServerImage = spireImage('ghcr.io/spiffe/spire-server', spireVersion);

/** Serves the Workload API and SDS on each node. */
export const spireAgentImage = spireImage('ghcr.io/spiffe/spire-agent', spireVersion);

/** Turns ClusterSPIFFEIDs into registration entries. */
export const spireControllerImage = spireImage('ghcr.io/spiffe/spire-controller-manager', '0.6.4');

/** Mounts the agent's socket folder into pods. */
export const spiffeCsiDriverImage = spireImage('ghcr.io/spiffe/spiffe-csi-driver', '0.2.12');

/** Announces the CSI driver to the kubelet. */
export const csiRegistrarImage = spireImage('registry.k8s.io/sig-storage/csi-node-driver-registrar', 'v2.9.4');
