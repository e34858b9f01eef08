/** The labels that say who a pod is. */
import type { Labels, Mesh, Workload } from '../../language/mesh.ts';
import { holdsLabels } from '../attachment.ts';

/** The labels by which a Service selects the workload, else those without a prefix, else all. */
export function ownLabels({ services }: Mesh, workload: Workload): Labels {
  for (const { namespace, selector } of services) {
    if (namespace === workload.namespace && selector.kind === 'labels' && holdsLabels(workload.labels, selector.labels))
      return selector.labels;
  }
  const plain = Object.entries(workload.labels).filter(([key]) => !key.includes('/'));
  return plain.length > 0 ? Object.fromEntries(plain) : workload.labels;
}
