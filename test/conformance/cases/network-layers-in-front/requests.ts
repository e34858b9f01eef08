import type { ConformanceRequest } from '../../conformance-case.ts';

const request = (name: string) => ({
  source: { workload: { namespace: 'trading', name } },
  destination: { namespace: 'trading', workload: 'execution', port: 50053 },
  http: { method: 'POST', path: '/trading.execution.v1.ExecutionService/SubmitTrade', host: 'execution', headers: {} },
});

/** The first layer that stops a call is the one that is named. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'order passes every layer',
    request: request('order'),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/execution' },
    because: 'its Sidecar, both NetworkPolicies, mTLS and the rule admit it',
  },
  {
    name: 'a twin with the same service account is stopped by the network',
    request: request('twin'),
    expected: { verdict: 'deny', layer: 'network-policy', policy: 'trading/execution' },
    because: 'the NetworkPolicy selects pods by label, not by identity',
  },
  {
    name: 'a workload whose Sidecar imports nothing is stopped before the network',
    request: request('narrow'),
    expected: { verdict: 'deny', layer: 'egress' },
    because: 'its proxy does not know the host',
  },
];
