import { describe, expect, test } from 'vitest';
import type { Edit, Explanation } from '#policies/analysis/explain/explanation.ts';
import { networkingYaml, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';
import { CALLER, explained, onX, rule } from './explained.ts';

const edits = ({ changes }: Explanation) =>
  changes[0]?.edits.map(({ action, object, path }: Edit) => `${action} ${object.kind} ${object.name} ${path}`);

describe('the smallest change', () => {
  test('is a rule for this call alone, where widening a rule would open more', () => {
    const explanation = explained([onX([rule('td/ns/a/sa/z', '/get', '/put')])]);
    expect(edits(explanation)).toEqual(['append AuthorizationPolicy p spec.rules']);
    expect(explanation.changes[0]?.alsoAllows).toEqual([]);
    const widened = explanation.changes[1];
    expect(widened?.edits.map(({ path, value }) => `${path} ${value}`)).toEqual([
      `spec.rules[0].from[0].source.principals ${CALLER}`,
    ]);
    // the rule names no method: PATCH stands for all that nobody names
    const opened = { caller: 'a/y', destination: 'a/x', port: 80 };
    expect(widened?.alsoAllows).toEqual([
      { ...opened, method: 'GET', path: '/put' },
      { ...opened, method: 'PATCH', path: '/get' },
      { ...opened, method: 'PATCH', path: '/put' },
    ]);
  });

  test('counts the other callers that a wider path lets in', () => {
    const texts = [onX([{ from: [{ source: { namespaces: ['a'] } }], to: [{ operation: { paths: ['/put'] } }] }])];
    const wide = explained(texts).changes.find(({ edits: [first] }) => first?.path.endsWith('paths'));
    expect(wide?.alsoAllows.map(({ caller, method, path }) => `${caller} ${method} ${path}`).toSorted()).toEqual([
      'a/x GET /get',
      'a/x PATCH /get',
      'a/y PATCH /get',
      'a/z GET /get',
      'a/z PATCH /get',
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

  test('opens one call of each pattern, not only those that are written out', () => {
    const denied = [{ to: [{ operation: { paths: ['/get*'] } }] }];
    const { changes } = explained([onX(denied, { action: 'DENY' })]);
    expect(changes[0]?.alsoAllows).toContainEqual(
      expect.objectContaining({ caller: 'a/y', method: 'GET', path: '/getunlisted' }),
    );
    const patterns = ['*/get', '/{*}/get/{**}'];
    const { changes: wider } = explained([onX([rule('td/ns/a/sa/z', '/get', ...patterns)])]);
    const paths = wider.find(({ alsoAllows }) => alsoAllows.length > 0)?.alsoAllows.map(({ path }) => path);
    expect(new Set(paths)).toEqual(new Set(['/get', '/unlisted-path/get', '/unlisted/get/unlisted']));
  });

  test('of several DENY rules excepts the caller from each, and tells how many there are', () => {
    const texts = ['one', 'two'].map((name) =>
      onX([{ to: [{ operation: { paths: ['/get'] } }] }], { action: 'DENY' }, name),
    );
    const explanation = explained(texts);
    expect(edits(explanation)).toEqual([
      'append AuthorizationPolicy one spec.rules[0].from',
      'append AuthorizationPolicy two spec.rules[0].from',
    ]);
    expect(explanation.layers.find(({ decides }) => decides)?.because).toBe(
      'a DENY rule matches (and 1 more of them): paths /get',
    );
  });

  test('admits an address where nothing else is known of the caller', () => {
    const policy = { podSelector: { matchLabels: { app: 'x' } }, ingress: [] };
    const explanation = explained([networkingYaml('NetworkPolicy', 'a', policy, 'in')], {
      source: { principal: `spiffe://${CALLER}`, ip: '10.1.2.3' },
    });
    expect(explanation.changes[0]?.edits.map(({ value }) => value)).toEqual([
      { from: [{ ipBlock: { cidr: '10.1.2.3/32' } }], ports: [{ protocol: 'TCP', port: 80 }] },
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
