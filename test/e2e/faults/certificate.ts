/** Certificates of workloads as their proxies hold them, and intermediate authorities under Istio's own root. */
import 'reflect-metadata';
import { createPrivateKey } from 'node:crypto';
import {
  BasicConstraintsExtension,
  X509Certificate as Certificate,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { type LeafCertificate, readCertificate } from '#infra/cluster/certificates.ts';
import type { AnyObject, Cluster } from './cluster.ts';

/** The leaf certificate that a workload's proxy presents now. Errors: throws when it has none. */
export async function leafOf(cluster: Cluster, namespace: string, name: string): Promise<LeafCertificate> {
  const leaf = await readCertificate(cluster.access, await cluster.place(namespace, name, 'istio-proxy'));
  if (leaf === undefined) throw new Error(`the proxy of \`${namespace}/${name}\` has no certificate`);
  return leaf;
}

const systemNamespace = 'istio-system';
const algorithm = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};
const dayMs = 86_400_000;

/**
 * An authority for `istiod` (Secret `cacerts`) below the root that signs the mesh's certificates already, so that
 * every peer trusts both. Source: Istio, "Plug in CA Certificates": the four files of that Secret.
 */
export async function intermediateAuthority(cluster: Cluster, commonName: string): Promise<AnyObject> {
  const { data = {} } = await cluster.core.readNamespacedSecret({
    namespace: systemNamespace,
    name: 'istio-ca-secret',
  });
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
  const rootPem = text('ca-cert.pem');
  const root = new Certificate(rootPem);
  const rootKey = createPrivateKey(text('ca-key.pem')).export({ type: 'pkcs8', format: 'der' });
  const signingKey = await crypto.subtle.importKey('pkcs8', new Uint8Array(rootKey), algorithm, false, ['sign']);
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const authority = await X509CertificateGenerator.create({
    subject: `CN=${commonName}, O=trading.local`,
    issuer: root.subject,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + dayMs),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  const pem = `${authority.toString('pem')}\n`;
  const stringData = {
    'ca-cert.pem': pem,
    'ca-key.pem': key,
    'cert-chain.pem': `${pem}${rootPem}`,
    'root-cert.pem': rootPem,
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: systemNamespace, name: 'cacerts' },
    stringData,
  } as AnyObject;
}
