/** Users' tokens in every state that a proxy must tell apart, signed with a development key or with one of nobody. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign, type webcrypto } from 'node:crypto';
import type { User } from '../../analysis/compare/intent.ts';
import type { Token } from '../../analysis/request.ts';

/** The state of the token that a call carries. */
export type TokenState = 'none' | 'valid' | 'expired' | 'wrongAudience' | 'wrongKey' | 'missingClaim';

/** A key that signs tokens; `keyId` is what the accepted key set calls it. */
export interface SigningKey {
  readonly key: KeyObject;
  readonly keyId: string;
}

/** The signing key in a private JWK (ES256). Errors: throws on what is no such key. */
export function readSigningKey(jwk: string): SigningKey {
  const json = JSON.parse(jwk) as webcrypto.JsonWebKey & { readonly kid?: unknown };
  const key = createPrivateKey({ key: json, format: 'jwk' });
  // tokens say ES256, so that keys on another curve would sign what nobody accepts
  if (key.asymmetricKeyType !== 'ec' || json.crv !== 'P-256') throw new Error('expected a private EC key (ES256)');
  return { key, keyId: typeof json.kid === 'string' ? json.kid : '' };
}

/** The states that can be made: without a trusted key only what needs none. */
export function tokenStates(user: User | null, key: SigningKey | null): readonly TokenState[] {
  if (user === null) return ['none'];
  if (key === null) return ['none', 'wrongKey'];
  return ['none', 'valid', 'expired', 'wrongAudience', 'wrongKey', 'missingClaim'];
}

const validSeconds = 600;

/** What a token of `state` says; null for none. */
export function claimsOf(user: User, state: TokenState): Readonly<Record<string, unknown>> | null {
  if (state === 'none') return null;
  const wanted = user.claims.map(({ claim, values }) => [claim, state === 'missingClaim' ? 'none' : (values[0] ?? '')]);
  const audience = state === 'wrongAudience' ? 'another' : user.audiences[0];
  return {
    iss: user.issuer,
    sub: 'probe',
    ...(audience === undefined ? {} : { aud: audience }),
    ...Object.fromEntries(wanted),
  };
}

const strangersKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** Signs a token of `state`; undefined for none. */
export function mintToken(user: User, state: TokenState, trusted: SigningKey | null): string | undefined {
  const claims = claimsOf(user, state);
  return claims === null ? undefined : signClaims(claims, faults[state] ?? 'none', trusted);
}

/** Signs claims as they are, with the fault: a key that nobody accepts, or a time that is over. */
export function signClaims(
  claims: Readonly<Record<string, unknown>>,
  fault: Token['fault'],
  trusted: SigningKey | null,
): string {
  const now = Math.floor(Date.now() / 1000);
  const expires = fault === 'expired' ? now - 3600 : now + validSeconds;
  const keyId = trusted?.keyId ?? 'unknown';
  const key = fault === 'signature' || trusted === null ? strangersKey : trusted.key;
  const audience = fault === 'audience' ? { aud: 'another' } : {};
  const body = { ...claims, ...audience, iat: Math.min(now, expires - 1), exp: expires };
  const signed = [{ alg: 'ES256', typ: 'JWT', kid: keyId }, body]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

const faults: Readonly<Partial<Record<TokenState, Token['fault']>>> = {
  expired: 'expired',
  wrongAudience: 'audience',
  wrongKey: 'signature',
};

/** The token in the request format of `meshwright decide`. */
export function tokenJson(user: User, state: TokenState): unknown {
  const claims = claimsOf(user, state);
  const invalid = faults[state];
  return claims === null ? null : { claims, ...(invalid === undefined ? {} : { invalid }) };
}
