/** What a compromised caller reaches by going on from workload to workload. */
import type { Reach, ReachGrant } from './reach.ts';

/** One workload that is reached, over the shortest way. */
export interface Reached {
  readonly namespace: string;
  readonly workload: string;
  /** The workloads on the way, the reached one last. */
  readonly way: readonly string[];
}

const nameOf = ({ namespace, workload }: { readonly namespace: string; readonly workload: string }) =>
  `${namespace}/${workload}`;

/** Everything reached from the grants that `starts` picks, transitively, nearest first. */
export function blastRadius({ grants }: Reach, starts: (grant: ReachGrant) => boolean): readonly Reached[] {
  const found = new Map<string, Reached>();
  const queue: Reached[] = [];
  const enter = ({ destination }: ReachGrant, way: readonly string[]): void => {
    const name = nameOf(destination);
    if (found.has(name)) return;
    const { namespace, workload } = destination;
    const reached = { namespace, workload, way: [...way, name] };
    found.set(name, reached);
    queue.push(reached);
  };
  for (const grant of grants.filter(starts)) enter(grant, []);
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const grant of grants) {
      if (grant.source.kind === 'workload' && nameOf(grant.source) === nameOf(next)) enter(grant, next.way);
    }
  }
  return [...found.values()];
}

/** True iff the grant lets in callers that hold no identity of a workload: whoever can reach the port. */
export function isOpenToStrangers({ source }: ReachGrant): boolean {
  return source.kind === 'plaintext' || source.kind === 'pattern';
}
