/** What signs the stand-in's certificates: a root of its own, or an intermediate below a root from outside. */
import 'reflect-metadata';
import { createPrivateKey } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { algorithm, type Issuer, newKeys, newSerial } from '#infra/local/authority.ts';

/** A signing certificate and what goes with it. Shape: everything PEM; `chain` is '' when the certificate is a root. */
export interface SigningAuthority {
  readonly certificate: string;
  readonly privateKey: string;
  /** What a leaf is sent with, so that peers who know the root only can check it. */
  readonly chain: string;
  readonly root: string;
}

/** A root from outside, as SPIRE's `UpstreamAuthority "disk"` reads it: both PEM, RSA or P-256. */
export interface UpstreamRoot {
  readonly certificate: string;
  readonly privateKey: string;
}

/** How a private key of one kind signs. */
const algorithms = {
  ec: algorithm,
  rsa: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
} as const;

async function importKey(pem: string) {
  const key = createPrivateKey(pem);
  const kind = key.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec';
  const der = key.export({ format: 'der', type: 'pkcs8' });
  return {
    signingAlgorithm: algorithms[kind],
    privateKey: await crypto.subtle.importKey('pkcs8', der, algorithms[kind], true, ['sign']),
  };
}

/** Creates a signing authority, `CN=<name>`, that lives `lifetimeMs`; self-signed unless a root outside signs it. */
export async function createSigningAuthority(
  name: string,
  lifetimeMs: number,
  upstream: UpstreamRoot | null,
): Promise<SigningAuthority> {
  const keys = await newKeys();
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({
    format: 'pem',
    type: 'pkcs8',
  });
  const signer =
    upstream === null
      ? { privateKey: keys.privateKey, signingAlgorithm: algorithm, subject: subjectOf(name), identifier: [] }
      : { ...(await importKey(upstream.privateKey)), ...describe(upstream) };
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: subjectOf(name),
    issuer: signer.subject,
    notBefore: new Date(Date.now() - 10_000),
    notAfter: new Date(Date.now() + lifetimeMs),
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: signer.signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...signer.identifier,
    ],
  });
  const pem = `${certificate.toString('pem')}\n`;
  return {
    certificate: pem,
    privateKey: String(privateKey),
    chain: upstream === null ? '' : pem,
    root: upstream === null ? pem : upstream.certificate,
  };
}

const subjectOf = (name: string): string => `CN=${name}, O=SPIRE stand-in`;

/**
 * Name and key identifier of a root as its certificate gives them. The identifier is copied, never computed: its maker
 * may have hashed the key in another way, and whoever verifies a chain takes another identifier for another issuer.
 */
function describe({ certificate }: UpstreamRoot) {
  const root = new X509Certificate(certificate);
  const own = root.getExtension(SubjectKeyIdentifierExtension);
  return { subject: root.subject, identifier: own === null ? [] : [new AuthorityKeyIdentifierExtension(own.keyId)] };
}

/** The authority in the form that signs leaves. */
export async function issuerOf({ certificate, privateKey }: SigningAuthority): Promise<Issuer> {
  return { certificate: new X509Certificate(certificate), privateKey: (await importKey(privateKey)).privateKey };
}
