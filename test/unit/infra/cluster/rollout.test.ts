import type { CoreV1Event, V1Deployment, V1Pod } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { ClusterError } from '#infra/cluster/cluster-error.ts';
import { podState } from '#infra/cluster/pod-state.ts';
import { judgeRollout, type WaitOptions, waitForWorkloads } from '#infra/cluster/rollout.ts';

type Status = NonNullable<V1Pod['status']>;
type ContainerStatus = NonNullable<Status['containerStatuses']>[number];

const container = (name: string, more: Partial<ContainerStatus>): ContainerStatus => ({
  name,
  image: 'i:1',
  imageID: '',
  ready: false,
  restartCount: 0,
  ...more,
});

const podOf = (status: Status, name = 'order-1'): V1Pod => ({
  metadata: { name, namespace: 'trading', labels: { app: 'order' } },
  spec: { containers: [{ name: 'order' }] },
  status,
});

const readyPod = podOf({ conditions: [{ type: 'Ready', status: 'True' }] });
const waitingFor = (reason: string, message: string, restartCount = 0): V1Pod =>
  podOf({ containerStatuses: [container('order', { state: { waiting: { reason, message } }, restartCount })] });

const deployment = (more: NonNullable<V1Deployment['status']>, generation = 2): V1Deployment => ({
  metadata: { name: 'order', namespace: 'trading', generation },
  spec: { replicas: 1, selector: { matchLabels: { app: 'order' } }, template: {} },
  status: more,
});
const done = deployment({ observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1 });

describe('the state of a pod', () => {
  test.for([
    { title: 'a missing image', pod: waitingFor('ImagePullBackOff', 'not found'), kind: 'stuck', says: /not found/ },
    {
      title: 'a missing Secret',
      pod: waitingFor('CreateContainerConfigError', 'secret "order-database" not found'),
      kind: 'stuck',
      says: /order-database/,
    },
    { title: 'a first crash', pod: waitingFor('CrashLoopBackOff', 'back-off', 1), kind: 'starting', says: /back-off/ },
    {
      title: 'the third crash',
      pod: podOf({
        containerStatuses: [
          container('order', {
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 3, reason: 'Error' } },
          }),
        ],
      }),
      kind: 'stuck',
      says: /ended 3 times, last with Error \(exit code 3\)/,
    },
    {
      title: 'no room',
      pod: podOf({
        conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes: Insufficient memory' }],
      }),
      kind: 'starting',
      says: /Insufficient memory/,
    },
    {
      title: 'a proxy that is not ready',
      pod: podOf({ initContainerStatuses: [container('istio-proxy', { state: { running: {} } })] }),
      kind: 'starting',
      says: /istio-proxy/,
    },
  ])('$title is $kind, in the words of the kubelet', ({ pod, kind, says }) => {
    const state = podState(pod);
    expect(state.kind).toBe(kind);
    expect('because' in state ? state.because : '').toMatch(says);
  });

  test('ready is ready, and a pod that ends is ending even while it is ready', () => {
    expect(podState(readyPod)).toEqual({ kind: 'ready' });
    const ending = { ...readyPod, metadata: { ...readyPod.metadata, deletionTimestamp: new Date() } };
    expect(podState(ending)).toEqual({ kind: 'ending' });
  });
});

describe('a rollout', () => {
  test('is done when the newest template runs and nothing older is left', () => {
    expect(judgeRollout(done, [readyPod])).toEqual({ kind: 'done' });
  });

  test.for([
    {
      title: 'the controller has not seen the newest template',
      status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1 },
    },
    {
      title: 'an older pod is left',
      status: { observedGeneration: 2, replicas: 2, updatedReplicas: 1, readyReplicas: 2 },
    },
    {
      title: 'the new pod is not ready',
      status: { observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 0 },
    },
    { title: 'nothing is there', status: {} },
  ])('is under way while $title', ({ status }) => {
    expect(judgeRollout(deployment(status), []).kind).toBe('underWay');
  });

  test('asks the pods of its own selector and namespace only', () => {
    const other = { ...waitingFor('ImagePullBackOff', ''), metadata: { namespace: 'edge', labels: { app: 'order' } } };
    expect(judgeRollout(done, [readyPod, other])).toEqual({ kind: 'done' });
  });
});

const order = { kind: 'Deployment', namespace: 'trading', name: 'order' } as const;

/** A cluster that is in the given states one after the other, the last one for ever. */
function clusterOf(states: readonly { readonly controller: V1Deployment; readonly pods: readonly V1Pod[] }[]) {
  let looks = 0;
  const now = () => states[Math.min(looks, states.length - 1)];
  const access: WaitOptions['access'] = {
    pods: async () => now()?.pods ?? [],
    tryFindController: async () => {
      const found = now()?.controller;
      looks += 1;
      return found;
    },
    warningsAbout: async () => [{ reason: 'Failed', message: 'pull access denied' } as CoreV1Event],
    lastLines: async (_, { previous }) => (previous ? ['order: DATABASE_HOST: expected a host name'] : ['starting']),
  };
  return { access, looks: () => looks };
}

const starting = { controller: deployment({ observedGeneration: 1 }), pods: [waitingFor('ContainerCreating', '')] };

describe('waiting', () => {
  test('ends as soon as everything runs, and says once what it waits for', async () => {
    const cluster = clusterOf([starting, starting, { controller: done, pods: [readyPod] }]);
    const said: string[] = [];
    await waitForWorkloads([order], {
      access: cluster.access,
      say: (line) => said.push(line),
      deadlineMs: 60_000,
      everyMs: 1,
    });
    expect(cluster.looks()).toBe(3);
    expect(said).toEqual(['waiting for order']);
  });

  test('does not wait for a pod that cannot start, and tells state, warnings and last words', async () => {
    const crashed = podOf({
      containerStatuses: [container('order', { restartCount: 3, lastState: { terminated: { exitCode: 3 } } })],
    });
    const { access } = clusterOf([starting, { controller: starting.controller, pods: [crashed] }]);
    const failure = waitForWorkloads([order], { access, say: () => {}, deadlineMs: 60_000, everyMs: 1 });
    await expect(failure).rejects.toThrow(/trading\/order: cannot start/);
    const error = await failure.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ClusterError);
    const reasons = (error as ClusterError).reasons.join('\n');
    expect(reasons).toMatch(/pod trading\/order-1: container `order` ended 3 times/);
    expect(reasons).toMatch(/event Failed: pull access denied/);
    expect(reasons).toMatch(/order: order: DATABASE_HOST: expected a host name/);
  });

  test('gives up at its deadline with the reason, not with the time alone', async () => {
    const { access } = clusterOf([starting]);
    const failure = waitForWorkloads([order], { access, say: () => {}, deadlineMs: 0, everyMs: 1 });
    const error = (await failure.catch((thrown: unknown) => thrown)) as ClusterError;
    expect(error.message).toMatch(/not ready after 0 s/);
    expect(error.reasons.join('\n')).toMatch(/ContainerCreating/);
  });
});
