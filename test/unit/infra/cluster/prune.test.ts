import { expect, test } from 'vitest';
import type { KubernetesObject } from '#infra/cluster/manifests.ts';
import { abandoned, pruneAbandoned } from '#infra/cluster/prune.ts';

const live = (name: string, ...managers: readonly string[]) => ({
  kind: 'AuthorizationPolicy',
  object: { metadata: { namespace: 'trading', name, managedFields: managers.map((manager) => ({ manager })) } },
});
const applied: readonly KubernetesObject[] = [
  { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata: { namespace: 'trading', name: 'kept' } },
];

test('what we applied once and no longer render is abandoned; what others made is not', () => {
  const objects = [
    live('kept', 'meshwright'),
    live('old', 'meshwright', 'kubectl-edit'),
    live('foreign', 'kubectl-edit'),
  ];
  expect(abandoned(objects, applied)).toEqual([{ kind: 'AuthorizationPolicy', namespace: 'trading', name: 'old' }]);
});

test('a policy of the same name in another namespace is another one', () => {
  const elsewhere = { ...live('kept', 'meshwright') };
  const moved = { ...elsewhere, object: { metadata: { ...elsewhere.object.metadata, namespace: 'edge' } } };
  expect(abandoned([moved], applied)).toHaveLength(1);
});

test('abandoned objects are deleted under the version that serves them, and told', async () => {
  const removed: KubernetesObject[] = [];
  const access = {
    customObjects: async (_group: string, plural: string) =>
      plural === 'authorizationpolicies' ? [live('old', 'meshwright').object] : [],
  };
  const told = await pruneAbandoned(
    { access, kubectl: { remove: async (object) => void removed.push(object) } },
    applied,
  );
  expect(told).toEqual(['AuthorizationPolicy trading/old']);
  expect(removed).toEqual([
    {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { namespace: 'trading', name: 'old' },
    },
  ]);
});
