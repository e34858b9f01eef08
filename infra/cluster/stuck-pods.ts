/** Watches pods while another program waits for them without looking at why they do not come up. */
import { setTimeout as pause } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import type { ClusterAccess } from './access.ts';
import { ClusterError } from './cluster-error.ts';
import { failureReasons, type ReasonSource } from './failure-reason.ts';
import { podState } from './pod-state.ts';

/** Whose pods are watched. */
export interface Watch {
  readonly access: Pick<ClusterAccess, 'pods'> & ReasonSource;
  readonly namespaces: readonly string[];
  /** Between two looks. @default 1000 */
  readonly everyMs?: number;
}

async function podsOf({ access, namespaces }: Watch): Promise<readonly V1Pod[]> {
  const lists = await Promise.all(namespaces.map((namespace) => access.pods(namespace)));
  return lists.flat();
}

/** Resolves to true when a pod cannot start, to false when `ended` says that nobody waits any more. */
async function findsStuck(watch: Watch, ended: AbortSignal): Promise<boolean> {
  while (!ended.aborted) {
    // A look that fails says nothing: the API server may still be starting.
    const pods = await podsOf(watch).catch(() => []);
    if (pods.some((pod) => podState(pod).kind === 'stuck')) return true;
    await pause(watch.everyMs ?? 1000, undefined, { signal: ended }).catch(() => {});
  }
  return false;
}

/**
 * Runs `work`, and ends it through its signal as soon as a pod of the watched namespaces cannot start. Errors: ClusterError
 * with the pods' own reasons then; whatever `work` throws, with those reasons, when it fails by itself.
 */
export async function failWhenStuck<T>(work: (signal: AbortSignal) => Promise<T>, watch: Watch): Promise<T> {
  const ended = new AbortController();
  const outcome = work(ended.signal).then(
    (value) => ({ kind: 'done', value }) as const,
    (error: unknown) => ({ kind: 'failed', error }) as const,
  );
  const stuck = findsStuck(watch, ended.signal);
  const first = await Promise.race([outcome, stuck]);
  ended.abort();
  const last = await outcome;
  await stuck;
  if (last.kind === 'done' && first !== true) return last.value;
  const reasons = await failureReasons(watch.access, await podsOf(watch));
  if (last.kind === 'failed' && first !== true) {
    const { message, reasons: words = [] } = last.error as Error & { readonly reasons?: readonly string[] };
    throw new ClusterError(message, [...words, ...reasons], { cause: last.error });
  }
  throw new ClusterError(`pods of ${watch.namespaces.join(', ')} cannot start`, reasons);
}
