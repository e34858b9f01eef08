import { describe, expect, test } from 'vitest';
import type { Explanation, LayerName } from '#policies/analysis/explain/explanation.ts';
import { explanationText } from '#policies/cli/report/explanation-text.ts';
import { networkingYaml, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';
import { CALLER, explained, onX, rule } from './explained.ts';

const plain = (_tone: unknown, text: string): string => text;
const outcome = ({ layers }: Explanation, name: LayerName) => layers.find(({ layer }) => layer === name)?.outcome;
const deciding = ({ layers }: Explanation) => layers.filter(({ decides }) => decides).map(({ layer }) => layer);
const stopping = ({ layers }: Explanation) =>
  layers.filter(({ outcome: each }) => each === 'stops').map(({ layer }) => layer);
describe('the layers of a call', () => {
  test('that is allowed end with the rule that allows it', () => {
    const explanation = explained([onX([rule('td/ns/a/sa/q', '/get'), rule(CALLER, '/get')])]);
    expect(deciding(explanation)).toEqual(['allow']);
    expect(explanation.layers.at(-1)?.place).toMatchObject({
      kind: 'AuthorizationPolicy',
      name: 'p',
      rule: 1,
      file: 'mesh.yaml',
    });
    expect(explanation.changes).toEqual([]);
  });

  test('are all asked, so that the others that would have stopped it are known', () => {
    const explanation = explained([
      onX([rule('td/ns/a/sa/q', '/get')]),
      onX([{ to: [{ operation: { paths: ['/get'] } }] }], { action: 'DENY' }, 'shut'),
      networkingYaml('NetworkPolicy', 'a', { podSelector: { matchLabels: { app: 'x' } }, ingress: [] }),
    ]);
    expect(deciding(explanation)).toEqual(['destination-network-policy']);
    expect(stopping(explanation)).toEqual(['destination-network-policy', 'deny', 'allow']);
  });

  const stops: readonly { readonly layer: LayerName; readonly texts: readonly string[]; readonly parts?: object }[] = [
    {
      layer: 'source-network-policy',
      texts: [
        networkingYaml('NetworkPolicy', 'a', { podSelector: { matchLabels: { app: 'y' } }, policyTypes: ['Egress'] }),
      ],
    },
    {
      layer: 'egress-guard',
      texts: [
        networkingYaml('Sidecar', 'a', {
          egress: [{ hosts: ['b/*'] }],
          outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
        }),
      ],
    },
    { layer: 'transport', texts: [], parts: { source: {} } },
    {
      layer: 'transport',
      texts: [networkingYaml('DestinationRule', 'a', { host: 'x', trafficPolicy: { tls: { mode: 'DISABLE' } } })],
    },
    {
      layer: 'destination-network-policy',
      texts: [networkingYaml('NetworkPolicy', 'a', { podSelector: { matchLabels: { app: 'x' } }, ingress: [] })],
    },
    { layer: 'codec', texts: [], parts: { http: { method: 'GET', path: 'get' } } },
    { layer: 'custom', texts: [onX([{}], { action: 'CUSTOM', provider: { name: 'none' } })] },
    {
      layer: 'request-authentication',
      texts: [securityYaml('RequestAuthentication', 'a', { jwtRules: [{ issuer: 'https://i', jwks: '{"keys":[]}' }] })],
      parts: { jwt: { claims: { iss: 'https://other' } } },
    },
    { layer: 'deny', texts: [onX([{ to: [{ operation: { paths: ['/get'] } }] }], { action: 'DENY' })] },
    { layer: 'allow', texts: [onX([rule(CALLER, '/other')])] },
  ];
  test.for(stops)('$layer stops a call alone, and no other does', ({ layer, texts, parts }) => {
    const explanation = explained(texts, parts);
    expect(stopping(explanation)).toEqual([layer]);
    expect(deciding(explanation)).toEqual([layer]);
    expect(explanation.answer.verdict).toBe('deny');
  });

  test('that no proxy guards are absent', () => {
    const explanation = explained([workloadYaml('b', 'bare', 'false'), onX([rule(CALLER, '/other')])], {
      destination: { namespace: 'b', workload: 'bare', port: 80 },
    });
    expect(explanation.answer.verdict).toBe('allow');
    for (const layer of ['transport', 'custom', 'deny', 'allow'] as const)
      expect(outcome(explanation, layer)).toBe('absent');
  });
});

describe('near-misses', () => {
  test('come nearest first, with field, expected, got and line', () => {
    const { nearMisses } = explained([onX([rule('td/ns/a/sa/q', '/other'), rule(CALLER, '/other', '/more')])]);
    expect(nearMisses.map(({ place }) => place.rule)).toEqual([1, 0]);
    expect(nearMisses[0]?.misses).toEqual([
      {
        field: 'paths',
        expected: ['/other', '/more'],
        got: '/get',
        file: 'mesh.yaml',
        line: nearMisses[0]?.place.line,
      },
    ]);
    expect(nearMisses[1]?.misses.map(({ field, got }) => `${field} ${got}`)).toEqual([
      `principals spiffe://${CALLER}`,
      'paths /get',
    ]);
  });

  test('name a not-field with what must not match, and a condition by its key', () => {
    const { nearMisses } = explained([
      onX([{ to: [{ operation: { notPaths: ['/get'] } }], when: [{ key: 'request.headers[x]', values: ['1'] }] }]),
    ]);
    expect(nearMisses[0]?.misses).toMatchObject([
      { field: 'notPaths', expected: ['/get'], got: '/get' },
      { field: 'when request.headers[x]', expected: ['1'], got: null },
    ]);
  });

  test('are judged by the alternative that comes nearest', () => {
    const { nearMisses } = explained([
      onX([
        {
          from: [
            { source: { principals: ['td/ns/a/sa/q'], namespaces: ['b'] } },
            { source: { principals: [CALLER], namespaces: ['b'] } },
          ],
        },
      ]),
    ]);
    expect(nearMisses[0]?.misses.map(({ field }) => field)).toEqual(['namespaces']);
  });

  test('say why a rule takes no part on a TCP port', () => {
    const { nearMisses } = explained([onX([rule(CALLER, '/get')])], {
      destination: { namespace: 'a', workload: 'x', port: 70 },
      http: null,
    });
    expect(nearMisses[0]?.dropped).toContain('read as TCP');
  });
});

describe('the text', () => {
  test('begins with the verdict, who stopped it and what else would have', () => {
    const lines = explanationText(
      explained([
        onX([rule('td/ns/a/sa/z', '/get')]),
        networkingYaml('NetworkPolicy', 'a', { podSelector: { matchLabels: { app: 'x' } }, ingress: [] }),
      ]),
      plain,
    ).split('\n');
    expect(lines[0]).toBe('DENIED  a/y -> a/x:80  GET /get');
    expect(lines[1]).toMatch(
      /^ {2}stopped by destination-network-policy: .*\[NetworkPolicy a\/networkpolicy, mesh\.yaml:\d+\]$/,
    );
    expect(lines.slice(2, 4)).toEqual([
      '  the caller sees: HTTP 503, gRPC 14, after the connection timed out',
      '  would also have been stopped by: allow',
    ]);
  });

  test('shows the change as YAML with its place, and what it opens', () => {
    const text = explanationText(explained([onX([rule('td/ns/a/sa/z', '/get')])]), plain);
    expect(text).toMatch(/mesh\.yaml:\d+: AuthorizationPolicy a\/p: append to spec\.rules\n {6}- from:/);
    expect(text).toMatch(/It allows nothing else \(\d+ calls decided before and after: .* one of each pattern\)\./);
  });
});
