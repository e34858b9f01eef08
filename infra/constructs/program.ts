/** What runs in a pod: data that the `Workload` construct turns into a Deployment or StatefulSet. */
import type { Resources } from '../environments/index.ts';

/** A named container port. */
export interface NamedPort {
  readonly name: string;
  readonly number: number;
}

/** How the kubelet asks; the proxy passes the question on, so STRICT does not stand in its way. */
export type Probe =
  | { readonly kind: 'grpc'; readonly port: number }
  | { readonly kind: 'http'; readonly port: number; readonly path: string }
  | { readonly kind: 'tcp'; readonly port: number };

/** A folder inside the container and what it shows. Secrets are named, never written. */
export type Mount =
  | { readonly kind: 'scratch'; readonly name: string; readonly path: string; readonly sizeLimit: string }
  | { readonly kind: 'secret'; readonly name: string; readonly path: string; readonly secretName: string }
  | { readonly kind: 'configuration'; readonly name: string; readonly path: string; readonly configMapName: string }
  | { readonly kind: 'claim'; readonly name: string; readonly path: string; readonly storage: string };

/** One program with everything that its container needs. */
export interface Program {
  readonly containerName: string;
  readonly image: string;
  /** @default - the image's own */
  readonly command?: readonly string[];
  /** @default - the image's own */
  readonly args?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Variables whose values are keys of Secrets, for programs that read no files. @default - none */
  readonly secretEnvironment?: Readonly<Record<string, { readonly secretName: string; readonly key: string }>>;
  readonly ports: readonly NamedPort[];
  readonly mounts: readonly Mount[];
  /** Ready for traffic. */
  readonly readiness: Probe;
  /** Alive at all; says less than `readiness`, so that a lost dependency restarts nobody. */
  readonly liveness: Probe;
  readonly resources: Resources;
  /** User and group; above 10000, so that it is nobody's on the node. */
  readonly uid: number;
  /** Why `uid` is below 10000 all the same; an annotation of the pod. @default - it is not */
  readonly uidReason?: string;
  readonly graceSeconds: number;
  /** @default - none */
  readonly podLabels?: Readonly<Record<string, string>>;
  /** @default - none */
  readonly podAnnotations?: Readonly<Record<string, string>>;
}

/** How many pods there are and how they are replaced. */
export type Placement =
  /** Exactly one, and the old one is gone before the new one starts. */
  | { readonly kind: 'single' }
  /** Exactly one with a volume of its own. */
  | { readonly kind: 'singleWithVolume' }
  | { readonly kind: 'fixed'; readonly replicas: number }
  /** The autoscaler sets the number; the pods spread over nodes and zones. */
  | { readonly kind: 'scaled'; readonly minimum: number; readonly maximum: number; readonly cpuPercent: number };
