import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { acceptsPath, acceptsPeer, holds } from '#policies/analysis/matching.ts';
import { isPlainPath, normalizePath } from '#policies/analysis/normalize.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import type { PeerPattern } from '#policies/language/authorization.ts';
import {
  parseNamespace,
  parsePath,
  parseRequestPrincipal,
  parseServiceAccount,
  parseTrustDomain,
  tryParseAddress,
  tryParseCidr,
} from '#policies/language/parse-pattern.ts';

const SEED = 26;
const piece = fc.constantFrom('spiffe://', '/ns/', '/sa/', 'sa/', '/', 'a', 'b', 'td', 'x/');
const identity = fc.array(piece, { maxLength: 9 }).map((pieces) => `spiffe://${pieces.join('')}`);
const quoted = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const globbed = (text: string, star: string) => text.split('*').map(quoted).join(star);

describe('peer patterns equal the regular expressions that istiod writes', () => {
  const agree = (pattern: PeerPattern, expression: RegExp) =>
    fc.assert(
      fc.property(identity, (text) => acceptsPeer(pattern, text) === expression.test(text)),
      { seed: SEED, numRuns: 3000 },
    );

  test.for(['a/b', 'b', 'a/a'])('serviceAccounts `%s`', (value) => {
    const [namespace, name] = value.includes('/') ? value.split('/') : ['a', value];
    expect(() =>
      agree(parseServiceAccount(value, 'a'), new RegExp(`^spiffe://.+/ns/${namespace}/(.+/|)sa/${name}(/.+)?$`)),
    ).not.toThrow();
  });

  test.for(['a', '*', 'a*', '*b', 'a*b', '*a*', 'a*b*a'])('namespaces `%s`', (value) => {
    expect(() => agree(parseNamespace(value), new RegExp(`^.*/ns/${globbed(value, '.*')}/.*$`))).not.toThrow();
  });

  test.for(['td', 't*', '*d', 't*d', 'a'])('trustDomains `%s`', (value) => {
    expect(() => agree(parseTrustDomain(value), new RegExp(`^spiffe://${globbed(value, '[^/]*')}/.*$`))).not.toThrow();
  });
});

describe('path templates (semantics 3.8)', () => {
  const rows = [
    ['/allow/admin/{**}', '/allow/admin', false],
    ['/allow/admin/{**}', '/allow/admin/', true],
    ['/store/{**}/cart', '/store//cart', true],
    ['/store/{**}/cart', '/store/foo/bar/cart', true],
    ['/store/{**}/cart', '/store/cart', false],
    ['/foo/{*}/bar/{**}', '/foo//bar/x', false],
    ['/foo/{*}', '/foo/a/b', false],
    ['/foo/{*}', '/foo/"', false],
    ['/a=b/{*}', '/a=b/c', true],
    ['/{*}/{*}', '/x/y', true],
    ['/{*}/{*}', '/x/', false],
  ] as const;
  test.for(rows)('%s on %s: %s', ([template, path, matches]) => {
    expect(acceptsPath(parsePath(template), path)).toBe(matches);
  });
});

describe('requestPrincipals (semantics 3.9)', () => {
  const [nonEmpty, exact] = [{ kind: 'nonEmpty' }, (value: string) => ({ kind: 'exact', value })];
  const rows = [
    ['*', nonEmpty, nonEmpty],
    ['*/sub', nonEmpty, exact('sub')],
    ['*x/sub', { kind: 'suffix', value: 'x' }, exact('sub')],
    ['*x', nonEmpty, { kind: 'suffix', value: 'x' }],
    ['iss/*', exact('iss'), nonEmpty],
    ['iss/p*', exact('iss'), { kind: 'prefix', value: 'p' }],
    ['p*', { kind: 'prefix', value: 'p' }, nonEmpty],
    ['https://i/u', exact('https://i'), exact('u')],
    ['a', exact('a'), exact('')],
  ] as const;
  test.for(rows)('%s', ([text, issuer, subject]) => {
    expect(parseRequestPrincipal(text)).toEqual({ issuer, subject });
  });
});

describe('addresses (semantics 3.5)', () => {
  const rows = [
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['128.0.0.0/1', '192.168.0.1', true],
    ['128.0.0.0/1', '127.0.0.1', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.2', false],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['::/0', '10.1.2.3', false],
  ] as const;
  test.for(rows)('%s holds %s: %s', ([block, address, expected]) => {
    expect(holds(tryParseCidr(block) ?? { words: [], bits: -1 }, tryParseAddress(address) ?? [])).toBe(expected);
  });

  test.for(['10.0.0.0/33', '10.0.0', '10.0.0.1/', 'x', '::1%eth0', '10.0.0.1/8/8'])('`%s` is no block', (text) => {
    expect(tryParseCidr(text)).toBeUndefined();
  });
});

describe('normalization', () => {
  const character = fc.constantFrom('/', '.', ';', '%', '2', 'e', 'F', '\\', 'a', '~', '"', '?', '#', '0');
  const path = fc.array(character, { maxLength: 12 }).map((characters) => `/${characters.join('')}`);

  test('a plain path is one that every mode leaves alone', () => {
    const modes = ['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'] as const;
    const property = fc.property(path, fc.constantFrom(...modes), (raw, mode) => {
      const result = normalizePath(raw, mode, DEFAULT_PROFILE);
      return !isPlainPath(raw) || (result.kind === 'path' && result.path === raw && result.pathAndQuery === raw);
    });
    expect(() => fc.assert(property, { seed: SEED, numRuns: 5000 })).not.toThrow();
  });

  test('the common path is plain, so that it costs no normalization', () => {
    expect(['/pkg.Service/Method', '/a/b-c_d~e', '/'].map(isPlainPath)).toEqual([true, true, true]);
  });

  test('what has no leading slash is closed, %00 is a bad request, except under NONE', () => {
    const kinds = (raw: string) =>
      (['NONE', 'BASE'] as const).map((mode) => normalizePath(raw, mode, DEFAULT_PROFILE).kind);
    expect({ bare: kinds('a'), empty: kinds(''), zero: kinds('/x%00') }).toEqual({
      bare: ['closed', 'closed'],
      empty: ['closed', 'closed'],
      zero: ['path', 'badRequest'],
    });
  });
});
