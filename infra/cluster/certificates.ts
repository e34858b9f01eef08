/** The certificate that a proxy holds at this moment, read from its own admin port. */
import { X509Certificate } from 'node:crypto';
import { request } from 'undici';
import type { ClusterAccess } from './access.ts';
import { forwardPort } from './port-forward.ts';

/** What a leaf certificate says. */
export interface LeafCertificate {
  readonly spiffeId: string;
  /** One line: `O=trading.local`. */
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly serial: string;
}

const adminPort = 15_000;

interface SecretsDump {
  readonly configs?: readonly {
    readonly name?: string;
    readonly secret?: {
      readonly tls_certificate?: { readonly certificate_chain?: { readonly inline_bytes?: string } };
    };
  }[];
}

/** The workload certificate in Envoy's answer to `/config_dump?resource=dynamic_active_secrets`, undefined when it has none yet. */
export function tryFindLeaf(dump: unknown): LeafCertificate | undefined {
  const { configs = [] } = dump as SecretsDump;
  const chain = configs.find(({ name }) => name === 'default')?.secret?.tls_certificate?.certificate_chain;
  if (chain?.inline_bytes === undefined) return undefined;
  // The leaf comes first; a reader of one certificate stops behind it.
  const leaf = new X509Certificate(Buffer.from(chain.inline_bytes, 'base64'));
  return {
    spiffeId: /URI:(spiffe:[^,\s]+)/.exec(leaf.subjectAltName ?? '')?.[1] ?? '',
    issuer: leaf.issuer.split('\n').join(', '),
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
    serial: leaf.serialNumber,
  };
}

/** Asks the proxy of one pod for its certificate; undefined when it has none yet. Errors: rejects when it does not answer. */
export async function readCertificate(
  access: ClusterAccess,
  pod: { readonly namespace: string; readonly pod: string },
): Promise<LeafCertificate | undefined> {
  await using forwarded = await forwardPort(access, { ...pod, port: adminPort });
  const url = `http://127.0.0.1:${forwarded.port}/config_dump?resource=dynamic_active_secrets`;
  const answer = await request(url, { headersTimeout: 5000, bodyTimeout: 5000, reset: true });
  return tryFindLeaf(await answer.body.json());
}
