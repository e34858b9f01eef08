/** Waits until workloads run as they were applied. */
import { setTimeout as pause } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import type { ClusterAccess, Controller } from './access.ts';
import { ClusterError } from './cluster-error.ts';
import { failureReasons, type ReasonSource } from './failure-reason.ts';
import type { KubernetesObject } from './manifests.ts';
import { podState } from './pod-state.ts';
import type { Say } from './progress.ts';

/** A Deployment or StatefulSet by name. */
export interface WorkloadName {
  readonly kind: 'Deployment' | 'StatefulSet';
  readonly namespace: string;
  readonly name: string;
}

/** How far a rollout is. */
export type Rollout =
  | { readonly kind: 'done' }
  | { readonly kind: 'underWay'; readonly because: string }
  | { readonly kind: 'stuck' };

/** The workloads among applied objects. */
export function workloadsOf(objects: readonly KubernetesObject[]): readonly WorkloadName[] {
  return objects.flatMap(({ kind, metadata }) =>
    kind === 'Deployment' || kind === 'StatefulSet'
      ? [{ kind, namespace: metadata.namespace ?? '', name: metadata.name }]
      : [],
  );
}

/** The pods that a controller's selector names. */
function podsOf(controller: Controller, pods: readonly V1Pod[]): readonly V1Pod[] {
  const wanted = Object.entries(controller.spec?.selector.matchLabels ?? {});
  return pods.filter(({ metadata }) => {
    const sameNamespace = metadata?.namespace === controller.metadata?.namespace;
    return sameNamespace && wanted.every(([label, value]) => metadata?.labels?.[label] === value);
  });
}

/** Judges one workload: done iff the controller has seen the newest template and every pod of it is ready, and no other is left. */
export function judgeRollout(controller: Controller | undefined, pods: readonly V1Pod[]): Rollout {
  if (controller === undefined) return { kind: 'underWay', because: 'not there yet' };
  const { metadata, spec, status } = controller;
  const states = podsOf(controller, pods).map(podState);
  if (states.some(({ kind }) => kind === 'stuck')) return { kind: 'stuck' };
  const wanted = spec?.replicas ?? 1;
  const isSeen = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  const isUpdated = (status?.updatedReplicas ?? 0) === wanted && (status?.replicas ?? 0) === wanted;
  if (isSeen && isUpdated && (status?.readyReplicas ?? 0) === wanted) return { kind: 'done' };
  const starting = states.find((state) => state.kind === 'starting');
  return {
    kind: 'underWay',
    because: starting?.kind === 'starting' ? starting.because : 'its pods are being replaced',
  };
}

/** What waiting needs. */
export interface WaitOptions {
  readonly access: Pick<ClusterAccess, 'pods' | 'tryFindController'> & ReasonSource;
  readonly say: Say;
  readonly deadlineMs: number;
  /** Between two looks. @default 500 */
  readonly everyMs?: number;
}

/**
 * Waits until every workload is done, and tells changes of what is waited for. Errors: ClusterError with the pods' own
 * reasons, at once when one is stuck, else at the deadline.
 */
export async function waitForWorkloads(workloads: readonly WorkloadName[], options: WaitOptions): Promise<void> {
  const { access, say, deadlineMs, everyMs = 500 } = options;
  const giveUpAt = performance.now() + deadlineMs;
  let said = '';
  for (;;) {
    const pods = await access.pods();
    const states = await Promise.all(
      workloads.map(async (workload) => {
        const { kind, namespace, name } = workload;
        const controller = await access.tryFindController(kind, namespace, name);
        return { workload, controller, rollout: judgeRollout(controller, pods) };
      }),
    );
    const open = states.filter(({ rollout }) => rollout.kind !== 'done');
    if (open.length === 0) return;
    const isStuck = open.some(({ rollout }) => rollout.kind === 'stuck');
    if (isStuck || performance.now() > giveUpAt) {
      const concerned = open.flatMap(({ controller }) => (controller === undefined ? [] : podsOf(controller, pods)));
      const names = open.map(({ workload }) => `${workload.namespace}/${workload.name}`).join(', ');
      const how = isStuck ? 'cannot start' : `not ready after ${deadlineMs / 1000} s`;
      throw new ClusterError(`${names}: ${how}`, await failureReasons(access, concerned));
    }
    const line = `waiting for ${open.map(({ workload }) => workload.name).join(', ')}`;
    if (line !== said) say(line);
    said = line;
    await pause(everyMs);
  }
}
