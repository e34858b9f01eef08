import { generateKeyPairSync } from 'node:crypto';
import { importJWK, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { mintToken, readSigningKey, tokenJson, tokenStates } from '#policies/cli/live/user-token.ts';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...pair.privateKey.export({ format: 'jwk' }), kid: 'dev' };
const publicJwk = pair.publicKey.export({ format: 'jwk' });
const key = readSigningKey(JSON.stringify(jwk));
const user = {
  issuer: 'https://idp.example',
  audiences: ['shop'],
  claims: [{ claim: 'scope', values: ['cart.write', 'cart.admin'] }],
};

async function verify(token: string | undefined) {
  const trusted = await importJWK(publicJwk as Parameters<typeof importJWK>[0], 'ES256');
  return jwtVerify(token ?? '', trusted, { issuer: user.issuer, audience: 'shop' }).then(
    ({ payload }) => payload['scope'],
    (error: { code: string; claim?: string }) => error.claim ?? error.code,
  );
}

// The verifier is another library than the signer, so that both cannot share a mistake.
describe('a user’s token', () => {
  test.for([
    ['valid', 'cart.write', 'everything fits'],
    ['missingClaim', 'none', 'the token is good and its claim is not'],
    ['expired', 'exp', 'it ended an hour ago'],
    ['wrongAudience', 'aud', 'it is for somebody else'],
    ['wrongKey', 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED', 'nobody knows the key'],
  ] as const)('%s', async ([state, result, why]) => {
    expect(await verify(mintToken(user, state, key)), why).toBe(result);
  });

  test('none is none', () => {
    expect([mintToken(user, 'none', key), tokenJson(user, 'none')]).toEqual([undefined, null]);
  });

  test('says the same to `decide` as to the proxy', () => {
    expect(tokenJson(user, 'expired')).toEqual({
      claims: { iss: user.issuer, sub: 'probe', aud: 'shop', scope: 'cart.write' },
      invalid: 'expired',
    });
  });

  test('is minted only where somebody is asked for one and the key is there', () => {
    expect([tokenStates(null, key), tokenStates(user, null)]).toEqual([['none'], ['none', 'wrongKey']]);
    expect(tokenStates(user, key)).toHaveLength(6);
  });

  test('is signed with no RSA key', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
    expect(() => readSigningKey(JSON.stringify(rsa))).toThrow('expected a private EC key');
  });
});
