import type { ConformanceRequest } from '../../conformance-case.ts';
import { call, from } from '../../trading-call.ts';

/** Who is captured by ztunnel, and what a captured caller sends. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'the label of the namespace',
    request: call('captured', from('order'), { path: '/only' }),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'the rule with paths is gone at ztunnel',
  },
  {
    name: 'a pod that is left out',
    request: call('left-out', from('order'), { path: '/only' }),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/nobody' },
    because: 'its own label says none, so that it is taken for a pod with a sidecar that no label asks for',
  },
  {
    name: 'a sidecar wins',
    request: call('injected', from('order'), { path: '/only' }),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/nobody' },
    because: 'the pod asks for a sidecar, which reads paths',
  },
  {
    name: 'a pod of the host network',
    request: call('host', { principal: null }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'it is captured by nobody',
  },
  {
    name: 'a pod without sidecar is captured',
    request: call('without-sidecar', from('order'), { path: '/only' }),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'that no sidecar is injected does not keep ztunnel away',
  },
  {
    name: 'the label of the pod',
    request: {
      ...call('own-label', { principal: null }),
      destination: { namespace: 'mixed', workload: 'own-label', port: 8080 },
    },
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'the namespace says nothing, the pod does',
  },
  {
    name: 'a captured caller shows its identity',
    request: call('without-sidecar', { workload: { namespace: 'trading', name: 'captured' } }),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/nobody' },
    because: 'HBONE carries it: neither Sidecar, REGISTRY_ONLY nor DestinationRules are read',
  },
  {
    name: 'and to a sidecar as well',
    request: call('injected', { workload: { namespace: 'trading', name: 'captured' } }),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/nobody' },
    because: 'the DestinationRule of the namespace is not read by ztunnel',
  },
  {
    name: 'plaintext to a pod without mesh',
    request: {
      ...call('plain', { workload: { namespace: 'trading', name: 'captured' } }),
      destination: { namespace: 'mixed', workload: 'plain', port: 8080 },
    },
    expected: { verdict: 'allow', layer: 'none' },
    because: 'nothing of the mesh is there',
  },
  {
    name: 'a sidecar obeys its Sidecar resource',
    request: call('captured', { workload: { namespace: 'trading', name: 'injected' } }),
    expected: { verdict: 'deny', layer: 'egress' },
    because: 'it imports nothing',
  },
];
