/** The model of the ambient data plane: which pods ztunnel captures, and which waypoints stand before Services and pods. */
import type { LabelSelector, Named } from './mesh.ts';

/** Whether ztunnel captures a pod: `unstated` when no label says so. A pod of the host's network is never captured. */
export type Capture = 'ambient' | 'none' | 'unstated';

/** Which waypoint an object's own labels ask for; `namespace` null is the object's own. */
export type WaypointUse =
  | { readonly kind: 'unstated' }
  /** The label says `none`: also not the namespace's waypoint. */
  | { readonly kind: 'none' }
  | { readonly kind: 'named'; readonly namespace: string | null; readonly name: string };

/** A waypoint: a Gateway of the Gateway API whose class is `istio-waypoint`. */
export interface Waypoint extends Named {
  /** What it stands before: calls to Services, calls to pods, or both. */
  readonly traffic: 'service' | 'workload' | 'all' | 'none';
  /** The account that its pods run under, as far as the Gateway says. */
  readonly serviceAccount: string;
  /** Which namespaces may use it. */
  readonly users:
    | { readonly kind: 'own' }
    | { readonly kind: 'all' }
    | { readonly kind: 'selected'; readonly selector: LabelSelector };
}
