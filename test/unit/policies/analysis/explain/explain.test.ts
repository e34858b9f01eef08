import { describe, expect, test } from 'vitest';
import { applyEdits } from '#policies/analysis/explain/edit.ts';
import { explain } from '#policies/analysis/explain/explain.ts';
import type { Edit, Explanation, LayerName } from '#policies/analysis/explain/explanation.ts';
import { compile, PROFILES, parseRequest } from '#policies/analysis/index.ts';
import { explanationText } from '#policies/cli/report/explanation-text.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { meshConfigYaml, networkingYaml, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const CALLER = 'td/ns/a/sa/y';
const STRICT = securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } });
const BASE = [meshConfigYaml({}), workloadYaml('a', 'x'), workloadYaml('a', 'y'), workloadYaml('a', 'z'), STRICT];

const onX = (rules: readonly object[], more: object = {}, name = 'p') =>
  securityYaml('AuthorizationPolicy', 'a', { selector: { matchLabels: { app: 'x' } }, rules, ...more }, name);
const rule = (principal: string, ...paths: readonly string[]) => ({
  from: [{ source: { principals: [principal] } }],
  to: [{ operation: { paths } }],
});

/** Explains GET /get from workload `a/y` to port 80 of `a/x`, with members of the request put over it. */
function explained(texts: readonly string[], parts: object = {}): Explanation {
  const { documents } = readDocuments('mesh.yaml', [...BASE, ...texts].join('\n---\n'));
  const mesh = parseMesh(documents);
  const request = parseRequest({
    source: { workload: { namespace: 'a', name: 'y' } },
    destination: { namespace: 'a', workload: 'x', port: 80 },
    http: { method: 'GET', path: '/get', host: 'x.a' },
    ...parts,
  });
  if (!mesh.ok || !request.ok) throw new Error(JSON.stringify([mesh, request]));
  const input = {
    mesh: mesh.value,
    documents,
    parseOptions: {},
    profile: PROFILES['istio-1.31'],
    issuerKeys: new Map(),
  };
  const explanation = explain(input, request.value);
  for (const { edits } of explanation.changes) expectAllowed(applyEdits(documents, edits), request.value);
  return explanation;
}

/** Every change that is proposed is made and decided here once more, by the indexed evaluator on the edited text. */
function expectAllowed(
  documents: Parameters<typeof parseMesh>[0],
  request: Parameters<ReturnType<typeof compile>['decide']>[0],
) {
  const mesh = parseMesh(documents);
  expect(mesh.ok && compile(mesh.value).decide(request).allowed).toBe(true);
}

const outcome = ({ layers }: Explanation, name: LayerName) => layers.find(({ layer }) => layer === name)?.outcome;
const deciding = ({ layers }: Explanation) => layers.filter(({ decides }) => decides).map(({ layer }) => layer);
const stopping = ({ layers }: Explanation) =>
  layers.filter(({ outcome: each }) => each === 'stops').map(({ layer }) => layer);
const edits = ({ changes }: Explanation) =>
  changes[0]?.edits.map(({ action, object, path }: Edit) => `${action} ${object.kind} ${object.name} ${path}`);

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

describe('the smallest change', () => {
  test('is a rule for this call alone, where widening a rule would open more', () => {
    const explanation = explained([onX([rule('td/ns/a/sa/z', '/get', '/put')])]);
    expect(edits(explanation)).toEqual(['append AuthorizationPolicy p spec.rules']);
    expect(explanation.changes[0]?.alsoAllows).toEqual([]);
    const widened = explanation.changes[1];
    expect(widened?.edits.map(({ path, value }) => `${path} ${value}`)).toEqual([
      `spec.rules[0].from[0].source.principals ${CALLER}`,
    ]);
    expect(widened?.alsoAllows).toEqual([{ caller: 'a/y', destination: 'a/x', port: 80, method: 'GET', path: '/put' }]);
  });

  test('counts the other callers that a wider path lets in', () => {
    const texts = [onX([{ from: [{ source: { namespaces: ['a'] } }], to: [{ operation: { paths: ['/put'] } }] }])];
    const wide = explained(texts).changes.find(({ edits: [first] }) => first?.path.endsWith('paths'));
    expect(wide?.alsoAllows.map(({ caller, path }) => `${caller} ${path}`).toSorted()).toEqual([
      'a/x /get',
      'a/z /get',
    ]);
    expect(wide?.complete).toBe(true);
  });

  test('repairs every layer that stops the call', () => {
    const explanation = explained([
      onX([rule('td/ns/a/sa/z', '/get')]),
      networkingYaml('NetworkPolicy', 'a', { podSelector: { matchLabels: { app: 'x' } }, ingress: [] }, 'in'),
      networkingYaml(
        'NetworkPolicy',
        'a',
        { podSelector: { matchLabels: { app: 'y' } }, policyTypes: ['Egress'] },
        'out',
      ),
      networkingYaml('Sidecar', 'a', {
        egress: [{ hosts: ['b/*'] }],
        outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      }),
    ]);
    expect(edits(explanation)).toEqual([
      'append NetworkPolicy out spec.egress',
      'append Sidecar sidecar spec.egress[0].hosts',
      'append NetworkPolicy in spec.ingress',
      'append AuthorizationPolicy p spec.rules',
    ]);
  });

  test('of a DENY rule excepts the caller', () => {
    const explanation = explained([onX([{ from: [{ source: { namespaces: ['a'] } }] }], { action: 'DENY' })]);
    expect(edits(explanation)).toEqual(['append AuthorizationPolicy p spec.rules[0].from[0].source.notPrincipals']);
  });

  test('of a client without mTLS takes the DestinationRule back, or injects the sidecar', () => {
    const plain = networkingYaml('DestinationRule', 'a', { host: 'x', trafficPolicy: { tls: { mode: 'DISABLE' } } });
    expect(edits(explained([plain]))).toEqual(['remove DestinationRule destinationrule spec.trafficPolicy.tls']);
    const outside = explained([workloadYaml('b', 'bare', 'false')], {
      source: { workload: { namespace: 'b', name: 'bare' } },
    });
    expect(edits(outside)).toEqual(['set Deployment bare spec.template.metadata.labels["sidecar.istio.io/inject"]']);
  });

  test('is a policy of its own where only a namespace-wide one applies', () => {
    const explanation = explained([securityYaml('AuthorizationPolicy', 'a', {}, 'allow-nothing')]);
    expect(edits(explanation)).toEqual(['create AuthorizationPolicy x-callers ']);
    expect(explanation.changes[0]?.alsoAllows).toEqual([]);
  });

  test.for([
    { parts: { source: {} }, advice: /mesh mTLS/ },
    { parts: { http: { method: 'GET', path: 'get' } }, advice: /leading slash/ },
  ])('does not exist for $parts, and advice says why', ({ parts, advice }) => {
    const explanation = explained([], parts);
    expect(explanation.changes).toEqual([]);
    expect(explanation.advice.join('\n')).toMatch(advice);
  });
});

describe('the text', () => {
  test('begins with the verdict, who stopped it and what else would have', () => {
    const lines = explanationText(
      explained([
        onX([rule('td/ns/a/sa/z', '/get')]),
        networkingYaml('NetworkPolicy', 'a', { podSelector: { matchLabels: { app: 'x' } }, ingress: [] }),
      ]),
    ).split('\n');
    expect(lines[0]).toBe('DENIED  a/y -> a/x:80  GET /get');
    expect(lines[1]).toMatch(
      /^ {2}stopped by destination-network-policy: .*\[NetworkPolicy a\/networkpolicy, mesh\.yaml:\d+\]$/,
    );
    expect(lines.slice(2, 4)).toEqual([
      '  the caller sees: HTTP 503, gRPC 14',
      '  would also have been stopped by: allow',
    ]);
  });

  test('shows the change as YAML with its place, and what it opens', () => {
    const text = explanationText(explained([onX([rule('td/ns/a/sa/z', '/get')])]));
    expect(text).toMatch(/mesh\.yaml:\d+: AuthorizationPolicy a\/p: append to spec\.rules\n {6}- from:/);
    expect(text).toMatch(/It allows nothing else \(\d+ calls decided before and after\)\./);
  });
});
