import type { ConformanceRequest } from '../../conformance-case.ts';
import { call, from } from '../../trading-call.ts';

/** ztunnel gets ALLOW and DENY policies without targetRefs: DENY first, then the default, then ALLOW. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'DENY before ALLOW',
    request: call('deny-first', from('order')),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: 'trading/deny-first', status: null },
    because: 'a DENY rule matches, whatever ALLOW rules say',
  },
  {
    name: 'others pass to ALLOW',
    request: call('deny-first', from('risk')),
    expected: { verdict: 'allow', layer: 'none', policy: 'trading/deny-first-allow' },
    because: 'no DENY rule matches, and the ALLOW rule takes everybody',
  },
  {
    name: 'the default without ALLOW',
    request: call('no-allow', from('order')),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'no ALLOW policy is there, so that all else is allowed',
  },
  {
    name: 'AUDIT is not sent',
    request: call('audited', from('order')),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'ztunnel knows no AUDIT',
  },
  {
    name: 'CUSTOM is not sent',
    request: call('asked', from('order')),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'ztunnel asks no provider, where a sidecar would deny for one that is missing',
  },
  {
    name: 'dry-run is not sent',
    request: call('rehearsed', from('order')),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'the flag of dry-run in ambient is off by default',
  },
  {
    name: 'targetRefs are not for ztunnel',
    request: call('attached', from('order')),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'a policy that is attached elsewhere is not sent',
  },
  {
    name: 'the root namespace is global',
    request: call('no-allow', from('banned')),
    expected: { verdict: 'deny', layer: 'authorization-policy', policy: 'istio-system/everywhere', status: null },
    because: 'a policy of the root namespace without selector holds for all workloads',
  },
];
