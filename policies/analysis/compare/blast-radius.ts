/** What a compromised caller reaches by going on from workload to workload. */
import type { Mesh } from '../../language/mesh.ts';
import { admits, isolating } from '../network.ts';
import { MeshIndex, portsOf } from './destinations.ts';
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
  const byCaller = Map.groupBy(grants, ({ source }) => (source.kind === 'workload' ? nameOf(source) : ''));
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
    for (const grant of byCaller.get(nameOf(next)) ?? []) enter(grant, next.way);
  }
  return [...found.values()];
}

/** True iff the grant lets in callers that hold no identity of a workload. */
function isOpenToStrangers({ source }: ReachGrant): boolean {
  return source.kind === 'plaintext' || source.kind === 'pattern';
}

/** Tells the grants of a mesh that somebody outside can use: open to strangers, on a port that NetworkPolicies leave open. */
export function entries(mesh: Mesh): (grant: ReachGrant) => boolean {
  const index = new MeshIndex(mesh);
  return (grant) => isOpenToStrangers(grant) && isOpenToOutside(index, grant.destination);
}

function isOpenToOutside(index: MeshIndex, { namespace, workload: name, port }: ReachGrant['destination']): boolean {
  const mesh = index.slice(namespace);
  const target = mesh.workloads.find((known) => known.namespace === namespace && known.name === name);
  if (target === undefined) return false;
  const number = port === 'other' ? portsOf(mesh, target, []).other : port;
  const outside = { peer: { workload: null, ip: null }, target, port: number };
  return admits(mesh, isolating(mesh, target, 'ingress'), 'ingress', outside);
}
