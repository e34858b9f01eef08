import type { V1Pod } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { ClusterError } from '#infra/cluster/cluster-error.ts';
import { failWhenStuck, type Watch } from '#infra/cluster/stuck-pods.ts';

const podWith = (state: 'ready' | 'stuck'): V1Pod => ({
  metadata: { namespace: 'istio-system', name: 'istiod-1' },
  status:
    state === 'ready'
      ? { conditions: [{ type: 'Ready', status: 'True' }] }
      : {
          containerStatuses: [
            {
              name: 'discovery',
              image: 'site/pilot:1',
              imageID: '',
              ready: false,
              restartCount: 0,
              state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } },
            },
          ],
        },
});

function watchOf(state: 'ready' | 'stuck'): Watch {
  return {
    access: { pods: async () => [podWith(state)], warningsAbout: async () => [], lastLines: async () => [] },
    namespaces: ['istio-system'],
    everyMs: 1,
  };
}

/** A program that waits until it is ended, as istioctl does for a pod that never comes up. */
const untilEnded = (signal: AbortSignal): Promise<string> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new ClusterError('ended', []))));

describe('waiting through another program', () => {
  test('gives what it gives', async () => {
    expect(await failWhenStuck(async () => 'installed', watchOf('ready'))).toBe('installed');
  });

  test('ends it as soon as a pod cannot start, with the reason of the pod', async () => {
    const failure = failWhenStuck(untilEnded, watchOf('stuck'));
    await expect(failure).rejects.toMatchObject({
      message: 'pods of istio-system cannot start',
      reasons: [expect.stringMatching(/istiod-1: container `discovery`: ImagePullBackOff: no such image/)],
    });
  });

  test('adds the reasons of pods to its own when it gives up by itself', async () => {
    const givesUp = () => Promise.reject(new ClusterError('`istioctl` ended with 1', ['timed out']));
    const slow: Watch = {
      ...watchOf('stuck'),
      access: { ...watchOf('stuck').access, pods: afterFirst(podWith('stuck')) },
    };
    const failure = failWhenStuck(givesUp, slow);
    await expect(failure).rejects.toMatchObject({
      message: '`istioctl` ended with 1',
      reasons: ['timed out', expect.stringMatching(/ImagePullBackOff/)],
    });
  });
});

/** Sees no pod at its first look. */
function afterFirst(pod: V1Pod): () => Promise<readonly V1Pod[]> {
  let looks = 0;
  return async () => {
    looks += 1;
    return looks === 1 ? [] : [pod];
  };
}
