import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Run } from '#infra/cluster/command.ts';
import type { KubernetesObject } from '#infra/cluster/manifests.ts';
import { keepVerdict, printVerdict, probeCluster, subjectOf, tryReadVerdict } from '#infra/cluster/verdict.ts';

const applied: readonly KubernetesObject[] = [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'order' } }];
const policy = (uid: string, generation: number) => ({
  kind: 'AuthorizationPolicy',
  object: { metadata: { name: 'callers', namespace: 'trading', uid, generation } },
});

describe('what a verdict is about', () => {
  const subject = subjectOf(applied, [policy('a', 1), policy('b', 1)]);

  test('is the same in whatever order the cluster lists its policies', () => {
    expect(subjectOf(applied, [policy('b', 1), policy('a', 1)])).toBe(subject);
  });

  test.for([
    { title: 'a policy was edited by hand', live: [policy('a', 2), policy('b', 1)], objects: applied },
    { title: 'a policy was deleted and made again', live: [policy('c', 1), policy('b', 1)], objects: applied },
    { title: 'a foreign policy came', live: [policy('a', 1), policy('b', 1), policy('d', 1)], objects: applied },
    { title: 'something else is applied', live: [policy('a', 1), policy('b', 1)], objects: [] },
  ])('is another thing when $title', ({ live, objects }) => {
    expect(subjectOf(objects, live)).not.toBe(subject);
  });
});

describe('the verdict', () => {
  const request = { root: '/repository', context: 'kind-x', intent: 'intent.json', userKey: 'key.json', subject: 's' };

  test.for([
    { code: 0, kind: 'holds' },
    { code: 2, kind: 'refuted' },
    { code: 1, kind: 'failed' },
    { code: 3, kind: 'failed' },
    { code: null, kind: 'failed' },
  ])('of a probe that ended with $code is: $kind', async ({ code, kind }) => {
    const run: Run = async () => ({ code, stdout: 'a table\n12 probes, 12 hold\n\n', stderr: '' });
    expect(await probeCluster(run, request)).toMatchObject({ kind, words: '12 probes, 12 hold', subject: 's' });
  });

  test('is remembered, and told with its age', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshwright-verdict-'));
    try {
      const at = new Date('2026-11-27T12:00:00Z');
      expect(await tryReadVerdict(folder)).toBeUndefined();
      await keepVerdict(join(folder, 'state'), { kind: 'holds', words: '12 hold', at: at.toISOString(), subject: 's' });
      const read = await tryReadVerdict(join(folder, 'state'));
      expect(printVerdict(read, new Date(at.getTime() + 300_000))).toBe('conformance: holds, 12 hold (5 min ago)');
      expect(printVerdict(undefined, at)).toMatch(/not probed/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
