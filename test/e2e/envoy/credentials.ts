import 'reflect-metadata';
import { randomBytes, type webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

/** A certificate and its key, both PEM, and what connections with them share. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
  readonly context: SecureContext;
}

const newKeys = () =>
  crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
const newSerial = () => `40${randomBytes(15).toString('hex')}`;

/** The mesh's certificate authority, for certificates with several URI names too; each is minted once. */
export class CertificateAuthority {
  readonly bundle: string;
  readonly #root: X509Certificate;
  readonly #key: webcrypto.CryptoKey;
  readonly #minted = new Map<string, Promise<ClientCertificate>>();

  private constructor(root: X509Certificate, key: webcrypto.CryptoKey) {
    this.#root = root;
    this.#key = key;
    this.bundle = `${root.toString('pem')}\n`;
  }

  static async create(): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const root = await X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: 'CN=differential, O=test authority',
      notBefore: new Date(Date.now() - 2 * dayMs),
      notAfter: new Date(Date.now() + 2 * dayMs),
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    });
    return new CertificateAuthority(root, keys.privateKey);
  }

  /** A certificate with these URI names in this order; `expired` ended an hour ago. */
  certificate(uris: readonly string[], validity: 'valid' | 'expired' = 'valid'): Promise<ClientCertificate> {
    const key = `${validity} ${uris.join(' ')}`;
    const minted = this.#minted.get(key) ?? this.#mint(uris, validity === 'valid' ? dayMs : -dayMs / 24);
    this.#minted.set(key, minted);
    return minted;
  }

  async #mint(uris: readonly string[], endsInMs: number): Promise<ClientCertificate> {
    const keys = await newKeys();
    const leaf = await X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: 'O=workload',
      issuer: this.#root.subject,
      notBefore: new Date(Date.now() - dayMs),
      notAfter: new Date(Date.now() + endsInMs),
      publicKey: keys.publicKey,
      signingKey: this.#key,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension(
          uris.map((value) => ({ type: 'url' as const, value })),
          true,
        ),
      ],
    });
    const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    const pair = { cert: `${leaf.toString('pem')}\n`, key: `${key}\n` };
    return { ...pair, context: createSecureContext(pair) };
  }

  /** Writes the secrets `default` and `ROOTCA` for Envoy; gives the file of a name. */
  async writeSecrets(folder: string, serverId: string): Promise<(name: string) => string> {
    const { cert, key } = await this.certificate([serverId]);
    const inline = (text: string) => ({ inline_string: text });
    const secrets: Readonly<Record<string, object>> = {
      default: { tls_certificate: { certificate_chain: inline(cert), private_key: inline(key) } },
      ROOTCA: { validation_context: { trusted_ca: inline(this.bundle) } },
    };
    const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
    for (const [name, secret] of Object.entries(secrets)) {
      const resource = { '@type': type, name, ...secret };
      writeFileSync(join(folder, `${name}.json`), JSON.stringify({ resources: [resource] }), { mode: 0o600 });
    }
    return (name) => join(folder, `${name}.json`);
  }
}
