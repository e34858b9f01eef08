/** The twin of `../ambient/ways.ts`: what gets to an ambient workload through the waypoints before it. */
import type { Waypoint } from '../../language/ambient.ts';
import { type Entrance, entrancesOf, identityOf, waypointText } from '../ambient/waypoints.ts';
import { type EnforcementPoint, enforcementAtWaypoint } from '../enforcement-point.ts';
import type { Address } from '../request.ts';
import { type ChainDecision, type Destination, decideByRules, decideOnChain, lowered, tokenFilter } from './chain.ts';
import { arriveAt } from './connection.ts';
import { ALWAYS, all, type Formula, NEVER, some } from './formula.ts';
import type { SymbolicFacts } from './rules.ts';
import type { SymbolicTokenOutcome } from './token.ts';

/** One way in: through a waypoint, or (null) straight to the workload. */
export interface WayDecision {
  readonly waypoint: Waypoint | null;
  readonly allowed: Formula;
}

/** What one waypoint lets in. */
export interface WaypointDecision extends WayDecision {
  readonly unhelped: Formula;
  readonly token: SymbolicTokenOutcome;
  readonly chains: readonly ChainDecision[];
}

/** The address of an end whose address is not known: no block holds it. */
const NO_ADDRESS: Address = [];

/** Decides every way through a waypoint: its policies on the caller, then the workload's ztunnel on the waypoint. */
export function decideThroughWaypoints(destination: Destination, own: EnforcementPoint): readonly WaypointDecision[] {
  const { world, workload, port } = destination;
  return entrancesOf(world.mesh, workload, port).map((entrance) => decideThrough(destination, own, entrance));
}

function decideThrough(destination: Destination, own: EnforcementPoint, entrance: Entrance): WaypointDecision {
  const { world } = destination;
  const { waypoint, protocol, port } = entrance;
  const point = enforcementAtWaypoint(world.mesh, entrance, world.profile);
  const { token, given } = tokenFilter(world, point);
  const at = waypointText(waypoint);
  const chains = arriveAt({ kind: 'sidecar', protocol, mode: 'STRICT' }, world.mesh.config).map((arrival) =>
    decideOnChain({ ...destination, port, ip: NO_ADDRESS }, point, { arrival, token, given, at, known: { sni: '' } }),
  );
  const last = fromWaypoint(destination, own, identityOf(world.mesh, waypoint));
  return {
    waypoint,
    token,
    chains,
    allowed: some(chains.map(({ arrival, behind }) => all([arrival.when, behind, last]))),
    unhelped: some(chains.map(({ arrival, behind }) => all([arrival.leadsHere, behind, last]))),
  };
}

/** Whether the workload's ztunnel lets the waypoint in; requests differ in no more than the pod's address. */
function fromWaypoint({ port, ip }: Destination, own: EnforcementPoint, identity: string): Formula {
  const facts: SymbolicFacts = {
    sees: 'identities',
    chain: 'tcp',
    port,
    destinationIp: ip,
    hasClaims: NEVER,
    readings: [],
    given: new Set(),
    known: { identities: [identity], sourceIp: NO_ADDRESS },
  };
  return decideByRules(own, lowered(own, { facts, arrives: ALWAYS, at: '' }));
}
