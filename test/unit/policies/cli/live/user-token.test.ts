import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importJWK, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { readUserKey } from '#policies/cli/live/inputs.ts';
import { mintToken, readSigningKey, tokenJson, tokenStates } from '#policies/cli/live/user-token.ts';
import { Draw } from '../../../../support/draw.ts';
import { mutate } from '../../../../support/mutated-text.ts';

const SEED = 20_261_127;
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

  test.for([
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ] as const)('is signed with no %s key', ([, { privateKey }]) => {
    expect(() => readSigningKey(JSON.stringify(privateKey.export({ format: 'jwk' })))).toThrow(
      'expected a private EC key',
    );
  });

  test(`is signed with the key of a file, or the file is named with what is wrong: damaged files, seed ${SEED}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshwright-user-key-'));
    const file = join(folder, 'key.json');
    const draw = new Draw(SEED);
    const text = JSON.stringify(jwk, null, 1);
    const ends = { signs: 0, refused: 0 };
    for (let round = 0; round < 300; round += 1) {
      await writeFile(file, mutate(text, [draw.integer(8), draw.integer(2 ** 30), draw.integer(2 ** 30)]));
      const found = await readUserKey(file);
      if (found.ok) {
        if (found.value === null) throw new Error('a file holds no key, and nobody says so');
        expect(mintToken(user, 'valid', found.value)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
        ends.signs += 1;
      } else {
        expect(found.problems).toMatchObject([{ code: 'user-key/unusable', at: { file, line: 1 } }]);
        ends.refused += 1;
      }
    }
    await rm(folder, { recursive: true });
    expect(Math.min(ends.signs, ends.refused)).toBeGreaterThan(10);
  });
});
