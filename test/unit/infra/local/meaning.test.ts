import { describe, expect, test } from 'vitest';
import { type Call, type DeclaredIntent, isDeclared } from '#infra/local/meaning.ts';

const user = {
  issuer: 'https://idp.example',
  audiences: ['trading'],
  claims: [{ claim: 'scope', values: ['read', 'write'] }],
};
const callee = { kind: 'workload', namespace: 'shop', workload: 'cart' };
const caller = { kind: 'workload', namespace: 'shop', serviceAccount: 'web' };
const intent: DeclaredIntent = {
  trustDomain: 'td.example',
  platform: [{ caller: { kind: 'internet' }, callee, port: 1, http: { method: 'GET', path: '/public' }, user: null }],
  grants: [
    { caller, callee, port: 1, http: { method: 'GET', path: '/carts/{id}' }, user },
    { caller, callee, port: 1, http: { method: 'POST', path: '/sweep' }, user: null },
    { caller, callee, port: 2, http: null, user: null },
  ],
};

const token = (claims: Record<string, string>) => ({ issuer: 'https://idp.example', audience: 'trading', claims });
const web = 'spiffe://td.example/ns/shop/sa/web';
const base: Call = {
  spiffeId: web,
  callee: { namespace: 'shop', workload: 'cart' },
  port: 1,
  http: { method: 'GET', path: '/carts/7' },
  token: token({ scope: 'other write' }),
};

describe('isDeclared', () => {
  test.for<{ title: string; change: Partial<Call>; declared: boolean }>([
    { title: 'caller, place and user fit', change: {}, declared: true },
    { title: 'another caller', change: { spiffeId: 'spiffe://td.example/ns/shop/sa/other' }, declared: false },
    { title: 'another trust domain', change: { spiffeId: 'spiffe://other/ns/shop/sa/web' }, declared: false },
    { title: 'no identity', change: { spiffeId: null }, declared: false },
    {
      title: 'the internet does not count as an identity',
      change: { spiffeId: null, http: { method: 'GET', path: '/public' } },
      declared: false,
    },
    { title: 'another workload', change: { callee: { namespace: 'shop', workload: 'other' } }, declared: false },
    { title: 'another namespace', change: { callee: { namespace: 'other', workload: 'cart' } }, declared: false },
    { title: 'another port', change: { port: 3 }, declared: false },
    { title: 'another method', change: { http: { method: 'PUT', path: '/carts/7' } }, declared: false },
    { title: 'an empty parameter', change: { http: { method: 'GET', path: '/carts/' } }, declared: false },
    { title: 'a longer path', change: { http: { method: 'GET', path: '/carts/7/items' } }, declared: false },
    { title: 'raw bytes on an HTTP port', change: { http: null }, declared: false },
    { title: 'raw bytes on a TCP port', change: { port: 2, http: null, token: null }, declared: true },
    { title: 'no token where a user is asked for', change: { token: null }, declared: false },
    { title: 'an invalid token', change: { token: 'invalid' }, declared: false },
    { title: 'a token without the scope', change: { token: token({ scope: 'other' }) }, declared: false },
    {
      title: 'a token of another issuer',
      change: { token: { ...token({ scope: 'read' }), issuer: 'x' } },
      declared: false,
    },
    {
      title: 'a token for another audience',
      change: { token: { ...token({ scope: 'read' }), audience: 'x' } },
      declared: false,
    },
    {
      title: 'no token where none is asked for',
      change: { http: { method: 'POST', path: '/sweep' }, token: null },
      declared: true,
    },
    {
      title: 'an invalid token where none is asked for',
      change: { http: { method: 'POST', path: '/sweep' }, token: 'invalid' },
      declared: false,
    },
  ])('$title: $declared', ({ change, declared }) => {
    expect(isDeclared(intent, { ...base, ...change })).toBe(declared);
  });
});
