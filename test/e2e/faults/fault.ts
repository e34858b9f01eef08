import type { Cluster } from './cluster.ts';
import type { Bounds, Stage } from './stage.ts';
import type { Stand } from './stand.ts';

/** One way in which the platform is broken on purpose. */
export interface Fault {
  /** Shape: `kill-order`. */
  readonly name: string;
  /** What is done, in words. */
  readonly title: string;
  /** @default - the usual bounds */
  readonly bounds?: Bounds;
  /** Why a cluster cannot have this fault; null when it can. @default - every cluster can */
  readonly appliesTo?: (cluster: Cluster) => Promise<string | null>;
  /** Breaks the platform, watches it, mends it, and checks what no fault may break. */
  readonly run: (stage: Stage, stand: Stand) => Promise<void>;
}
