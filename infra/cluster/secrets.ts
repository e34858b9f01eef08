/** The Secrets that are made out of band: random passwords and the gateway's certificate, never in a file or argument. */
import { randomBytes, X509Certificate } from 'node:crypto';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import { createAuthority } from '../local/authority.ts';
import type { ClusterAccess } from './access.ts';
import type { KubernetesObject } from './manifests.ts';

/** The role that owns schemas and runs migrations. */
export const ownerRole = 'trading_owner';
/** The database's superuser: it exists because the server's image makes it, and provisions the others. */
export const superuser = 'postgres';

const databaseNamespace = 'data';
const databaseSecret = 'postgres-passwords';
const ingressNamespace = 'istio-ingress';
const ingressSecret = 'ingress-tls';

const dayMs = 86_400_000;
const certificateLifetimeMs = 90 * dayMs;
const renewBeforeMs = 7 * dayMs;

/** Login names and passwords of the database. */
export interface DatabasePasswords {
  readonly superuser: string;
  readonly owner: string;
  /** By role, which has the name of the service's schema. */
  readonly roles: ReadonlyMap<string, string>;
}

/** What the cluster holds, and what has to be written so that nothing is missing. */
export interface SecretsPlan<T> {
  readonly missing: readonly KubernetesObject[];
  readonly value: T;
}

const newPassword = (): string => randomBytes(24).toString('base64url');

function secret(
  namespace: string,
  name: string,
  entries: Readonly<Record<string, string>>,
  type = 'Opaque',
): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type, stringData: entries };
}

/**
 * The passwords of the database. What is in the cluster stays, because the server was initialised with it; what is
 * missing is made.
 */
export async function planDatabaseSecrets(
  access: Pick<ClusterAccess, 'tryFindSecret'>,
  catalog: readonly ServiceDeclaration[],
): Promise<SecretsPlan<DatabasePasswords>> {
  const missing: KubernetesObject[] = [];
  const known = await access.tryFindSecret(databaseNamespace, databaseSecret);
  const superuserPassword = known?.get(superuser) ?? newPassword();
  const owner = known?.get(ownerRole) ?? newPassword();
  if (known?.get(superuser) === undefined || known.get(ownerRole) === undefined)
    missing.push(secret(databaseNamespace, databaseSecret, { [superuser]: superuserPassword, [ownerRole]: owner }));
  const roles = new Map<string, string>();
  for (const { name, namespace, database } of catalog) {
    if (database === undefined) continue;
    const found = (await access.tryFindSecret(namespace, `${name}-database`))?.get('password');
    const password = found ?? newPassword();
    roles.set(database.schema, password);
    if (found === undefined) missing.push(secret(namespace, `${name}-database`, { password }));
  }
  return { missing, value: { superuser: superuserPassword, owner, roles } };
}

/** What clients outside the mesh need to trust. */
export interface EdgeTrust {
  /** PEM of the authority that issued the gateway's certificate. */
  readonly ca: string;
}

/**
 * The ingress gateway's certificate for `host`, of an authority of its own whose key is thrown away. One that is valid
 * for another week stays.
 */
export async function planIngressSecret(
  access: Pick<ClusterAccess, 'tryFindSecret'>,
  host: string,
  now: () => number = Date.now,
): Promise<SecretsPlan<EdgeTrust>> {
  const known = await access.tryFindSecret(ingressNamespace, ingressSecret);
  const [certificate, ca] = [known?.get('tls.crt'), known?.get('ca.crt')];
  if (certificate !== undefined && ca !== undefined && servesUntil(certificate, host, now() + renewBeforeMs))
    return { missing: [], value: { ca } };
  const authority = await createAuthority('meshwright edge');
  const dnsNames = [host, 'localhost', '127.0.0.1'];
  const leaf = await authority.issue({ spiffeId: null, dnsNames, lifetimeMs: certificateLifetimeMs });
  const entries = { 'tls.crt': leaf.certificate, 'tls.key': leaf.privateKey, 'ca.crt': authority.bundle };
  return {
    missing: [secret(ingressNamespace, ingressSecret, entries, 'kubernetes.io/tls')],
    value: { ca: authority.bundle },
  };
}

function servesUntil(pem: string, host: string, momentMs: number): boolean {
  const certificate = new X509Certificate(pem);
  return certificate.checkHost(host) !== undefined && certificate.validToDate.getTime() > momentMs;
}
