/** The twin of `../naive.ts` behind the network: what the proxies before a workload allow. */
import type { AuthorizationPolicy, Rule } from '../../language/authorization.ts';
import { enforcementAt } from '../enforcement-point.ts';
import { type Listener, resolveListener } from '../listener.ts';
import { routeTableOf } from '../routing/route-table.ts';
import {
  type ChainDecision,
  type Destination,
  decideByRules,
  decideOnChain,
  lowered,
  type RuleMatch,
  tokenFilter,
} from './chain.ts';
import { arriveAt, type SymbolicArrival } from './connection.ts';
import { ALWAYS, all, type Formula, some } from './formula.ts';
import { routed } from './routing.ts';
import type { SymbolicFacts } from './rules.ts';
import type { SymbolicTokenOutcome } from './token.ts';
import { decideThroughWaypoints, type WayDecision, type WaypointDecision } from './waypoint.ts';

/** What a destination's proxy allows of the requests of callers that show a bare certificate or none. */
export interface ProxyDecision {
  readonly allowed: Formula;
  /** What it would allow if no handshake refused anybody: plaintext and every identity come before the rules. */
  readonly unhelped: Formula;
  readonly listener: Listener;
  /** What the token filter does where the port speaks HTTP. */
  readonly token: SymbolicTokenOutcome;
  readonly rules: readonly RuleMatch[];
  /** Assumptions under which the formula is what the proxy decides. */
  readonly assumptions: readonly string[];
  /** The ways in where there are several: through each waypoint, and around them. */
  readonly ways?: readonly WayDecision[];
}

/** Decides every request to one destination. */
export function decideAtProxy(destination: Destination): ProxyDecision {
  const { world, workload, port } = destination;
  const listener = resolveListener(world.mesh, workload, port);
  const point = enforcementAt(world.mesh, workload, world.profile);
  const { token, given } = tokenFilter(world, point);
  const table = routeTableOf(world.mesh, workload, port);
  if (table === null && listener.kind === 'unguarded')
    return { allowed: ALWAYS, unhelped: ALWAYS, listener, token, rules: [], assumptions: [] };
  const doors = (table === null ? [{ listener, sentOn: ALWAYS }] : routed(table)).map((door) => ({
    ...door,
    chains:
      door.listener.kind === 'unguarded'
        ? []
        : arriveAt(door.listener, world.mesh.config).map((arrival) =>
            decideOnChain(destination, point, { arrival, token, given }),
          ),
  }));
  const chains = doors.flatMap((door) => door.chains);
  const direct = {
    allowed: through(doors, ({ when }) => when),
    unhelped: through(doors, ({ leadsHere }) => leadsHere),
    listener,
    token,
    rules: chains.flatMap(({ rules }) => rules),
    assumptions: [...new Set([...chains.flatMap(({ assumptions }) => assumptions), ...(table?.assumptions ?? [])])],
  };
  return listener.kind === 'ztunnel' ? joined(direct, decideThroughWaypoints(destination, point)) : direct;
}

interface Door {
  readonly listener: Listener;
  readonly sentOn: Formula;
  readonly chains: readonly ChainDecision[];
}

/** What some door lets through; servers of one port of a gateway are doors of their own. */
function through(doors: readonly Door[], asked: (arrival: SymbolicArrival) => Formula): Formula {
  return some(
    doors.map(({ listener, sentOn, chains }) =>
      listener.kind === 'unguarded'
        ? sentOn
        : all([sentOn, some(chains.map(({ arrival, behind }) => all([asked(arrival), behind])))]),
    ),
  );
}

/** Whoever calls chooses the way: what some way allows. */
function joined(direct: ProxyDecision, through: readonly WaypointDecision[]): ProxyDecision {
  const [first] = through;
  if (first === undefined) return direct;
  const chains = through.flatMap((each) => each.chains);
  return {
    ...direct,
    allowed: some([direct.allowed, ...through.map(({ allowed }) => allowed)]),
    unhelped: some([direct.unhelped, ...through.map(({ unhelped }) => unhelped)]),
    token: { ...first.token, readings: through.flatMap(({ token }) => token.readings) },
    rules: [...direct.rules, ...chains.flatMap(({ rules }) => rules)],
    assumptions: [...new Set([...direct.assumptions, ...chains.flatMap(({ assumptions }) => assumptions)])],
    ways: [...through, { waypoint: null, allowed: direct.allowed }],
  };
}

/** When each rule of enforced policies matches a request whose connection the listener of a port accepts. */
export function ruleMatches(
  destination: Destination,
): readonly { readonly policy: AuthorizationPolicy; readonly rule: Rule; readonly when: Formula }[] {
  return decideAtProxy(destination).rules.map(({ policy, rule, covers: own, arrives }) => ({
    policy,
    rule,
    when: all([arrives, own]),
  }));
}

/**
 * What the AuthorizationPolicies of a destination alone let through on a chain: every peer counts, accepted by the
 * handshake or not.
 */
export function allowedByPolicies(destination: Destination, chain: SymbolicArrival['chain']): Formula {
  const { world, workload, port, ip } = destination;
  const point = enforcementAt(world.mesh, workload, world.profile);
  const { token, given } = tokenFilter(world, point);
  const { hasClaims, readings } = token;
  const facts: SymbolicFacts = { sees: 'identities', chain, port, destinationIp: ip, hasClaims, readings, given };
  return decideByRules(point, lowered(point, { facts, arrives: ALWAYS, at: '' }));
}
