/** Writes what `reach` found, as text and as JSON. */
import { blastRadius } from '../../analysis/compare/blast-radius.ts';
import type { Reach, ReachGrant } from '../../analysis/compare/reach.ts';

/** Which grants are asked for. */
export interface ReachSelection {
  readonly from?: string;
  readonly to?: string;
  readonly viaInternet?: true;
}

/** The grants of the caller and callee that are asked for. */
export function selectGrants(
  grants: readonly ReachGrant[],
  { from, to, viaInternet }: ReachSelection,
  isEntry: (grant: ReachGrant) => boolean,
): readonly ReachGrant[] {
  return grants.filter(
    (grant) =>
      (from === undefined || isFrom(grant, from)) &&
      (to === undefined || isNamed(grant.destination, to)) &&
      (viaInternet !== true || isEntry(grant)),
  );
}

function isFrom({ source }: ReachGrant, name: string): boolean {
  if (source.principal === name || source.principal === `spiffe://${name}`) return true;
  if (source.kind === 'plaintext') return name === 'plaintext';
  return source.kind === 'workload' && isNamed(source, name);
}

function isNamed(place: { readonly namespace: string; readonly workload: string }, name: string): boolean {
  return place.workload === name || `${place.namespace}/${place.workload}` === name;
}

/** What is reached by going on from workload to workload; empty unless a caller was asked for. */
export function blastText(reach: Reach, selection: ReachSelection, isEntry: (grant: ReachGrant) => boolean): string {
  const { from, viaInternet } = selection;
  if (from === undefined && viaInternet !== true) return '';
  const reached = blastRadius(reach, (grant) => (from === undefined ? isEntry(grant) : isFrom(grant, from)));
  const lines = reached.map(({ way }) => `  ${way.join(' -> ')}`);
  return `\nreached transitively: ${reached.length} workloads\n${lines.join('\n')}${lines.length > 0 ? '\n' : ''}`;
}

/** The grants for programs, version 1. */
export function reachJson({ grants, assumptions, unknown }: Reach): string {
  return `${JSON.stringify({ version: 1, grants, assumptions, unknown }, null, 2)}\n`;
}
