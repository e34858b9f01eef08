import type { ConformanceRequest } from '../../conformance-case.ts';
import { call, from } from '../../trading-call.ts';

/** ztunnel compares names as they are written: no inner star, no aliases, no cluster.local, no trust domains. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'an inner star is literal',
    request: call('inner-star', from('order')),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'a sidecar takes it for a wildcard, ztunnel compares the namespace with it',
  },
  {
    name: 'a leading star is a suffix',
    request: call('suffix', from('order')),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/suffix' },
    because: 'exact, prefix, suffix and presence are known',
  },
  {
    name: 'a trailing star is a prefix',
    request: call('prefix', from('order')),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/prefix' },
    because: 'exact, prefix, suffix and presence are known',
  },
  {
    name: 'cluster.local is literal',
    request: call('cluster-local', from('order')),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'a sidecar reads it as the own trust domain',
  },
  {
    name: 'aliases are not expanded',
    request: call('alias', from('order')),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'a sidecar lets the own trust domain stand for its alias',
  },
  {
    name: 'an identity of an alias',
    request: call('alias', from('order', 'old.local')),
    expected: { verdict: 'deny', layer: 'peer-authentication', status: null },
    because: "ztunnel's handshake takes its own trust domain alone",
  },
  {
    name: 'trustDomains alone are an empty match',
    request: call('domains-only', from('order')),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'the field is dropped, and an empty match never matches',
  },
  {
    name: 'trustDomains with other fields are wider',
    request: call('domains-and-more', from('order')),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/domains-and-more' },
    because: 'the namespace is all that is left, and the trust domain is another',
  },
  {
    name: 'a bare account is of the own namespace',
    request: call('account', from('order')),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/account' },
    because: 'as at a sidecar',
  },
  {
    name: 'an account with its namespace',
    request: call('account', { principal: 'spiffe://trading.local/ns/other/sa/risk' }),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/account' },
    because: 'as at a sidecar',
  },
  {
    name: 'plaintext has no principal',
    request: call('presence', { principal: null }),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: 'trading/presence', status: null },
    because: 'DENY with notPrincipals `*` asks for an identity',
  },
  {
    name: 'the address of the peer',
    request: { ...call('peer-address', from('order')), source: { ...from('order'), ip: '10.1.2.3' } },
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/peer-address' },
    because: 'ipBlocks are known',
  },
];
