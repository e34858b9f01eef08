import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { type Authentication, prepareAuthentication } from '#infra/local/authentication.ts';
import type { HeaderFields, RequestHead } from '#infra/local/exchange.ts';
import type { JwtRule } from '#policies/language/mesh.ts';

const issuer = 'https://idp.example';
const trusted = await generateKeyPair('ES256', { extractable: true });
const foreign = await generateKeyPair('ES256');
const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(trusted.publicKey)), kid: 'one', alg: 'ES256' }] });

const rule = (changes: Partial<JwtRule> = {}): JwtRule => ({
  issuer,
  audiences: ['trading'],
  keys: { kind: 'inline', jwks },
  fromHeaders: [],
  fromParams: [],
  fromCookies: [],
  forwardOriginalToken: true,
  outputPayloadToHeader: 'x-jwt-payload',
  outputClaimToHeaders: [],
  spaceDelimitedClaims: [],
  timeoutMs: 5000,
  at: { file: 'test', path: 'spec', line: 1 },
  ...changes,
});

interface TokenOptions {
  readonly issuer?: string;
  readonly audience?: string;
  readonly expiresIn?: number;
  readonly key?: typeof trusted.privateKey;
}

function token(options: TokenOptions = {}): Promise<string> {
  return new SignJWT({ scope: 'orders.read' })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setIssuer(options.issuer ?? issuer)
    .setAudience(options.audience ?? 'trading')
    .setSubject('alice')
    .setExpirationTime(Math.floor(Date.now() / 1000) + (options.expiresIn ?? 300))
    .sign(options.key ?? trusted.privateKey);
}

const head = (headers: HeaderFields, path = '/'): RequestHead => ({ method: 'POST', path, authority: 'host', headers });
const bearer = (text: string): RequestHead => head({ authorization: `Bearer ${text}` });
const one = prepareAuthentication([rule()]);

describe('the token of a request', () => {
  test('is accepted when issuer, time, audience and signature hold', async () => {
    expect(await one.check(bearer(await token()))).toMatchObject({ kind: 'accepted', claims: { sub: 'alice' } });
  });

  const faults = [
    { name: 'an unknown issuer comes before expiry', options: { issuer: 'https://x', expiresIn: -600 }, http: 401 },
    { name: 'expiry comes before a wrong audience', options: { expiresIn: -600, audience: 'x' }, http: 401 },
    {
      name: 'a wrong audience comes before a bad signature',
      options: { audience: 'x', key: foreign.privateKey },
      http: 403,
    },
    { name: 'a bad signature is the last fault', options: { key: foreign.privateKey }, http: 401 },
  ] as const;
  test.for(faults)('$name', async ({ options, http }) => {
    expect(await one.check(bearer(await token(options)))).toMatchObject({ kind: 'refused', http });
  });

  test('within the clock skew of a minute is not expired', async () => {
    expect(await one.check(bearer(await token({ expiresIn: -30 })))).toMatchObject({ kind: 'accepted' });
  });

  test('that is no token at all is refused', async () => {
    expect(await one.check(bearer('nonsense'))).toMatchObject({ kind: 'refused', http: 401 });
  });

  test('may be absent, and is not looked for elsewhere than its rule says', async () => {
    expect(await one.check(head({}))).toEqual({ kind: 'none' });
    const elsewhere = prepareAuthentication([rule({ fromHeaders: [{ name: 'x-token', prefix: '' }] })]);
    expect(await elsewhere.check(bearer(await token()))).toEqual({ kind: 'none' });
    expect(await elsewhere.check(head({ 'x-token': await token() }))).toMatchObject({ kind: 'accepted' });
    expect(await one.check(head({}, `/?access_token=${await token()}`))).toMatchObject({ kind: 'accepted' });
  });

  test('passes when one of several rules accepts it', async () => {
    const two = prepareAuthentication([rule({ audiences: ['other'] }), rule()]);
    expect(await two.check(bearer(await token()))).toMatchObject({ kind: 'accepted' });
    expect(await two.check(bearer(await token({ audience: 'x' })))).toMatchObject({ kind: 'refused', http: 403 });
  });

  test('with keys behind a URL needs the network, so the sidecar does not start', () => {
    const remote = rule({ keys: { kind: 'uri', uri: 'https://idp.example/jwks' } });
    expect(() => prepareAuthentication([remote])).toThrow(/has no inline keys/);
  });
});

describe('the payload header', () => {
  async function headersAfter(authentication: Authentication, headers: HeaderFields): Promise<HeaderFields> {
    authentication.strip(headers);
    authentication.apply(await authentication.check(head(headers)), headers);
    return headers;
  }

  test('is taken off when it comes from outside, with or without rules', async () => {
    expect(await headersAfter(one, { 'x-jwt-payload': 'forged' })).toEqual({});
    expect(await headersAfter(prepareAuthentication([]), { 'x-jwt-payload': 'forged' })).toEqual({});
  });

  test('holds the verified claims, beside the token where the rule forwards it', async () => {
    const text = await token();
    const forwarded = await headersAfter(one, { authorization: `Bearer ${text}`, 'x-jwt-payload': 'forged' });
    const claims = JSON.parse(Buffer.from(String(forwarded['x-jwt-payload']), 'base64url').toString());
    expect(claims).toMatchObject({ sub: 'alice', scope: 'orders.read' });
    expect(forwarded['authorization']).toBe(`Bearer ${text}`);
    const kept = prepareAuthentication([rule({ forwardOriginalToken: false })]);
    expect(Object.keys(await headersAfter(kept, { authorization: `Bearer ${text}` }))).toEqual(['x-jwt-payload']);
  });
});
