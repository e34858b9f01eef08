/** The names that workloads go by. */
import type { Mesh, Workload } from '../language/mesh.ts';

type Account = Pick<Workload, 'namespace' | 'serviceAccount'>;

/** The SPIFFE ID of a workload, under which its proxy calls. */
export function workloadIdentity({ config }: Pick<Mesh, 'config'>, workload: Account): string {
  return accountIdentity(config.trustDomain, workload);
}

/** The SPIFFE ID of whoever runs under an account of a trust domain. */
export function accountIdentity(trustDomain: string, { namespace, serviceAccount }: Account): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}
