/** The names that workloads go by. */
import type { Mesh, Workload } from '../language/mesh.ts';

/** The SPIFFE ID of a workload, under which its proxy calls. */
export function workloadIdentity(
  { config }: Pick<Mesh, 'config'>,
  { namespace, serviceAccount }: Pick<Workload, 'namespace' | 'serviceAccount'>,
): string {
  return `spiffe://${config.trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}
