import type { V1Node } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { waitForNodes } from '#infra/cluster/node-ready.ts';

const nodeThat = (status: 'True' | 'False', message: string): V1Node => ({
  metadata: { name: 'control-plane' },
  status: { conditions: [{ type: 'Ready', status, message }] },
});

test('a node is waited for until it takes pods', async () => {
  const looks = [
    [],
    [{ metadata: { name: 'control-plane' } }],
    [nodeThat('False', 'no network')],
    [nodeThat('True', '')],
  ];
  let count = 0;
  await waitForNodes({ nodes: async () => looks[count++] ?? [], deadlineMs: 60_000, everyMs: 1 });
  expect(count).toBe(looks.length);
});

test('a node that never takes pods is told with the reason of its kubelet', async () => {
  const waiting = waitForNodes({
    nodes: async () => [nodeThat('False', 'cni plugin not initialized')],
    deadlineMs: 0,
    everyMs: 1,
  });
  await expect(waiting).rejects.toMatchObject({ reasons: ['node control-plane: cni plugin not initialized'] });
});
