import type { ConformanceRequest } from '../../conformance-case.ts';

const request = (principal: string | null) => ({
  source: { principal },
  destination: { namespace: 'trading', workload: 'execution', port: 50053 },
  http: { method: 'POST', path: '/trading.execution.v1.ExecutionService/SubmitTrade', host: 'execution', headers: {} },
});

/** Why the product never writes negative source rules. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'plaintext submits a trade',
    request: request(null),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/execution' },
    because: 'no identity is not the excluded identity',
  },
  {
    name: 'the excluded identity submits a trade',
    request: request('spiffe://trading.local/ns/trading/sa/stranger'),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: null },
    because: 'it is the one that the rule excludes',
  },
];
