import type { ConformanceRequest } from '../../conformance-case.ts';
import { call, from } from '../../trading-call.ts';

/** At ztunnel STRICT denies the empty principal, and DISABLE acts as PERMISSIVE. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'plaintext into STRICT',
    request: call('strict', { principal: null }),
    expected: { verdict: 'deny', layer: 'peer-authentication', status: null },
    because: 'the converted policy denies callers without principal',
  },
  {
    name: 'a certificate into STRICT',
    request: call('strict', from('order')),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'the principal is there',
  },
  {
    name: 'DISABLE lets plaintext in',
    request: call('disabled', { principal: null }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'it acts as PERMISSIVE',
  },
  {
    name: 'DISABLE takes certificates too',
    request: call('disabled', from('order')),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'a sidecar would refuse the handshake',
  },
  {
    name: 'a port with DISABLE',
    request: call('ports', { principal: null }),
    expected: { verdict: 'allow', layer: 'none' },
    because: 'the exception of the port acts as PERMISSIVE',
  },
  {
    name: 'the other ports of the same workload',
    request: call('ports', { principal: null }, { port: 9090 }),
    expected: { verdict: 'deny', layer: 'peer-authentication', status: null },
    because: 'they are STRICT',
  },
  {
    name: 'a foreign trust domain',
    request: call('disabled', from('order', 'foreign.local')),
    expected: { verdict: 'deny', layer: 'peer-authentication', status: null },
    because: 'the handshake fails closed',
  },
  {
    name: 'PERMISSIVE of the namespace',
    request: {
      ...call('loose', { principal: null }),
      destination: { namespace: 'loose', workload: 'loose', port: 8080 },
    },
    expected: { verdict: 'allow', layer: 'none' },
    because: 'the namespace comes after the mesh',
  },
];
