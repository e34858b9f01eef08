/** Who signed the certificate of every pod of the mesh, for whom, and for how long. */
import type { V1Pod } from '@kubernetes/client-node';
import type { ClusterAccess } from '#infra/cluster/access.ts';
import { readCertificate } from '#infra/cluster/certificates.ts';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';

/** What a certificate is to be. */
export interface ExpectedCertificates {
  readonly trustDomain: string;
  /** Part of the issuer's name that no other authority has: `CN=SPIRE stand-in 1`, or `O=trading.local` for istiod. */
  readonly issuer: string;
  readonly lifetimeAtMostMs: number;
}

/** One pod's certificate; `faults` is empty when it is as expected. */
export interface IdentityRow {
  readonly pod: string;
  readonly spiffeId: string;
  readonly issuer: string;
  readonly lifetimeMs: number;
  readonly faults: readonly string[];
}

const hasProxy = ({ spec }: V1Pod): boolean =>
  [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].some(({ name }) => name === 'istio-proxy');

const isRunning = ({ metadata, status }: V1Pod): boolean =>
  status?.phase === 'Running' && metadata?.deletionTimestamp === undefined;

/** The running pods of the catalog's workloads, found by account; each has a proxy, or the mesh has a hole. */
async function podsOf(access: ClusterAccess, catalog: readonly ServiceDeclaration[]): Promise<readonly V1Pod[]> {
  const names = new Set(catalog.map(({ namespace, name }) => `${namespace}/${name}`));
  return (await access.pods())
    .filter(isRunning)
    .filter(({ metadata }) =>
      names.has(`${metadata?.namespace}/${metadata?.labels?.['app.kubernetes.io/name'] ?? ''}`),
    );
}

/** How a label of the pod's own template decides who must have signed: a pod that missed the injection keeps the label. */
export function expectedByLabel({ metadata }: V1Pod, trustDomain: string): ExpectedCertificates {
  return metadata?.labels?.['spiffe.io/spire-managed-identity'] === 'true'
    ? { trustDomain, issuer: 'O=SPIRE', lifetimeAtMostMs: 61 * 60_000 }
    : { trustDomain, issuer: `O=${trustDomain}`, lifetimeAtMostMs: 25 * 3_600_000 };
}

async function judge(access: ClusterAccess, pod: V1Pod, expected: ExpectedCertificates): Promise<IdentityRow> {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  const faults: string[] = [];
  const leaf = hasProxy(pod) ? await readCertificate(access, { namespace, pod: name }) : undefined;
  if (leaf === undefined)
    return { pod: `${namespace}/${name}`, spiffeId: '', issuer: '', lifetimeMs: 0, faults: ['no certificate'] };
  const lifetimeMs = leaf.notAfter.getTime() - leaf.notBefore.getTime();
  const spiffeId = `spiffe://${expected.trustDomain}/ns/${namespace}/sa/${pod.spec?.serviceAccountName}`;
  if (leaf.spiffeId !== spiffeId) faults.push(`expected ${spiffeId}, got ${leaf.spiffeId}`);
  if (!leaf.issuer.includes(expected.issuer)) faults.push(`expected issuer ${expected.issuer}, got ${leaf.issuer}`);
  if (lifetimeMs > expected.lifetimeAtMostMs) faults.push(`lives ${lifetimeMs / 60_000} minutes`);
  return { pod: `${namespace}/${name}`, spiffeId: leaf.spiffeId, issuer: leaf.issuer, lifetimeMs, faults };
}

/**
 * Reads and judges the certificate of every pod of the catalog; a workload without a running pod is a row with a fault.
 * Errors: rejects when a proxy does not answer.
 */
export async function checkIdentities(
  access: ClusterAccess,
  catalog: readonly ServiceDeclaration[],
  {
    trustDomain,
    expectedOf,
  }: { readonly trustDomain: string; readonly expectedOf: (pod: V1Pod) => ExpectedCertificates },
): Promise<readonly IdentityRow[]> {
  const rows: IdentityRow[] = [];
  for (const pod of await podsOf(access, catalog)) rows.push(await judge(access, pod, expectedOf(pod)));
  const found = new Set(rows.map(({ spiffeId }) => spiffeId));
  const missing = catalog
    .map(({ namespace, serviceAccount }) => `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`)
    .filter((id) => !found.has(id))
    .map((id) => ({ pod: 'none', spiffeId: id, issuer: '', lifetimeMs: 0, faults: ['no running pod has it'] }));
  return [...rows, ...missing];
}
