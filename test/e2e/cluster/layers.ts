/** Which layers were seen to refuse each call, over all phases. */
import { type Cell, cellName } from '#policies/cli/live/cell.ts';
import type { Cause } from '#policies/cli/live/classify.ts';
import type { ProbedCell } from '#policies/cli/live/probe-report.ts';
import type { Phase, PhaseName } from './phases.ts';

/** A layer as it was seen: with the phase it is known whose network policy refused. */
export type SeenLayer =
  | 'codec'
  | 'egress scope of the caller'
  | 'network policy of the caller'
  | 'network policy of the callee'
  | 'network policy'
  | 'mutual TLS'
  | 'user token'
  | 'authorization policy';

const layerOfCause: Readonly<Record<Cause, SeenLayer | null>> = {
  application: null,
  unclear: null,
  codec: 'codec',
  egress: 'egress scope of the caller',
  'network-policy': 'network policy',
  mtls: 'mutual TLS',
  jwt: 'user token',
  rbac: 'authorization policy',
};

/** The layer that a probe met. */
function layerOf(phase: PhaseName, { observed }: Pick<ProbedCell, 'observed'>): SeenLayer | null {
  const layer = layerOfCause[observed.cause];
  const isOneSided = phase === 'network policy of the callee' || phase === 'network policy of the caller';
  return layer === 'network policy' && isOneSided ? phase : layer;
}

/** One call and every layer that refused it in some phase. */
export interface LayeredCell {
  readonly cell: Cell;
  readonly layers: readonly SeenLayer[];
}

const pairOf = ({ caller, target }: Cell): string =>
  [caller.pod.name, target.namespace, target.workload, target.port].join(' ');

/** The layers of every call that the first phase saw refused. Network layers are those of the pair of pods. */
export function layersSeen(phases: readonly Phase[]): readonly LayeredCell[] {
  const [deployed, ...inner] = phases;
  const byCell = new Map<string, Set<SeenLayer>>();
  const byPair = new Map<string, Set<SeenLayer>>();
  const add = (sets: Map<string, Set<SeenLayer>>, key: string, layer: SeenLayer | null) => {
    const known = sets.get(key) ?? new Set();
    sets.set(key, known);
    if (layer !== null) known.add(layer);
  };
  for (const { name, cells } of inner)
    for (const probed of cells)
      if (name === 'policies alone') add(byCell, cellName(probed.cell), layerOf(name, probed));
      else add(byPair, pairOf(probed.cell), layerOf(name, probed));
  return (deployed?.cells ?? []).flatMap((probed) => {
    const first = layerOf('as deployed', probed);
    if (first === null) return [];
    const all = new Set([
      first,
      ...(byPair.get(pairOf(probed.cell)) ?? []),
      ...(byCell.get(cellName(probed.cell)) ?? []),
    ]);
    // A network policy whose side is known is not counted again without one.
    if (all.has('network policy of the caller') || all.has('network policy of the callee'))
      all.delete('network policy');
    return [{ cell: probed.cell, layers: [...all].toSorted() }];
  });
}

/** How many calls were refused by how many layers. Shape: `{1: 12, 4: 700}`. */
export function depths(cells: readonly LayeredCell[]): Readonly<Record<number, number>> {
  const groups = Map.groupBy(cells, ({ layers }) => layers.length);
  return Object.fromEntries([...groups].map(([depth, own]) => [depth, own.length]));
}
