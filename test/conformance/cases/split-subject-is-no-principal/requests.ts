import type { ConformanceRequest } from '../../conformance-case.ts';

const request = (iss: string, sub: string, port = 8000) => ({
  source: { principal: 'spiffe://cluster.local/ns/b/sa/z' },
  destination: { namespace: 'b', workload: 'z', port },
  http: { method: 'POST', path: '/', host: 'z.b' },
  jwt: { claims: { iss, sub } },
});
const allow = { verdict: 'allow', layer: 'none' } as const;
const deny = { verdict: 'deny', layer: 'authorization-policy' } as const;

/** The first is what Envoy 1.39.3 behind istiod 1.31 answered. Source: istio `requestPrincipalGenerator.extendedPrincipal`. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'the principal of an issuer whose subjects are split',
    request: request('https://one', 'u'),
    expected: allow,
    because: 'one word is a list too, and lists are no text',
  },
  {
    name: 'the principal of another issuer',
    request: request('https://two', 'u'),
    expected: deny,
    because: 'its subject is a text',
  },
  {
    name: 'the claim itself',
    request: request('https://one', 'u v', 8001),
    expected: deny,
    because: 'conditions on claims read each word',
  },
];
