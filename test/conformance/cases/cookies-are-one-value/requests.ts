import type { ConformanceRequest } from '../../conformance-case.ts';

const request = (...cookie: readonly string[]) => ({
  source: { principal: 'spiffe://cluster.local/ns/b/sa/z' },
  destination: { namespace: 'b', workload: 'z', port: 8000 },
  http: { method: 'GET', path: '/', host: 'z.b', headers: { cookie } },
});

/** How cookies are read; the first was seen of Envoy 1.39 behind istiod 1.31. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'two cookies in two fields',
    request: request('a=1', 'b=2'),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'the proxy puts them together before any rule, as RFC 9113 asks',
  },
  {
    name: 'two cookies in one field',
    request: request('a=1; b=2'),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'that is the value which the rule spares',
  },
  {
    name: 'one of them alone',
    request: request('a=1'),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: 'b/no-session' },
    because: 'a part of the value is another value',
  },
];
