import type { ConformanceRequest } from '../../conformance-case.ts';

const claims = { iss: 'https://idp.example', sub: 'alice', aud: 'trading', scope: 'orders.read orders.write' };
const request = (jwt: unknown) => ({
  source: { principal: 'spiffe://trading.local/ns/trading/sa/order' },
  destination: { namespace: 'trading', workload: 'execution', port: 50053 },
  http: {
    method: 'POST',
    path: '/trading.execution.v1.ExecutionService/SubmitTrade',
    host: 'execution',
    headers: { 'content-type': ['application/grpc'] },
  },
  jwt,
});

/** The states of a user's token. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'a valid token with the scope',
    request: request({ claims }),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/execution-users' },
    because: 'caller, path, token and scope all fit; a scope is one word of the claim',
  },
  {
    name: 'no token',
    request: request(null),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: null },
    because: 'RequestAuthentication lets requests without a token pass; the rule does not',
  },
  {
    name: 'an expired token',
    request: request({ claims, invalid: 'expired' }),
    expected: { verdict: 'deny', layer: 'request-authentication' },
    because: 'a token that is present must be valid',
  },
  {
    name: 'a token signed by another key',
    request: request({ claims, invalid: 'signature' }),
    expected: { verdict: 'deny', layer: 'request-authentication' },
    because: 'a token that is present must be valid',
  },
  {
    name: 'a token for another audience',
    request: request({ claims: { ...claims, aud: 'another' }, invalid: 'audience' }),
    expected: { verdict: 'deny', layer: 'request-authentication' },
    because: 'the audience is checked with the token',
  },
  {
    name: 'a token without the scope',
    request: request({ claims: { ...claims, scope: 'orders.read' } }),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: null },
    because: 'the claim condition is part of the rule',
  },
];
