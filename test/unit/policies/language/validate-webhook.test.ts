import { describe, expect, test } from 'vitest';
import { firstGate } from '#policies/language/validate.ts';
import {
  authentication,
  authorization,
  condition,
  found,
  istio,
  operation,
  places,
  source,
} from '../../../support/policy-documents.ts';

describe("istiod's webhook", () => {
  const custom = (rule: object) => authorization({ action: 'CUSTOM', provider: { name: 'x' }, rules: [rule] });

  test.for([
    [
      'an account in three parts',
      source({ notServiceAccounts: ['a/b/c'] }),
      'service-account spec.rules[0].from[0].source.notServiceAccounts[0]',
    ],
    [
      'an account without name',
      source({ serviceAccounts: ['a/'] }),
      'service-account spec.rules[0].from[0].source.serviceAccounts[0]',
    ],
    ['an octal address', source({ ipBlocks: ['010.0.0.1'] }), 'address spec.rules[0].from[0].source.ipBlocks[0]'],
    ['a short address', source({ ipBlocks: ['10.1'] }), 'address spec.rules[0].from[0].source.ipBlocks[0]'],
    ['a prefix too long', source({ ipBlocks: ['10.0.0.0/33'] }), 'address spec.rules[0].from[0].source.ipBlocks[0]'],
    [
      'two stars in a trust domain',
      source({ trustDomains: ['*a*'] }),
      'trust-domain spec.rules[0].from[0].source.trustDomains[0]',
    ],
    ['a port too large', operation({ ports: ['65536'] }), 'port spec.rules[0].to[0].operation.ports[0]'],
    [
      'an operator after {**}',
      operation({ notPaths: ['/{**}/a/{*}'] }),
      'template spec.rules[0].to[0].operation.notPaths[0]',
    ],
    ['a quote in a template', operation({ paths: ['/"/{*}'] }), 'template spec.rules[0].to[0].operation.paths[0]'],
    [
      'an empty segment in a template',
      operation({ paths: ['/a//{*}'] }),
      'template spec.rules[0].to[0].operation.paths[0]',
    ],
    ['an empty key', condition({ key: '', values: ['a'] }), 'condition-key spec.rules[0].when[0].key'],
    ['no values', condition({ key: 'source.ip', values: [] }), 'condition-values spec.rules[0].when[0]'],
    ['an empty bracket', condition({ key: 'request.headers[]', values: ['a'] }), 'map-key spec.rules[0].when[0].key'],
    [
      'a key that was removed',
      condition({ key: 'destination.labels[a]', values: ['b'] }),
      'removed-key spec.rules[0].when[0].key',
    ],
    [
      'an inherited property as key',
      condition({ key: 'constructor', values: ['b'] }),
      'unknown-key spec.rules[0].when[0].key',
    ],
    [
      'CUSTOM with accounts',
      custom({ from: [{ source: { serviceAccounts: ['a'] } }] }),
      'custom spec.rules[0].from[0].source.serviceAccounts',
    ],
    [
      'CUSTOM with a token',
      custom({ when: [{ key: 'request.auth.principal', values: ['a'] }] }),
      'custom spec.rules[0].when[0].key',
    ],
    ['DENY with an empty list of rules', authorization({ action: 'DENY', rules: [] }), 'no-rules spec'],
    [
      'a target that cannot be one',
      authorization({ targetRefs: [{ kind: 'Deployment', group: 'apps', name: 'a' }] }),
      'target-kind spec.targetRefs[0]',
    ],
    ['a rule without issuer', authentication({ jwks: '{"keys":[]}' }), 'issuer spec.jwtRules[0]'],
    [
      'a key without its members',
      authentication({ issuer: 'i', jwks: '{"keys":[{"kty":"EC","crv":"P-256"}]}' }),
      'jwks spec.jwtRules[0].jwks',
    ],
    ['a key of no type', authentication({ issuer: 'i', jwks: '{"keys":[1]}' }), 'jwks spec.jwtRules[0].jwks'],
    ['a key set that is a number', authentication({ issuer: 'i', jwks: '1' }), 'jwks spec.jwtRules[0].jwks'],
    [
      'a timeout finer than a millisecond',
      authentication({ issuer: 'i', timeout: '1500us' }),
      'timeout spec.jwtRules[0].timeout',
    ],
    [
      'a dry run of another kind',
      istio('security', 'PeerAuthentication', {}, { annotations: { 'istio.io/dry-run': 'true' } }),
      'dry-run metadata.annotations["istio.io/dry-run"]',
    ],
    ['a Sidecar of nothing', istio('networking', 'Sidecar', {}), 'sidecar-empty spec'],
    [
      'a Sidecar host without namespace',
      istio('networking', 'Sidecar', { egress: [{ hosts: ['a.example'] }] }),
      'sidecar-host spec.egress[0].hosts[0]',
    ],
    ['a VirtualService without routes', istio('networking', 'VirtualService', { hosts: ['a'] }), 'routes spec'],
  ] as const)('%s is refused', ([, object, place]) => {
    expect(places(object)).toEqual([`webhook/${place}`]);
    expect(firstGate(found(object))).toBe('webhook');
  });
});
