import type { ConformanceRequest } from '../../conformance-case.ts';
import { call, from } from '../../trading-call.ts';

/** ztunnel sees no HTTP: ALLOW rules that need it are gone, DENY rules lose the fields, and an emptied clause never matches. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'a DENY of paths alone is a no-op',
    request: call('deny-path', from('order'), { path: '/admin/x' }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'the clause is left empty and never matches, where a sidecar denies the path',
  },
  {
    name: 'an ALLOW rule with paths is gone',
    request: call('allow-path', from('order'), { path: '/x' }),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'no rule is left, and the policy denies all',
  },
  {
    name: 'the other rules of an ALLOW policy stay',
    request: call('allow-both', from('risk')),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/allow-both' },
    because: 'only the rule with HTTP fields is left out',
  },
  {
    name: 'and its own caller is out',
    request: call('allow-both', from('order'), { path: '/x' }),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'its rule is gone',
  },
  {
    name: 'methods and ports: the port counts',
    request: call('deny-method-port', from('order'), { method: 'POST' }),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: 'trading/deny-method-port', status: null },
    because: 'the method is dropped, so that more is denied than written',
  },
  {
    name: 'methods and ports: other ports pass',
    request: call('deny-method-port', from('order'), { port: 9090 }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'the port is still asked',
  },
  {
    name: 'from and to methods: a no-op',
    request: call('deny-namespace-method', from('order')),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'the clause `to` is left empty and never matches',
  },
  {
    name: 'source.serviceAccount counts as HTTP',
    request: call('when-account', from('order')),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'as a condition it is none of the five keys that ztunnel knows',
  },
  {
    name: 'connection.sni counts as HTTP',
    request: call('when-sni', from('order')),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'it is none of the five keys',
  },
  {
    name: 'remote.ip counts as HTTP',
    request: { ...call('when-remote', from('order')), source: { ...from('order'), ip: '10.1.1.1' } },
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'it is none of the five keys',
  },
  {
    name: 'remoteIpBlocks are dropped from DENY',
    request: { ...call('deny-remote', from('order')), source: { ...from('order'), ip: '192.168.0.1' } },
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: 'trading/deny-remote', status: null },
    because: 'the principal is left, and denies whatever the address',
  },
];
