import { describe, expect, test } from 'vitest';
import { firstGate } from '#policies/language/validate.ts';
import { authentication, authorization, found, istio, places, source } from '../../../support/policy-documents.ts';

describe('rules of the CRDs (CEL)', () => {
  const mtls = (spec: object) => istio('security', 'PeerAuthentication', spec);
  const entry = (spec: object) => istio('networking', 'ServiceEntry', { hosts: ['a.example'], ...spec });
  const port = (number: number, name: string) => ({ number, name, protocol: 'TCP' });

  test.for([
    [
      'two attachments',
      authorization({ selector: {}, targetRef: { kind: 'Service', name: 'a' } }),
      'cel/attachment spec',
    ],
    [
      'accounts with principals',
      source({ serviceAccounts: ['a'], notPrincipals: ['b'] }),
      'cel/service-accounts spec.rules[0].from[0].source',
    ],
    [
      'a wildcard in a label name',
      authorization({ selector: { matchLabels: { 'a*': 'b' } } }),
      'cel/selector-wildcard spec.selector.matchLabels["a*"]',
    ],
    [
      'a port that is no number',
      mtls({ selector: { matchLabels: { a: 'b' } }, portLevelMtls: { acd: {} } }),
      'cel/port spec.portLevelMtls.acd',
    ],
    [
      'a key source without scheme',
      authentication({ issuer: 'i', jwksUri: 'idp.example/keys' }),
      'cel/jwks-uri spec.jwtRules[0].jwksUri',
    ],
    [
      'a timeout that is none',
      authentication({ issuer: 'i', timeout: 'soon' }),
      'cel/timeout spec.jwtRules[0].timeout',
    ],
    ['a timeout too short', authentication({ issuer: 'i', timeout: '500us' }), 'cel/timeout spec.jwtRules[0].timeout'],
    ['a repeated port', entry({ ports: [port(80, 'a'), port(80, 'b')] }), 'cel/port-repeated spec.ports[1]'],
    ['a port of zero', entry({ ports: [port(0, 'a')] }), 'cel/port spec.ports[0]'],
    ['the widest host', istio('networking', 'ServiceEntry', { hosts: ['*'] }), 'cel/host spec.hosts[0]'],
    ['endpoints without resolution', entry({ endpoints: [{ address: '1.2.3.4' }] }), 'cel/endpoints spec.endpoints'],
    [
      'two ingress listeners on a port',
      istio('networking', 'Sidecar', { ingress: [{ port: port(80, 'a') }, { port: port(80, 'b') }] }),
      'cel/port-repeated spec.ingress[1].port',
    ],
  ] as const)('%s is refused', ([, object, place]) => {
    expect(places(object)).toEqual([place]);
    expect(firstGate(found(object))).toBe('cel');
  });
});
