import type { ConformanceRequest } from '../../conformance-case.ts';

const request = (claims: object | null, headers: Readonly<Record<string, readonly string[]>> = {}) => ({
  source: { principal: 'spiffe://cluster.local/ns/b/sa/z' },
  destination: { namespace: 'b', workload: 'z', port: 8000 },
  http: { method: 'POST', path: '/', host: 'z.b', headers },
  jwt: claims === null ? null : { claims: { iss: 'https://one', ...claims } },
});
const level = (value: unknown) => request({ org: { level: value } });
const allow = { verdict: 'allow', layer: 'none' } as const;
const deny = { verdict: 'deny', layer: 'authorization-policy' } as const;

/** What headers hold of claims. Source: Envoy `Authenticator::addJWTClaimToHeader`. */
export const requests: readonly ConformanceRequest[] = [
  { name: 'a claim of text', request: request({ role: 'trader' }), expected: allow, because: 'the header is its text' },
  {
    name: 'a claim of several words',
    request: request({ role: 'trader viewer' }),
    expected: deny,
    because: 'the header is the whole text, though rules for claims read each word',
  },
  {
    name: 'a client forges the header beside its token',
    request: request({ role: 'viewer' }, { 'x-role': ['trader'] }),
    expected: deny,
    because: 'what clients send under the name is removed',
  },
  {
    name: 'a client without a token sends the header',
    request: request(null, { 'x-role': ['trader'] }),
    expected: deny,
    because: 'the filter removes it where no token is, too',
  },
  { name: 'a whole number', request: level(7), expected: allow, because: 'it is written in digits' },
  { name: 'a fraction', request: level(2.5), expected: allow, because: 'it is written with six places' },
  { name: 'a boolean', request: level(true), expected: allow, because: 'it is written as true or false' },
  { name: 'a negative number', request: level(-7), expected: deny, because: 'it is written as -7.000000' },
  { name: 'an empty text', request: request({ role: '' }), expected: deny, because: 'nothing is written' },
];
