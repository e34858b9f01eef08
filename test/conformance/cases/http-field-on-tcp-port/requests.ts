import type { ConformanceRequest } from '../../conformance-case.ts';

/** HTTP fields on a TCP chain. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'order opens a connection',
    request: {
      source: { principal: 'spiffe://trading.local/ns/trading/sa/order' },
      destination: { namespace: 'trading', workload: 'execution', port: 50053 },
      http: null,
    },
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: 'trading/execution' },
    because: 'the path is dropped from the DENY rule, and what is left matches everything',
  },
];
