import { setTimeout as pause } from 'node:timers/promises';
import type { V1Node } from '@kubernetes/client-node';
import { ClusterError } from './cluster-error.ts';

/** How nodes are looked at, and for how long. */
export interface NodeWait {
  readonly nodes: () => Promise<readonly V1Node[]>;
  readonly deadlineMs: number;
  /** Between two looks. @default 500 */
  readonly everyMs?: number;
}

/** Why a node takes no pods yet, in the kubelet's own words; undefined when it does. */
function tryFindObstacle({ metadata, status }: V1Node): string | undefined {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return undefined;
  return `node ${metadata?.name}: ${ready?.message ?? 'the kubelet has not reported yet'}`;
}

/**
 * Waits until every node takes pods; by then the images that its own image brings are there, so that nothing is
 * transferred twice. Errors: ClusterError with the kubelet's reason at the deadline.
 */
export async function waitForNodes({ nodes, deadlineMs, everyMs = 500 }: NodeWait): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const found = await nodes();
    const obstacles = found.flatMap((node) => tryFindObstacle(node) ?? []);
    if (found.length > 0 && obstacles.length === 0) return;
    if (performance.now() > giveUpAt) throw new ClusterError('the cluster takes no pods', obstacles);
    await pause(everyMs);
  }
}
