import type { ConformanceRequest } from '../../conformance-case.ts';

const request = (account: string, path: string) => ({
  source: { principal: `spiffe://trading.local/ns/trading/sa/${account}` },
  destination: { namespace: 'trading', workload: 'execution', port: 50053 },
  http: { method: 'POST', path, host: 'execution', headers: {} },
});

/** What a stray dash opens. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'a stranger submits a trade',
    request: request('stranger', '/trading.execution.v1.ExecutionService/SubmitTrade'),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/execution' },
    because: 'the second rule names no source, so any source will do',
  },
  {
    name: 'order halts trading',
    request: request('order', '/trading.execution.v1.ExecutionService/SetTradingHalt'),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/execution' },
    because: 'the first rule names no operation, so any operation will do',
  },
  {
    name: 'a stranger halts trading',
    request: request('stranger', '/trading.execution.v1.ExecutionService/SetTradingHalt'),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: null },
    because: 'neither rule matches',
  },
];
