import type { ConformanceRequest } from '../../conformance-case.ts';
import { call, from } from '../../trading-call.ts';

/** A policy of the root namespace that is attached to the class holds at every waypoint. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'the class of all waypoints',
    request: call('class', from('risk'), { path: '/quotes' }),
    expected: { verdict: 'deny', layer: 'authorization-policy' },
    because: 'the policy of the root namespace holds at every waypoint',
  },
  {
    name: 'and lets its caller in',
    request: call('class', from('order'), { path: '/quotes' }),
    expected: { verdict: 'allow', layer: 'none', policy: 'istio-system/class-http' },
    because: 'the policy of the root namespace holds at every waypoint',
  },
];
