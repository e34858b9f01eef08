import type { ConformanceRequest } from '../../conformance-case.ts';

const claims = { iss: 'https://idp.example', sub: 'alice' };
const request = (more: object) => ({
  source: { principal: 'spiffe://trading.local/ns/trading/sa/order' },
  destination: { namespace: 'trading', workload: 'execution', port: 50053 },
  http: { method: 'POST', path: '/a.B/C', host: 'execution', headers: {} },
  jwt: { claims: { ...claims, ...more } },
});
const refused = {
  verdict: 'deny',
  layer: 'request-authentication',
  policy: null,
  status: { http: 401, grpc: 16 },
} as const;
const because = 'Envoy cannot parse the token, and says so before it looks at issuer, audience or signature';

/** Tokens that are well signed and yet not readable. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'a readable token',
    request: request({ aud: ['trading', 'risk'], level: 7 }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'a list of texts is an audience, and only registered claims have a type',
  },
  { name: 'the audience is a number', request: request({ aud: 7 }), expected: refused, because },
  {
    name: 'an audience among others is a number',
    request: request({ aud: ['trading', 7] }),
    expected: refused,
    because,
  },
  { name: 'the subject is a number', request: request({ sub: 7 }), expected: refused, because },
];
