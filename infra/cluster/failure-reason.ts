/** Why pods do not come up, in the cluster's own words: state, warnings, last log lines. */
import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import type { ClusterAccess } from './access.ts';
import { podState } from './pod-state.ts';

/** The reads that telling a reason needs. */
export type ReasonSource = Pick<ClusterAccess, 'warningsAbout' | 'lastLines'>;

const mostWarnings = 5;
const logLines = 8;

/** The container whose words matter: the one that is stuck, else the first that is not ready. */
function spokesman(pod: V1Pod): string | undefined {
  const state = podState(pod);
  if (state.kind === 'stuck' && state.container !== null) return state.container;
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  return statuses.find(({ ready, state: now }) => !ready && now?.terminated?.exitCode !== 0)?.name;
}

function printWarnings(events: readonly CoreV1Event[]): readonly string[] {
  const unique = new Set(events.map(({ reason, message }) => `  event ${reason}: ${(message ?? '').trim()}`));
  return [...unique].slice(-mostWarnings);
}

async function linesOf(source: ReasonSource, pod: V1Pod): Promise<readonly string[]> {
  const container = spokesman(pod);
  if (container === undefined) return [];
  const place = { namespace: pod.metadata?.namespace ?? '', pod: pod.metadata?.name ?? '', container };
  for (const previous of [true, false]) {
    // There is no run before when it started only once; there is no log at all before it started.
    const lines = await source.lastLines(place, { lines: logLines, previous }).catch(() => []);
    if (lines.length > 0) return lines.map((line) => `  ${container}: ${line}`);
  }
  return [];
}

/** Lines about each pod that is not ready; empty when all are. */
export async function failureReasons(source: ReasonSource, pods: readonly V1Pod[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const pod of pods) {
    const state = podState(pod);
    if (state.kind === 'ready' || state.kind === 'ending') continue;
    const { namespace = '', name = '' } = pod.metadata ?? {};
    lines.push(`pod ${namespace}/${name}: ${state.because}`);
    lines.push(...printWarnings(await source.warningsAbout(namespace, name)));
    lines.push(...(await linesOf(source, pod)));
  }
  return lines;
}
