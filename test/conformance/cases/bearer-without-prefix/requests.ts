import type { ConformanceRequest } from '../../conformance-case.ts';

const request = (jwt: object | null) => ({
  source: { principal: 'spiffe://trading.local/ns/trading/sa/order' },
  destination: { namespace: 'trading', workload: 'execution', port: 50053 },
  http: { method: 'POST', path: '/a.B/C', host: 'execution', headers: {} },
  jwt,
});

/** A live disagreement of 2026-11-27: the engine took the prefix to be optional. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'a valid token',
    request: request({ claims: { iss: 'https://idp.example', sub: 'alice' } }),
    expected: {
      verdict: 'deny',
      layer: 'request-authentication',
      policy: null,
      status: { http: 401, grpc: 16 },
    },
    because: 'Envoy cuts off a prefix only if the rule names one, and `Bearer x.y.z` is no token',
  },
  {
    name: 'no token',
    request: request(null),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'no token passes',
  },
];
