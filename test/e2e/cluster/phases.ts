/**
 * The phases of the suite. As deployed, the first layer that stops a call hides all others; so each inner layer is
 * asked again with everything before it lifted, and each phase is judged by the objects that the cluster then holds.
 */

import { isolating } from '#policies/analysis/network.ts';
import { boundaryWays } from '#policies/cli/live/boundary.ts';
import type { Caller } from '#policies/cli/live/caller.ts';
import { type Cell, cellsOf } from '#policies/cli/live/cell.ts';
import { askWays, probedWay } from '#policies/cli/live/probe-cluster.ts';
import type { ProbedCell, ProbedWay } from '#policies/cli/live/probe-report.ts';
import { survey } from '#policies/cli/live/survey.ts';
import type { ClusterObject } from './alterations.ts';
import { openedNamespaces, openNetwork, openPolicies, openSidecars } from './openings.ts';
import { call, pairs, readNow, type Stand, settle } from './stand.ts';
import { isStandIn } from './strangers.ts';

/** The names of the phases, in their order. */
export type PhaseName =
  | 'as deployed'
  | 'policies alone'
  | 'network policy of the callee'
  | 'network policy of the caller';

/** What one phase saw. */
export interface Phase {
  readonly name: PhaseName;
  readonly cells: readonly ProbedCell[];
  readonly seconds: number;
}

const secondsSince = (startedAt: number): number => (performance.now() - startedAt) / 1000;

/** Every call from everywhere, with every layer in place. */
export async function asDeployed(stand: Stand): Promise<Phase> {
  const startedAt = performance.now();
  const all = cellsOf(stand.callers, stand.targets, stand.key);
  // A pod under a right account is let in by policies and not by the network, which knows pods by their labels.
  const standIns = (cell: Cell) => isStandIn(cell.caller.workload.name);
  const cells = [
    ...(await call(
      stand,
      all.filter((cell) => !standIns(cell)),
      { against: 'intent' },
    )),
    ...(await call(stand, all.filter(standIns), { against: 'objects' })),
  ];
  return { name: 'as deployed', cells, seconds: secondsSince(startedAt) };
}

/** Every way around the Services. */
export async function waysAround(stand: Stand): Promise<readonly ProbedWay[]> {
  const { mesh } = await readNow(stand);
  const isolated = ({ workload }: Caller) => isolating(mesh, workload, 'egress').length > 0;
  const asked = askWays(stand.callers, boundaryWays(stand.targets, stand.podOf), { podOf: stand.podOf, isolated });
  return (await survey(stand.connection, asked)).map(probedWay);
}

/**
 * Every call that was refused, with every Sidecar scope and all network policies lifted: now the policies themselves
 * must refuse.
 */
export async function policiesAlone(stand: Stand, refused: readonly Cell[]): Promise<Phase> {
  return withOpenings(stand, 'policies alone', ['sidecars', 'egress', 'ingress'], async () => {
    await settle(stand, pairs(stand));
    return call(stand, refused, { against: 'intent' });
  });
}

/** Every pair that the callee's network policies keep apart, with all else lifted and every policy open. */
export function networkOfCallee(stand: Stand, apart: readonly Cell[]): Promise<Phase> {
  return withOpenings(stand, 'network policy of the callee', ['sidecars', 'egress', 'policies'], () =>
    settle(stand, apart),
  );
}

/** The same for the caller's network policies. */
export function networkOfCaller(stand: Stand, apart: readonly Cell[]): Promise<Phase> {
  return withOpenings(stand, 'network policy of the caller', ['sidecars', 'ingress', 'policies'], () =>
    settle(stand, apart),
  );
}

type Opening = 'sidecars' | 'ingress' | 'egress' | 'policies';

async function withOpenings(
  stand: Stand,
  name: PhaseName,
  openings: readonly Opening[],
  run: () => Promise<readonly ProbedCell[]>,
): Promise<Phase> {
  const startedAt = performance.now();
  const { mark } = stand.alterations;
  try {
    for (const object of await objectsOf(stand, openings)) await stand.alterations.put(object);
    const cells = await run();
    return { name, cells, seconds: secondsSince(startedAt) };
  } finally {
    await stand.alterations.restoreTo(mark);
  }
}

async function objectsOf(stand: Stand, openings: readonly Opening[]): Promise<readonly ClusterObject[]> {
  const { mesh, documents } = await readNow(stand);
  return openings.flatMap((opening) => {
    switch (opening) {
      case 'sidecars':
        return openSidecars(documents);
      case 'policies':
        return [openPolicies(mesh.config.rootNamespace)];
      case 'ingress':
      case 'egress':
        return openedNamespaces(mesh).map((namespace) => openNetwork(namespace, opening));
      default:
        throw new Error(`unexpected opening: ${JSON.stringify(opening satisfies never)}`);
    }
  });
}
