import { describe, expect, test } from 'vitest';
import type { Explanation } from '#policies/analysis/explain/explanation.ts';
import { explanationText } from '#policies/cli/report/explanation-text.ts';
import { networkingYaml, securityYaml } from '../../../../support/small-mesh.ts';
import { CALLER, explained, onX, rule } from './explained.ts';

const deciding = ({ layers }: Explanation) => layers.find(({ decides }) => decides);
const shown = (explanation: Explanation) => explanationText(explanation, (_, text) => text);
const misses = ({ nearMisses }: Explanation) =>
  nearMisses.map(({ place, misses: fields }) => [
    `${place.kind} ${place.rule}`,
    ...fields.map(({ field, expected, got }) => `${field}: ${expected.join(' ')} but ${got}`),
  ]);

describe('a NetworkPolicy that decides', () => {
  const pods = (app: string) => ({ podSelector: { matchLabels: { app } } });
  const block = { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } };
  const network = networkingYaml(
    'NetworkPolicy',
    'a',
    {
      podSelector: { matchLabels: { app: 'x' } },
      ingress: [
        { from: [pods('z')], ports: [{ port: 80 }] },
        { from: [pods('y')], ports: [{ port: 9090 }] },
        { from: [pods('z')], ports: [{ port: 9090 }] },
        { from: [block], ports: [{ port: 80 }] },
      ],
    },
    'in',
  );

  test('shows the rules that only the caller or only the port fails, each at its line', () => {
    const explanation = explained([network]);
    expect(misses(explanation)).toEqual([
      [
        'NetworkPolicy 0',
        'from: {"podSelector":{"matchLabels":{"app":"z"}}} but pod a/y (app=y, sidecar.istio.io/inject=true)',
      ],
      ['NetworkPolicy 1', 'ports: {"port":9090} but 80'],
    ]);
    expect(shown(explanation)).toMatch(/^ {2}NetworkPolicy a\/in rule 1 \(mesh\.yaml:\d+\)$/m);
  });

  test('shows the block that excepts an address', () => {
    const explanation = explained([network], { source: { principal: `spiffe://${CALLER}`, ip: '10.1.2.3' } });
    expect(misses(explanation)).toContainEqual([
      'NetworkPolicy 3',
      'from: {"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]}} but 10.1.2.3, an address alone, which is no pod',
    ]);
  });

  test('is told from those of the caller', () => {
    const out = networkingYaml(
      'NetworkPolicy',
      'a',
      {
        podSelector: { matchLabels: { app: 'y' } },
        policyTypes: ['Egress'],
        egress: [{ to: [pods('x')], ports: [{ port: 81 }] }],
      },
      'out',
    );
    expect(misses(explained([out]))).toEqual([['NetworkPolicy 0', 'ports: {"port":81} but 80']]);
  });
});

describe('a request that the codec refuses', () => {
  const http = { method: 'GET', path: 'get', host: 'x.a' };

  test('is asked of no layer behind it, and nearly fits no rule', () => {
    const explanation = explained([onX([rule(CALLER, '/get')])], { http });
    expect(deciding(explanation)).toMatchObject({
      layer: 'codec',
      because: 'the path `get` has no leading slash: the connection is closed',
    });
    const behind = explanation.layers.filter(({ layer }) => ['custom', 'deny', 'allow'].includes(layer));
    for (const { outcome, because } of behind) {
      expect(outcome).toBe('absent');
      expect(because).toContain('the codec reads no request');
    }
    expect(explanation.nearMisses).toEqual([]);
    expect(shown(explanation)).toContain('no other layer would have stopped it');
  });

  test.for([
    { paths: ['/get'], next: 'with the path `/get` it is allowed' },
    { paths: ['/put'], next: 'with the path `/get` authorization-policy stops it: explain that call' },
  ])('is told what becomes of it with a slash: $next', ({ paths, next }) => {
    expect(explained([onX([rule(CALLER, ...paths)])], { http }).advice).toContain(next);
  });

  test('names bytes that are no HTTP, and %00, for what they are', () => {
    expect(explained([], { http: { ...http, path: '/%00' } }).layers.find(({ decides }) => decides)?.because).toBe(
      'the path `/%00` holds %00: answered 400',
    );
  });
});

describe('a DENY rule that decides', () => {
  test('says by which fields it matches', () => {
    const denied = [
      {
        from: [{ source: { namespaces: ['b'] } }, { source: { namespaces: ['a'], notPrincipals: ['td/ns/a/sa/z'] } }],
        to: [{ operation: { methods: ['GET'] } }],
        when: [{ key: 'request.headers[x]', notValues: ['1'] }],
      },
    ];
    expect(deciding(explained([onX(denied, { action: 'DENY' })]))?.because).toBe(
      'a DENY rule matches: namespaces a, notPrincipals td/ns/a/sa/z, methods GET, when request.headers[x] notValues 1',
    );
  });

  test.for([
    {
      operation: { paths: ['/x'] },
      said: 'this port reads none of its fields, and what is left of it asks for nothing',
    },
    { operation: { paths: ['/x'], ports: ['70'] }, said: 'by those of its fields that this port reads' },
  ])('on a TCP port says what is left of it: $said', ({ operation, said }) => {
    const denied = onX([{ to: [{ operation }] }], { action: 'DENY' });
    const explanation = explained([denied], { destination: { namespace: 'a', workload: 'x', port: 70 }, http: null });
    expect(deciding(explanation)?.because).toContain(said);
  });

  test('says so where it asks for nothing', () => {
    expect(deciding(explained([onX([{}], { action: 'DENY' })]))?.because).toContain('it matches every call');
  });
});

describe('CUSTOM', () => {
  const asks = securityYaml(
    'AuthorizationPolicy',
    'a',
    { action: 'CUSTOM', provider: { name: 'ext' }, rules: [{}] },
    'ask',
  );
  const provider = (name: string) => ({
    settings: {
      extensionProviders: [{ name, envoyExtAuthzGrpc: { service: 'authz.a.svc.cluster.local', port: 9000 } }],
    },
  });

  test('that is taken to allow leaves what the caller sees open', () => {
    const explanation = explained([asks], {}, provider('ext'));
    expect(explanation.answer.assumptions).toEqual(['CUSTOM provider `ext` allows the request']);
    expect(shown(explanation)).toContain('the caller sees: the answer of the application, if what is assumed holds');
  });

  test('without its provider names it, and those that there are', () => {
    const explanation = explained([asks], {}, provider('other'));
    expect(deciding(explanation)).toMatchObject({
      layer: 'custom',
      because: 'the mesh settings do not hold the CUSTOM provider `ext`, which denies (they hold `other`)',
      place: { name: 'ask', rule: 0 },
    });
  });
});
