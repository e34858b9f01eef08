import { describe, expect, test } from 'vitest';
import { readDocuments } from '#policies/language/document.ts';
import { firstGate, validate } from '#policies/language/validate.ts';
import {
  authentication,
  authorization,
  condition,
  found,
  istio,
  networkPolicy,
  operation,
  places,
  source,
} from '../../../support/policy-documents.ts';

describe('documents that every gate lets pass', () => {
  test.for([
    ['allow-nothing', authorization({})],
    [
      'a policy without spec',
      { apiVersion: 'security.istio.io/v1beta1', kind: 'AuthorizationPolicy', metadata: { name: 'p' } },
    ],
    ['a null label counts as absent', authorization({ selector: { matchLabels: { app: null } }, rules: [{}] })],
    ['a null member counts as absent', authorization({ selector: null, rules: [{ from: null }] })],
    ['empty from and when lists', authorization({ rules: [{ from: [], when: [] }] })],
    ['a dry run', authorization({ rules: [{}] }, { annotations: { 'istio.io/dry-run': 'true' } })],
    ['trust domains', source({ trustDomains: ['*.local', 'a.*', '*'] })],
    ['addresses', source({ ipBlocks: ['10.0.0.0/8', '::1', 'fe80::/10'], notRemoteIpBlocks: ['1.2.3.4'] })],
    ['templates', operation({ paths: ['/a/{*}/b/{**}', '/x/{**}/y', '/*', '/a;b=c/{*}'] })],
    ['claims', condition({ key: 'request.auth.claims[a][b]', values: ['*'] })],
    ['filter state', condition({ key: 'experimental.envoy.filters.x[y]', notValues: ['[a]'] })],
    ['a JWT rule by address', authentication({ issuer: 'i', jwksUri: 'https://i.example/keys', timeout: '1m30s' })],
    ['a JWT rule without keys', authentication({ issuer: 'i' })],
    ['an empty key set', authentication({ issuer: 'i', jwks: '{"keys":[]}' })],
    [
      'port-level mTLS',
      istio('security', 'PeerAuthentication', {
        selector: { matchLabels: { a: 'b' } },
        portLevelMtls: { 8080: { mode: 'DISABLE' } },
      }),
    ],
    ['default deny', networkPolicy({ policyTypes: ['Ingress', 'Egress'] })],
    [
      'a port range',
      networkPolicy({
        egress: [
          {
            ports: [
              { port: 80, endPort: 90 },
              { port: 'web', protocol: 'UDP' },
            ],
          },
        ],
      }),
    ],
    [
      'an ip block',
      networkPolicy({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }] }),
    ],
    ['a sidecar', istio('networking', 'Sidecar', { egress: [{ hosts: ['./*', 'istio-system/*'] }] })],
    [
      'a virtual service',
      istio('networking', 'VirtualService', {
        hosts: ['a'],
        http: [{ route: [{ destination: { host: 'a' } }], timeout: '1s' }],
      }),
    ],
    [
      'a destination rule',
      istio('networking', 'DestinationRule', { host: 'a', trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } } }),
    ],
    [
      'a service entry',
      istio('networking', 'ServiceEntry', {
        hosts: ['a.example'],
        ports: [{ number: 443, name: 'https', protocol: 'TLS' }],
        resolution: 'DNS',
      }),
    ],
    [
      'a gateway',
      istio('networking', 'Gateway', {
        selector: { a: 'b' },
        servers: [{ port: { number: 443, name: 'x', protocol: 'HTTPS' }, hosts: ['*'] }],
      }),
    ],
    [
      'telemetry',
      istio('telemetry', 'Telemetry', {
        tracing: [{ providers: [{ name: 'jaeger' }], randomSamplingPercentage: 100 }],
      }),
    ],
    ['a kind this language does not carry', { apiVersion: 'example.org/v9', kind: 'Gateway', anything: [1] }],
    [
      'a kind of a known group that it does not carry',
      { apiVersion: 'networking.istio.io/v1alpha3', kind: 'EnvoyFilter' },
    ],
  ] as const)('%s', ([, object]) => {
    expect(found(object)).toEqual([]);
  });
});

describe('schema', () => {
  test.for([
    ['a string for a list', source({ principals: 'a' }), 'schema/type spec.rules[0].from[0].source.principals'],
    ['a number for a string', operation({ ports: [80] }), 'schema/type spec.rules[0].to[0].operation.ports[0]'],
    ['a null item', authorization({ rules: [null] }), 'schema/type spec.rules[0]'],
    ['a null that is required', condition({ key: null, values: ['a'] }), 'schema/required spec.rules[0].when[0].key'],
    ['a missing name', { apiVersion: 'v1', kind: 'Namespace', metadata: {} }, 'schema/required metadata.name'],
    ['missing metadata', { apiVersion: 'v1', kind: 'Namespace' }, 'schema/required metadata'],
    [
      'a name in capitals',
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'A' } },
      'schema/pattern metadata.name',
    ],
    [
      'an annotation that is a boolean',
      authorization({}, { annotations: { 'istio.io/dry-run': true } }),
      'schema/type metadata.annotations["istio.io/dry-run"]',
    ],
    [
      'a version that does not exist',
      { apiVersion: 'security.istio.io/v2', kind: 'PeerAuthentication', metadata: { name: 'p' } },
      'schema/unknown-version apiVersion',
    ],
    [
      'a kind in the wrong group',
      { apiVersion: 'v1', kind: 'Deployment', metadata: { name: 'd' } },
      'schema/unknown-version apiVersion',
    ],
    [
      'a Service port out of range',
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 70_000 }] } },
      'schema/range spec.ports[0].port',
    ],
    [
      'a target port below all',
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 80, targetPort: -1 }] } },
      'schema/port spec.ports[0].targetPort',
    ],
    [
      'a target port in quotes',
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 80, targetPort: '81' }] } },
      'schema/port spec.ports[0].targetPort',
    ],
    ['a blank peer', networkPolicy({ ingress: [{ from: [{}] }] }), 'schema/peer spec.ingress[0].from[0]'],
    [
      'a peer of both sorts',
      networkPolicy({ ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] }),
      'schema/peer spec.ingress[0].from[0]',
    ],
    [
      'a bad range',
      networkPolicy({ egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0' } }] }] }),
      'schema/cidr spec.egress[0].to[0].ipBlock.cidr',
    ],
    [
      'an exception outside',
      networkPolicy({ egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/9'] } }] }] }),
      'schema/cidr spec.egress[0].to[0].ipBlock.except[0]',
    ],
    [
      'a quoted port',
      networkPolicy({ egress: [{ ports: [{ port: '53' }] }] }),
      'schema/port spec.egress[0].ports[0].port',
    ],
    [
      'an upside-down range',
      networkPolicy({ egress: [{ ports: [{ port: 90, endPort: 80 }] }] }),
      'schema/port spec.egress[0].ports[0].endPort',
    ],
    [
      'In without values',
      networkPolicy({ podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }),
      'schema/selector spec.podSelector.matchExpressions[0]',
    ],
  ] as const)('%s is refused', ([, object, place]) => {
    expect(places(object)).toEqual([place]);
    expect(firstGate(found(object))).toBe('schema');
  });

  test('all faults are reported at once', () => {
    const object = authorization({
      action: 'Block',
      rule: [],
      rules: [{ from: 'a' }, { to: [{ operation: { ports: [1] } }] }],
    });
    expect([...places(object)].sort()).toEqual([
      'schema/enum spec.action',
      'schema/type spec.rules[0].from',
      'schema/type spec.rules[1].to[0].operation.ports[0]',
      'unknown-field/unknown spec.rule',
    ]);
  });
});

describe('wording', () => {
  const wording = (object: unknown) => found(object).map(({ message, help }) => [message, help]);

  test('a misspelt field names the one that was meant', () => {
    expect(wording(source({ principal: ['a'], namespaces: ['b'] }))).toEqual([
      ['unknown field `principal`', 'did you mean `principals`?'],
    ]);
  });

  test('a field like no other lists what is known', () => {
    expect(wording(authorization({ zzz: 1 }))).toEqual([
      ['unknown field `zzz`', 'known here: selector, targetRef, targetRefs, action, provider, rules'],
    ]);
  });

  test('a number where text is expected asks for quotes', () => {
    const help = 'quote it: "8080" (YAML reads bare numbers, `yes` and `on` as more than text)';
    expect(wording(operation({ ports: [8080] }))).toEqual([['expected a string, got the number `8080`', help]]);
  });

  test('text where a list is expected shows the list', () => {
    expect(wording(operation({ paths: '/a' }))).toEqual([
      ['expected a list, got the string `/a`', 'write a list: `[…]`'],
    ]);
  });

  test('an unknown word names the nearest known one', () => {
    expect(wording(authorization({ action: 'Alow' }))).toEqual([
      ['expected one of `ALLOW`, `DENY`, `AUDIT`, `CUSTOM`, got `Alow`', 'did you mean `ALLOW`?'],
    ]);
  });

  test('long and multi-line input is shown on one line and cut', () => {
    const [[message]] = wording(operation({ paths: 'x\n'.repeat(500) })) as [[string]];
    expect(message).toMatch(/^expected a list, got the string `(x\\n){40}…`$/);
  });

  test('a problem carries its line', () => {
    const text =
      'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec:\n  rules:\n    - to:\n        - operation:\n            methods: [GET]\n            paths:\n              - /a{*}\n';
    const [document] = readDocuments('p.yaml', text).documents;
    expect(document && validate(document).map(({ code, at }) => ({ code, ...at }))).toEqual([
      { code: 'webhook/template', file: 'p.yaml', path: 'spec.rules[0].to[0].operation.paths[0]', line: 10 },
    ]);
  });
});
