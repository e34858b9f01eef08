import { describe, expect, test } from 'vitest';
import { driftOf, driftText } from '#policies/cli/live/drift.ts';
import { readDocuments } from '#policies/language/document.ts';
import { printYaml } from '#policies/language/print.ts';

const documents = (file: string, ...objects: readonly object[]) =>
  readDocuments(file, objects.map(printYaml).join('---\n')).documents;

const policy = (name: string, paths: readonly string[], more: object = {}) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name, namespace: 'shop', ...more },
  spec: { action: 'ALLOW', rules: [{ to: [{ operation: { paths } }] }] },
});

const service = (port: number, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'cart', namespace: 'shop' },
  spec: { selector: { app: 'cart' }, ports: [{ port, name: 'grpc' }], ...more },
});

const drift = (manifests: readonly object[], live: readonly object[]) =>
  driftOf(documents('manifests.yaml', ...manifests), documents('context/here', ...live));

describe('drift', () => {
  test('is none where the cluster holds what is written, and what it adds itself', () => {
    const live = [policy('cart', ['/a'], { uid: '1' }), service(80, { clusterIP: '10.0.0.1', ipFamilies: ['IPv4'] })];
    const found = drift([policy('cart', ['/a']), service(80)], live);
    expect(found).toEqual([]);
    expect(driftText(found)).toMatch(/^in step/);
  });

  test('names the member of a policy that was edited by hand', () => {
    const found = drift([policy('cart', ['/a'])], [policy('cart', ['/a', '/b'])]);
    expect(found).toEqual([
      {
        object: 'AuthorizationPolicy shop/cart',
        kind: 'changed',
        at: { file: 'manifests.yaml', line: 1 },
        differences: ['spec.rules[0].to[0].operation.paths[1]: expected nothing, got "/b"'],
      },
    ]);
    expect(driftText(found)).toContain('AuthorizationPolicy shop/cart differs (manifests.yaml:1)');
  });

  test.for([
    ['a policy that was deleted', [policy('cart', ['/a'])], [], 'missing'],
    [
      'a policy that somebody added',
      [policy('cart', ['/a'])],
      [policy('cart', ['/a']), policy('more', ['/b'])],
      'extra',
    ],
    ['a Service whose port was moved', [service(80)], [service(81)], 'changed'],
    [
      'a Namespace without injection',
      [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } } }],
      [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: {} } }],
      'changed',
    ],
  ] as const)('finds %s', ([, manifests, live, kind]) => {
    expect(drift(manifests, live).map((each) => each.kind)).toEqual([kind]);
  });

  test.for([
    [
      'a policy of another namespace',
      [policy('cart', ['/a'])],
      [policy('cart', ['/a']), { ...policy('x', []), metadata: { name: 'x', namespace: 'other' } }],
    ],
    [
      'a ConfigMap, which no verdict reads',
      [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'shop' } }],
      [],
    ],
  ] as const)('passes over %s', ([, manifests, live]) => {
    expect(drift(manifests, live)).toEqual([]);
  });
});
