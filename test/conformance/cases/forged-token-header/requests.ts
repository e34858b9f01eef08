import type { ConformanceRequest } from '../../conformance-case.ts';

const request = (method: string, headers: Readonly<Record<string, readonly string[]>>) => ({
  source: { principal: 'spiffe://cluster.local/ns/b/sa/z' },
  destination: { namespace: 'b', workload: 'z', port: 8000 },
  http: { method, path: '/', host: 'z.b', headers },
});
const preflight = { origin: ['https://a'], 'access-control-request-method': ['POST'] };

/** What becomes of a forged header; the first was seen of Envoy 1.39 behind istiod 1.31. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'a client sends the header itself',
    request: request('POST', { 'x-from-token': ['u', 'r'] }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'the token filter removes what it alone may write, and no rule sees it',
  },
  {
    name: 'a client sends a header that nothing writes',
    request: request('POST', { 'x-other': ['u'] }),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: 'b/no-others' },
    because: 'all other headers stay as they are',
  },
  {
    name: 'a preflight brings the header',
    request: request('OPTIONS', { ...preflight, 'x-from-token': ['u'] }),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: 'b/no-users' },
    because: 'the token filter passes a preflight by, and removes nothing from it',
  },
];
