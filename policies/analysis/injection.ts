/** Whether workloads have sidecars. */
import type { Mesh, Workload } from '../language/mesh.ts';
import { tryFindNamespace } from './namespace.ts';

/** Whether a workload has a sidecar: its own word, else its namespace's. */
export function injectionOf(mesh: Mesh, workload: Workload): 'on' | 'off' | 'unstated' {
  if (workload.injection !== 'unstated') return workload.injection;
  return tryFindNamespace(mesh, workload.namespace)?.injection ?? 'unstated';
}
