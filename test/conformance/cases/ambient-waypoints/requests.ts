import type { ConformanceRequest } from '../../conformance-case.ts';
import { call, from } from '../../trading-call.ts';

/** A waypoint enforces what is attached to it, and counts only where an L4 rule makes it the sole way in. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'around the waypoint',
    request: call('around', from('risk'), { path: '/admin' }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'no L4 rule says that calls must come through the waypoint: the pod itself takes anybody',
  },
  {
    name: 'through the waypoint, as declared',
    request: call('sole', from('order'), { path: '/quotes' }),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/sole-http' },
    because: 'the waypoint lets the caller in, and ztunnel the waypoint',
  },
  {
    name: 'through the waypoint, another path',
    request: call('sole', from('order'), { path: '/admin' }),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: { http: 403, grpc: 7 } },
    because: 'the waypoint refuses it, and ztunnel knows no caller but the waypoint',
  },
  {
    name: 'another caller at the waypoint',
    request: call('sole', from('risk'), { path: '/quotes' }),
    expected: { verdict: 'deny', layer: 'authorization-policy' },
    because: 'the waypoint sees the identity of the caller',
  },
  {
    name: 'plaintext does not get to a waypoint',
    request: call('sole', { principal: null }, { path: '/quotes' }),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because: 'a waypoint listens for HBONE, and ztunnel finds no principal',
  },
  {
    name: 'an L4 rule that names the callers',
    request: call('shut', from('order'), { path: '/admin' }),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/shut' },
    because: 'whoever it names goes around the waypoint; the waypoint itself is not let in',
  },
  {
    name: 'a waypoint that ztunnel does not let in',
    request: call('barred', from('order'), { path: '/quotes' }),
    expected: { verdict: 'deny', layer: 'authorization-policy', status: null },
    because:
      "ztunnel sees the identity of the waypoint, and no rule names it, though the waypoint's own policy lets the caller in",
  },
  {
    name: 'the port at the waypoint',
    request: call('ports', from('order')),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/ports-service' },
    because: "the waypoint sees the Service's port 80",
  },
  {
    name: 'a Service that uses no waypoint',
    request: call('unattached', from('risk'), { path: '/admin' }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'the policy that is attached to it runs nowhere',
  },
  {
    name: 'a waypoint that is not there',
    request: call('absent', from('risk'), { path: '/admin' }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'the policy that is attached to it runs nowhere',
  },
  {
    name: 'a waypoint for pods',
    request: call('pods', from('order'), { path: '/quotes' }),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/pods-http' },
    because: 'calls to the pod go through it',
  },
  {
    name: 'and its policy',
    request: call('pods', from('risk'), { path: '/quotes' }),
    expected: { verdict: 'deny', layer: 'authorization-policy' },
    because: 'calls to the pod go through it',
  },
];
