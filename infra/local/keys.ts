import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';

/** Who signs the users' tokens of the local mesh, and for whom they are. */
const tokenIssuer = 'https://idp.trading.local';
/** The audience that the platform's RequestAuthentication accepts. */
const tokenAudience = 'trading';

const keyId = 'development';
/** The file name of the private key that signs users' tokens. */
export const signingKeyName = 'user-signing.jwk.json';
const publicKeysName = 'jwks.json';

/** The files with development keys and passwords. */
export interface KeyFolder {
  readonly folder: string;
  /** Public: an input of synthesis. */
  readonly jwksFile: string;
  /** Private, 0600. */
  readonly signingKeyFile: string;
}

/** Makes the users' signing key once: an existing pair is kept. Everything but the public key set is 0600. */
export async function ensureKeys(folder: string): Promise<KeyFolder> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = { folder, jwksFile: join(folder, publicKeysName), signingKeyFile: join(folder, signingKeyName) };
  if (existsSync(files.signingKeyFile) && existsSync(files.jwksFile)) return files;
  const pair = await generateKeyPair('ES256', { extractable: true });
  const common = { kid: keyId, alg: 'ES256', use: 'sig' };
  const secret = { ...(await exportJWK(pair.privateKey)), ...common };
  const open = { ...(await exportJWK(pair.publicKey)), ...common };
  writeFileSync(files.signingKeyFile, `${JSON.stringify(secret, null, 2)}\n`, { mode: 0o600 });
  writeFileSync(files.jwksFile, `${JSON.stringify({ keys: [open] }, null, 2)}\n`, { mode: 0o644 });
  return files;
}

/** The file with the password of database role `role`, made (random, 0600) when it is not there. */
export function ensurePasswordFile(folder: string, role: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${role}.password`);
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  return file;
}

/** The password in a file of `ensurePasswordFile`. */
export function readPassword(file: string): string {
  return readFileSync(file, 'utf8').trim();
}

/** What a token says; the rest is the platform's issuer and audience, ten minutes from now. */
export interface UserTokenRequest {
  readonly subject: string;
  /** Account ids that the subject owns. */
  readonly accounts?: readonly string[];
  /** Shape: `orders.write orders.read`. */
  readonly scope?: string;
  readonly issuer?: string;
  readonly audience?: string;
  /** Seconds from now; negative makes an expired token. @default 600 */
  readonly expiresInSeconds?: number;
  /** `foreign` signs with a key that nobody trusts. @default `trusted` */
  readonly signer?: 'trusted' | 'foreign';
}

/** Signs a user's token with the development key in `folder`. */
export async function mintUserToken(folder: string, request: UserTokenRequest): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const expires = now + (request.expiresInSeconds ?? 600);
  const claims = { scope: request.scope ?? '', accounts: [...(request.accounts ?? [])] };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: keyId, typ: 'JWT' })
    .setIssuer(request.issuer ?? tokenIssuer)
    .setAudience(request.audience ?? tokenAudience)
    .setSubject(request.subject)
    .setIssuedAt(Math.min(now, expires - 1))
    .setExpirationTime(expires)
    .sign(await signingKey(folder, request.signer ?? 'trusted'));
}

async function signingKey(folder: string, signer: 'trusted' | 'foreign') {
  if (signer === 'foreign') return (await generateKeyPair('ES256')).privateKey;
  const jwk = JSON.parse(readFileSync(join(folder, signingKeyName), 'utf8')) as JWK;
  return importJWK(jwk, 'ES256');
}
