import type { ConformanceRequest } from '../../conformance-case.ts';
import { call } from '../../trading-call.ts';

/** Between captured pods the port on the wire is 15008: rules for other ports break the mesh, one for it opens every port. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'a rule for the port of the application',
    request: call('by-port', { workload: { namespace: 'trading', name: 'order' } }),
    expected: { verdict: 'deny', layer: 'network-policy', policy: 'trading/by-port' },
    because: 'the connection goes to 15008',
  },
  {
    name: 'a rule for the tunnel opens every port',
    request: call('by-tunnel', { workload: { namespace: 'trading', name: 'order' } }, { port: 9999 }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'whatever the port, the connection goes to 15008',
  },
  {
    name: 'plaintext of a pod that is not captured',
    request: call('by-port', { workload: { namespace: 'trading', name: 'outside' } }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'it goes to the port of the application',
  },
  {
    name: 'and not to the tunnel',
    request: call('by-tunnel', { workload: { namespace: 'trading', name: 'outside' } }),
    expected: { verdict: 'deny', layer: 'network-policy', policy: 'trading/by-tunnel' },
    because: 'it goes to the port of the application',
  },
];
