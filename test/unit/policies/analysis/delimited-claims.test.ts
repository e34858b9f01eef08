import { describe, expect, test } from 'vitest';
import { decideOn, meshOf, securityYaml, workloadYaml } from '../../../support/small-mesh.ts';

const issuer = 'https://one';
const jwks = JSON.stringify({ keys: [{ kty: 'RSA', e: 'AQAB', n: 'AQAB' }] });
const subject = { from: [{ source: { requestPrincipals: [`${issuer}/`] } }] };
const scope = (values: readonly string[]) => ({ when: [{ key: 'request.auth.claims[scope]', values }] });

/** What rules see of a token whose `sub` and `scope` are lists of words. */
function verdict(rule: object, claims: object): boolean {
  const mesh = meshOf(
    workloadYaml('a', 'x'),
    securityYaml('RequestAuthentication', 'a', { jwtRules: [{ issuer, jwks, spaceDelimitedClaims: ['sub'] }] }),
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
    expect(verdict(subject, { sub: text })).toBe(holds);
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
});
