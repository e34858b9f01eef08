/** How a workload takes part in the mesh. */

import type { Mesh, Workload } from '../../../language/mesh.ts';
import { injectionOf } from '../../injection.ts';
import { tryFindNamespace } from '../../namespace.ts';

/** A way to take part; a higher rank enforces more. */
export interface DataPlane {
  readonly rank: number;
  readonly text: string;
}

const LABEL = 'istio.io/dataplane-mode';

/** Sidecar, ambient with or without waypoint, nothing stated, or none. Source: semantics.md 7. */
export function dataPlaneOf(mesh: Mesh, workload: Workload): DataPlane {
  const labels = tryFindNamespace(mesh, workload.namespace)?.labels ?? {};
  const mode = workload.labels[LABEL] ?? labels[LABEL];
  const injection = injectionOf(mesh, workload);
  if (injection === 'on') return { rank: 4, text: 'a sidecar' };
  if (mode === 'ambient') {
    const waypoint = workload.labels['istio.io/use-waypoint'] ?? labels['istio.io/use-waypoint'];
    return waypoint === undefined || waypoint === 'none'
      ? { rank: 2, text: 'ambient without waypoint' }
      : { rank: 3, text: `ambient with waypoint \`${waypoint}\`` };
  }
  return injection === 'off' ? { rank: 0, text: 'no proxy' } : { rank: 1, text: 'a sidecar that no label asks for' };
}
