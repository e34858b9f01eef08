import type { ConformanceRequest } from '../../conformance-case.ts';

/** A grant on the Service port is dead. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'order submits a trade through the Service port 80',
    request: {
      source: { principal: 'spiffe://trading.local/ns/trading/sa/order' },
      destination: { namespace: 'trading', workload: 'execution', port: 50053 },
      http: {
        method: 'POST',
        path: '/trading.execution.v1.ExecutionService/SubmitTrade',
        host: 'execution:80',
        headers: {},
      },
    },
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: null },
    because: 'the proxy sees the container port 50053, never the Service port 80',
  },
];
