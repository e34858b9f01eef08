/** Which part of a mesh's reachability is asked for. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { type Problem, problem } from '../../language/problem.ts';
import { findWorkload } from '../world.ts';
import { blastRadius, entries, type Reached } from './blast-radius.ts';
import type { OpenPorts } from './open-ports.ts';
import type { OutsideWay, OutsideWays } from './outside.ts';
import type { Reach, ReachGrant } from './reach.ts';
import { networkAdmits } from './way.ts';

/** Callers and callees by name: a workload's, `namespace/name`, or a principal with or without its scheme. */
export interface ReachSelection {
  readonly from?: string;
  readonly to?: string;
  /** Only what somebody outside the mesh can use. */
  readonly viaInternet?: true;
}

/** The grants of the caller and callee that are asked for. */
export function selectGrants(mesh: Mesh, { grants }: Reach, selection: ReachSelection): readonly ReachGrant[] {
  const { to } = selection;
  const starts = startsOf(mesh, selection);
  return grants.filter((grant) => starts(grant) && (to === undefined || isNamed(grant.destination, to)));
}

/** The ways through gateways, with `to` those that end at the callee or its gateway; null where they are not asked for. */
export function selectWays(through: OutsideWays | null, { to }: ReachSelection): readonly OutsideWay[] | null {
  if (through === null || to === undefined) return through?.ways ?? null;
  return through.ways.filter(
    ({ destination, gateway }) => isNamed(gateway, to) || (destination.kind === 'workload' && isNamed(destination, to)),
  );
}

/** The proxies' own ports of the callee that is asked for; of a workload's calls, those that the network lets it make. */
export function selectOpenPorts(mesh: Mesh, { openPorts }: Reach, { from, to }: ReachSelection): readonly OpenPorts[] {
  const asked = openPorts.filter(({ destination }) => to === undefined || isNamed(destination, to));
  const callers = mesh.workloads.filter(
    (each) => from !== undefined && isNamed({ ...each, workload: each.name }, from),
  );
  return callers.length === 0 ? asked : asked.filter((open) => callers.some((caller) => connects(mesh, caller, open)));
}

function connects(mesh: Mesh, source: Workload, { destination, ports }: OpenPorts): boolean {
  const workload = findWorkload(mesh, destination);
  return workload !== source && ports.some((port) => networkAdmits(mesh, source, { workload, port }));
}

/**
 * What the caller reaches by going on from workload to workload, null when no caller is asked for; with `to`, the way
 * there alone. `compromised` lists what workloads can send around their sidecars.
 */
export function selectReached(mesh: Mesh, compromised: Reach, selection: ReachSelection): readonly Reached[] | null {
  const { from, to, viaInternet } = selection;
  if (from === undefined && viaInternet !== true) return null;
  return blastRadius(compromised, startsOf(mesh, selection)).filter(
    (reached) => to === undefined || isNamed(reached, to),
  );
}

/** The identity that is asked about though it may be no workload's; it gets an entry of its own. */
export function identitiesAsked({ from }: ReachSelection): readonly string[] {
  return from !== undefined && isPrincipal(from) ? [withScheme(from)] : [];
}

/** Names that no workload has. Errors: `input/unknown-workload`. */
export function unknownNames(mesh: Mesh, { from, to }: ReachSelection): readonly Problem[] {
  const named = [
    { option: '--from', name: from },
    { option: '--to', name: to },
  ];
  return named.flatMap(({ option, name }) => {
    if (name === undefined) return [];
    if (option === '--from' && (isPrincipal(name) || name === 'plaintext')) return [];
    if (mesh.workloads.some((workload) => isNamed({ ...workload, workload: workload.name }, name))) return [];
    const message = `no workload is called \`${name}\``;
    const help = 'give a name, namespace/name or, to --from, a principal or `plaintext`';
    return [problem('input/unknown-workload', message, { file: option, path: '', line: 1 }, help)];
  });
}

function startsOf(mesh: Mesh, { from, viaInternet }: ReachSelection): (grant: ReachGrant) => boolean {
  const isEntry = viaInternet === true ? entries(mesh) : () => true;
  return (grant) => isEntry(grant) && (from === undefined || isFrom(grant, from));
}

function isFrom({ source }: ReachGrant, name: string): boolean {
  if (isPrincipal(name)) return source.principal === withScheme(name);
  if (source.kind === 'plaintext') return name === 'plaintext';
  return source.kind === 'workload' && isNamed(source, name);
}

function isNamed(place: { readonly namespace: string; readonly workload: string }, name: string): boolean {
  return place.workload === name || `${place.namespace}/${place.workload}` === name;
}

const isPrincipal = (name: string): boolean => name.startsWith('spiffe://') || name.includes('/sa/');
const withScheme = (name: string): string => (name.startsWith('spiffe://') ? name : `spiffe://${name}`);
