import { describe, expect, test } from 'vitest';
import { anyClaim } from '#policies/analysis/indexed/any-claim.ts';
import { newQuery } from '#policies/analysis/indexed/query.ts';
import { decideOn, meshOf, securityYaml, workloadYaml } from '../../../support/small-mesh.ts';

const issuer = 'https://one';
const jwks = JSON.stringify({ keys: [{ kty: 'RSA', e: 'AQAB', n: 'AQAB' }] });
const principal = (value: string, field = 'requestPrincipals') => ({ from: [{ source: { [field]: [value] } }] });
const scope = (values: readonly string[]) => ({ when: [{ key: 'request.auth.claims[scope]', values }] });

/** What rules see of a token whose `sub` and `scope` are lists of words. */
function verdict(rule: object, claims: object, spaceDelimitedClaims: readonly string[] = ['sub']): boolean {
  const mesh = meshOf(
    workloadYaml('a', 'x'),
    securityYaml('RequestAuthentication', 'a', { jwtRules: [{ issuer, jwks, spaceDelimitedClaims }] }),
    securityYaml('AuthorizationPolicy', 'a', { rules: [rule] }),
  );
  return decideOn(mesh, { jwt: { claims: { iss: issuer, ...claims } } }).verdict === 'allow';
}

describe('claims of several words', () => {
  const empty = [
    { text: '', holds: true },
    { text: 'u', holds: false },
    { text: ' u', holds: true },
    { text: 'u ', holds: true },
    { text: 'u  v', holds: true },
    { text: 'u v', holds: false },
  ];
  test.for(empty)('hold the empty word where spaces stand side by side or at an end: `$text`', ({ text, holds }) => {
    const query = { ...newQuery(), claims: { scope: text }, delimited: new Set(['scope']) };
    expect(anyClaim(query, ['scope'], [{ kind: 'exact', value: '' }])).toBe(holds);
  });

  const words = [
    { text: 'read write', word: 'write', holds: true },
    { text: 'readwrite write', word: 'read', holds: false },
    { text: 'rewrite write', word: 'write', holds: true },
    { text: 'writes', word: 'write', holds: false },
  ];
  test.for(words)('hold whole words: `$word` in `$text`', ({ text, word, holds }) => {
    expect(verdict(scope([word]), { sub: 'u', scope: text })).toBe(holds);
  });

  const principals = [`${issuer}/u`, `${issuer}/*`, '*/u', '*'];
  test.for(principals)('are no request principal: `%s`', (value) => {
    expect(verdict(principal(value), { sub: 'u' })).toBe(false);
    expect(verdict(principal(value, 'notRequestPrincipals'), { sub: 'u' })).toBe(true);
    expect(verdict(principal(value), { sub: 'u' }, [])).toBe(true);
  });
});
