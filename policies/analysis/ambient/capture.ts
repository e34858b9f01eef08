/** Which data plane carries a workload's traffic. Source: semantics.md 12; istio `cni/pkg/util.PodRedirectionEnabled`. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { parseCapture } from '../../language/parse-ambient.ts';
import { isGateway } from '../attachment.ts';
import { injectionOf } from '../injection.ts';
import { tryFindNamespace } from '../namespace.ts';

/** The label of every verdict about ambient: nothing of it has been compared with running proxies. */
export const NOT_EXECUTED = 'from documentation, not executed';

/** True iff the workload takes part in the mesh: ztunnel captures it, or nothing says that it has no sidecar. */
export function isInMesh(mesh: Mesh, workload: Workload): boolean {
  return injectionOf(mesh, workload) !== 'off' || isAmbient(mesh, workload);
}

/** What every proof about a mesh assumes that has ambient workloads; nothing for any other. */
export function ambientLabels(mesh: Mesh, workloads: readonly Workload[]): readonly string[] {
  return workloads.some((workload) => isAmbient(mesh, workload))
    ? [`ztunnel and waypoints decide as documented: ${NOT_EXECUTED}`]
    : [];
}

/** The port of HBONE, the tunnel between ztunnels, waypoints and sidecars. */
export const HBONE = 15_008;

/**
 * True iff ztunnel captures the workload's traffic: its own label says so, else its namespace's. A sidecar that is asked
 * for wins, pods of the host's network are never captured, and a gateway has a proxy of its own.
 */
export function isAmbient(mesh: Mesh, workload: Workload): boolean {
  if (workload.capture === 'none') return false;
  const namespace = tryFindNamespace(mesh, workload.namespace);
  if (workload.capture === 'unstated' && parseCapture(namespace?.labels ?? {}) !== 'ambient') return false;
  if (injectionOf(mesh, workload) === 'on') return false;
  return !isGateway(mesh, workload);
}
