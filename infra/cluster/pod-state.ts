/** Reads a pod's own account of how it is. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';

/** How a pod is. `stuck` will not mend itself in the time that anybody waits. */
export type PodState =
  | { readonly kind: 'ready' }
  | { readonly kind: 'ending' }
  | { readonly kind: 'starting'; readonly because: string }
  | { readonly kind: 'stuck'; readonly container: string | null; readonly because: string };

/** What the kubelet says when a container cannot come up as the manifest stands, or as the machine is. */
const hopeless = new Set([
  'ErrImageNeverPull',
  'ImagePullBackOff',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

/** After so many ends of a container the pod is called stuck: the first may be a race at the start. */
const mostRestarts = 3;

/** Containers that run as long as the pod does: its own, and those of its init containers that restart always. */
function statusesOf({ status }: V1Pod): readonly V1ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

function judgeContainer(status: V1ContainerStatus): PodState | undefined {
  const { name, state, lastState, restartCount, ready } = status;
  const waiting = state?.waiting;
  const last = lastState?.terminated;
  const said = [waiting?.reason, waiting?.message].filter((word) => word !== undefined).join(': ');
  if (waiting?.reason !== undefined && hopeless.has(waiting.reason))
    return { kind: 'stuck', container: name, because: `container \`${name}\`: ${said}` };
  if (!ready && restartCount >= mostRestarts)
    return {
      kind: 'stuck',
      container: name,
      because: `container \`${name}\` ended ${restartCount} times, last with ${last?.reason ?? 'no reason'} (exit code ${last?.exitCode ?? '?'})`,
    };
  if (waiting?.reason !== undefined) return { kind: 'starting', because: `container \`${name}\`: ${said}` };
  return undefined;
}

/** Judges one pod. */
export function podState(pod: V1Pod): PodState {
  const { metadata, status } = pod;
  if (metadata?.deletionTimestamp !== undefined) return { kind: 'ending' };
  const conditions = status?.conditions ?? [];
  if (conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True')) return { kind: 'ready' };
  const judged = statusesOf(pod).flatMap((each) => judgeContainer(each) ?? []);
  const stuck = judged.find(({ kind }) => kind === 'stuck');
  if (stuck !== undefined) return stuck;
  if (status?.phase === 'Failed')
    return {
      kind: 'stuck',
      container: null,
      because: `it failed: ${status.reason ?? ''} ${status.message ?? ''}`.trim(),
    };
  const unscheduled = conditions.find(({ type, status: value }) => type === 'PodScheduled' && value === 'False');
  if (unscheduled !== undefined)
    return { kind: 'starting', because: `not scheduled: ${unscheduled.message ?? unscheduled.reason ?? ''}` };
  const [first] = judged;
  if (first !== undefined) return first;
  const unready = statusesOf(pod).filter(({ ready, state }) => !ready && state?.terminated === undefined);
  return { kind: 'starting', because: `not ready: ${unready.map(({ name }) => name).join(', ') || 'just made'}` };
}
