import { describe, expect, test } from 'vitest';
import { mutualTlsMode, policiesOn, type SecurityObject } from '#infra/cluster/attached-policies.ts';

const order = { namespace: 'trading', labels: { name: 'order', version: '1' } };
const root = 'istio-system';
const objectOf = (namespace: string, name: string, spec: SecurityObject['spec'] = {}): SecurityObject => ({
  metadata: { namespace, name },
  spec,
});
const selecting = (labels: Readonly<Record<string, string>>) => ({ selector: { matchLabels: labels } });

test('the policies on a workload are those of the mesh, of its namespace, and those that select it', () => {
  const policies = [
    objectOf('trading', 'order-callers', selecting({ name: 'order' })),
    objectOf('trading', 'risk-callers', selecting({ name: 'risk' })),
    objectOf('trading', 'default-deny'),
    objectOf(root, 'default-deny'),
    objectOf('edge', 'default-deny'),
    objectOf(root, 'of-all-orders', selecting({ name: 'order' })),
  ];
  expect(policiesOn(order, policies, root)).toEqual([
    'istio-system/default-deny',
    'istio-system/of-all-orders',
    'trading/default-deny',
    'trading/order-callers',
  ]);
});

describe('the mutual TLS mode', () => {
  const mode = (value: string, more: SecurityObject['spec'] = {}) => ({ ...more, mtls: { mode: value } });

  test.for([
    {
      title: 'the workload',
      objects: [
        objectOf(root, 'a', mode('STRICT')),
        objectOf('trading', 'b', mode('DISABLE', selecting({ name: 'order' }))),
      ],
      wanted: 'DISABLE',
    },
    {
      title: 'the namespace',
      objects: [objectOf(root, 'a', mode('PERMISSIVE')), objectOf('trading', 'b', mode('STRICT'))],
      wanted: 'STRICT',
    },
    {
      title: 'the mesh, past an UNSET one',
      objects: [objectOf('trading', 'b', mode('UNSET')), objectOf(root, 'a', mode('STRICT'))],
      wanted: 'STRICT',
    },
    {
      title: 'Istio itself, when nobody else says',
      objects: [objectOf('edge', 'x', mode('STRICT'))],
      wanted: 'PERMISSIVE',
    },
  ])('comes from $title', ({ objects, wanted }) => {
    expect(mutualTlsMode(order, objects, root)).toBe(wanted);
  });
});
