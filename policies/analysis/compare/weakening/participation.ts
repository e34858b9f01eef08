/** How a workload takes part in the mesh. */

import type { Mesh, Workload } from '../../../language/mesh.ts';
import { isAmbient } from '../../ambient/capture.ts';
import { entrancesBefore, waypointText } from '../../ambient/waypoints.ts';
import { injectionOf } from '../../injection.ts';

/** A way to take part; a higher rank enforces more. */
export interface DataPlane {
  readonly rank: number;
  readonly text: string;
}

/** Sidecar, ambient with or without waypoint, nothing stated, or none. Source: semantics.md 7. */
export function dataPlaneOf(mesh: Mesh, workload: Workload): DataPlane {
  const injection = injectionOf(mesh, workload);
  if (injection === 'on') return { rank: 4, text: 'a sidecar' };
  if (isAmbient(mesh, workload)) {
    const [entrance] = entrancesBefore(mesh, workload);
    return entrance === undefined
      ? { rank: 2, text: 'ambient without waypoint' }
      : { rank: 3, text: `ambient with ${waypointText(entrance.waypoint)}` };
  }
  return injection === 'off' ? { rank: 0, text: 'no proxy' } : { rank: 1, text: 'a sidecar that no label asks for' };
}
