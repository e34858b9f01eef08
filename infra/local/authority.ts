import 'reflect-metadata';
import { randomBytes, type webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** How that key signs. */
export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const lifetimeOfRootMs = 10 * 365 * 86_400_000;
// Clocks of one machine do not differ; a certificate is valid a little before it is written for the sake of rounding
// to seconds.
const backdatedMs = 2_000;

/** A certificate with its private key. Shape: both PEM; `expiresAt` in ms since the epoch. */
export interface Credential {
  readonly certificate: string;
  readonly privateKey: string;
  readonly serial: string;
  readonly expiresAt: number;
}

/** What a leaf certificate is for. */
export interface LeafRequest {
  /** The one URI name, a SPIFFE ID; null for a server that clients outside the mesh know by its DNS names. */
  readonly spiffeId: string | null;
  readonly dnsNames?: readonly string[];
  readonly lifetimeMs: number;
  /** When the lifetime began, ms since the epoch; a moment long ago makes an expired certificate. @default - now */
  readonly issuedAt?: number;
}

/** A certificate authority whose key never leaves this process. */
export interface Authority {
  /** The root certificate that peers trust, PEM. */
  readonly bundle: string;
  issue(request: LeafRequest): Promise<Credential>;
}

/** What signs: a certificate of an authority and its private key. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
}

/** Creates an authority with a new key; its subject, `CN=<name>`, differs from every leaf's. */
export async function createAuthority(name: string): Promise<Authority> {
  const keys = await newKeys();
  const root = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=${name}, O=Meshwright development authority`,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + lifetimeOfRootMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const issuer = { certificate: root, privateKey: keys.privateKey };
  return { bundle: `${root.toString('pem')}\n`, issue: (request) => issueLeaf(issuer, request) };
}

/** Signs one leaf with a new key of its own. */
export async function issueLeaf(issuer: Issuer, request: LeafRequest): Promise<Credential> {
  const keys = await newKeys();
  const begin = request.issuedAt ?? Date.now();
  const leaf = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    // OpenSSL takes a leaf with its issuer's subject for self-signed.
    subject: request.spiffeId === null ? 'CN=edge server' : 'O=workload',
    issuer: issuer.certificate.subject,
    notBefore: new Date(begin - backdatedMs),
    // X.509 knows whole seconds: rounded up, so that a short lifetime is not cut by one of them.
    notAfter: new Date(Math.ceil((begin + request.lifetimeMs) / 1000) * 1000),
    publicKey: keys.publicKey,
    signingKey: issuer.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(namesOf(request), true),
    ],
  });
  const privateKey = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: `${leaf.toString('pem')}\n`,
    privateKey: `${PemConverter.encode(privateKey, 'PRIVATE KEY')}\n`,
    serial: leaf.serialNumber.toUpperCase(),
    expiresAt: leaf.notAfter.getTime(),
  };
}

function namesOf(request: LeafRequest): { type: 'url' | 'dns' | 'ip'; value: string }[] {
  const uri = request.spiffeId === null ? [] : [{ type: 'url' as const, value: request.spiffeId }];
  const others = (request.dnsNames ?? []).map((value) => ({
    type: /^[\d.]+$/.test(value) ? ('ip' as const) : ('dns' as const),
    value,
  }));
  return [...uri, ...others];
}

/** A new key of the one kind that the mesh uses: ECDSA on P-256. */
export function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

/** 15 random bytes behind a byte that is never zero and never negative: 16 bytes whose text Node prints unchanged. */
export function newSerial(): string {
  return `40${randomBytes(15).toString('hex')}`;
}
