import type { ConformanceRequest } from '../../conformance-case.ts';

const submit = '/trading.execution.v1.ExecutionService/SubmitTrade';
const headers = { 'content-type': ['application/grpc'] };
const request = (principal: string | null, path = submit) => ({
  source: { principal },
  destination: { namespace: 'trading', workload: 'execution', port: 50053 },
  http: { method: 'POST', path, host: 'execution.trading.svc.cluster.local:50053', headers },
});
const denied = { verdict: 'deny', layer: 'authorization-policy', policy: null } as const;
const refused = (account: string, because: string): ConformanceRequest => ({
  name: `${account} submits a trade`,
  request: request(`spiffe://trading.local/ns/trading/sa/${account}`),
  expected: { verdict: 'deny', layer: 'authorization-policy', policy: null },
  because,
});

/** The seed case of this product. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'order submits a trade',
    request: request('spiffe://trading.local/ns/trading/sa/order'),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/execution' },
    because: 'this is the one grant',
  },
  refused('risk', 'risk is in the mesh but not in the rule'),
  refused('market-data', 'market-data is called by execution, not the other way round'),
  refused('portfolio', 'portfolio settles, it does not trade'),
  refused('stranger', 'an identity nobody declared has no grant'),
  {
    name: 'gateway submits a trade',
    request: request('spiffe://trading.local/ns/edge/sa/gateway'),
    expected: denied,
    because: 'clients trade through order only',
  },
  {
    name: 'order of another namespace submits a trade',
    request: request('spiffe://trading.local/ns/edge/sa/order'),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: null },
    because: 'the namespace is part of the identity',
  },
  {
    name: 'order of another trust domain submits a trade',
    request: request('spiffe://other.example/ns/trading/sa/order'),
    expected: { verdict: 'deny', layer: 'peer-authentication', policy: null },
    because: 'the handshake accepts identities of this trust domain only',
  },
  {
    name: 'plaintext submits a trade',
    request: request(null),
    expected: { verdict: 'deny', layer: 'peer-authentication', policy: null },
    because: 'STRICT resets connections without TLS',
  },
  {
    name: 'order calls a method that no rule names',
    request: request(
      'spiffe://trading.local/ns/trading/sa/order',
      '/trading.execution.v1.ExecutionService/SetTradingHalt',
    ),
    expected: denied,
    because: 'the grant is for one exact path',
  },
  {
    name: 'order calls the method in another case',
    request: request('spiffe://trading.local/ns/trading/sa/order', submit.toLowerCase()),
    expected: denied,
    because: 'paths are case-sensitive',
  },
  {
    name: 'order asks for reflection',
    request: request(
      'spiffe://trading.local/ns/trading/sa/order',
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    ),
    expected: denied,
    because: 'reflection is granted to nobody',
  },
  {
    name: 'order sends the path without its leading slash',
    request: request('spiffe://trading.local/ns/trading/sa/order', submit.slice(1)),
    expected: { verdict: 'deny', layer: 'none', policy: null },
    because: 'the HTTP/2 codec refuses such a path before any policy sees it',
  },
];
