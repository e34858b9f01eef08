/** The twin of `../naive-proxy.ts`: what the proxy before a workload allows, in filter order (semantics.md 3). */
import type { Action, AuthorizationPolicy, Rule } from '../../language/authorization.ts';
import type { Workload } from '../../language/mesh.ts';
import { applicable, byAge } from '../attachment.ts';
import { customEffect } from '../custom.ts';
import { type Listener, resolveListener } from '../listener.ts';
import type { Address } from '../request.ts';
import { rulesOnChain } from '../rules.ts';
import { verifiers } from '../token.ts';
import type { World } from '../world.ts';
import { arriveAt, type SymbolicArrival } from './connection.ts';
import { ALWAYS, all, type Formula, holds, NEVER, not, some } from './formula.ts';
import { covers, type SymbolicFacts } from './rules.ts';
import { type SymbolicTokenOutcome, verifyToken } from './token.ts';

/** One destination: a workload, one of its ports, and its address where requests name it. */
export interface Destination {
  readonly world: World;
  readonly workload: Workload;
  readonly port: number;
  readonly ip: Address | null;
}

/** What a destination's proxy allows of the requests of callers that show a bare certificate or none. */
export interface ProxyDecision {
  readonly allowed: Formula;
  readonly listener: Listener;
  /** What the token filter does where the port speaks HTTP. */
  readonly token: SymbolicTokenOutcome;
  /** Assumptions under which the formula is what the proxy decides. */
  readonly assumptions: readonly string[];
}

/** Decides every request to one destination. */
export function decideAtProxy(destination: Destination): ProxyDecision {
  const { world, workload, port } = destination;
  const listener = resolveListener(world.mesh, workload, port);
  const policies = applicable(world.mesh.authorizationPolicies, world.mesh, workload).filter(
    (policy) => policy.enforcement === 'enforced',
  );
  const token = tokenOutcome(destination);
  if (listener.kind === 'unguarded') return { allowed: ALWAYS, listener, token, assumptions: [] };
  const custom = { http: askCustom(destination, policies, 'http'), tcp: askCustom(destination, policies, 'tcp') };
  const arrivals = arriveAt(listener, world.mesh.config);
  const allowed = arrivals.map((arrival) => {
    const facts: SymbolicFacts = {
      sees: arrival.sees,
      chain: arrival.chain,
      port,
      destinationIp: destination.ip,
      hasClaims: token.hasClaims,
    };
    const stops = custom[arrival.chain].stops({ ...facts, hasClaims: NEVER });
    const decided = decideByRules(destination, policies, facts);
    return all([arrival.when, not(stops), decided, arrival.chain === 'http' ? passesHttp(token) : ALWAYS]);
  });
  const chains = new Set(arrivals.map(({ chain }) => chain));
  const assumptions = [...chains].flatMap((chain) => custom[chain].assumptions);
  return { allowed: some(allowed), listener, token, assumptions };
}

/** When each rule of enforced policies matches a request whose connection the listener of a port accepts. */
export function ruleMatches(
  destination: Destination,
): readonly { readonly policy: AuthorizationPolicy; readonly rule: Rule; readonly when: Formula }[] {
  const { world, workload, port } = destination;
  const listener = resolveListener(world.mesh, workload, port);
  if (listener.kind === 'unguarded') return [];
  const token = tokenOutcome(destination);
  const policies = applicable(world.mesh.authorizationPolicies, world.mesh, workload).filter(
    (policy) => policy.enforcement === 'enforced',
  );
  return arriveAt(listener, world.mesh.config).flatMap((arrival) => {
    const { chain, sees } = arrival;
    const facts: SymbolicFacts = { sees, chain, port, destinationIp: destination.ip, hasClaims: token.hasClaims };
    const codec = chain === 'http' ? [holds({ on: 'bytes', is: 'http' }), holds({ on: 'acceptedPath' })] : [];
    return rulesOnChain(policies, chain, world.profile).map(({ policy, rule }) => ({
      policy,
      rule: policy.rules.find(({ index }) => index === rule.index) ?? rule,
      when: all([arrival.when, ...codec, covers(rule, facts)]),
    }));
  });
}

/**
 * What the AuthorizationPolicies of a destination alone let through on a chain: every peer counts, accepted by the
 * handshake or not.
 */
export function allowedByPolicies(destination: Destination, chain: SymbolicArrival['chain']): Formula {
  const { world, workload, port, ip } = destination;
  const policies = applicable(world.mesh.authorizationPolicies, world.mesh, workload).filter(
    (policy) => policy.enforcement === 'enforced',
  );
  const { hasClaims } = tokenOutcome(destination);
  return decideByRules(destination, policies, { sees: 'identities', chain, port, destinationIp: ip, hasClaims });
}

/** The codec takes the request, and the token filter does not refuse it. */
function passesHttp(token: SymbolicTokenOutcome): Formula {
  return all([holds({ on: 'bytes', is: 'http' }), holds({ on: 'acceptedPath' }), not(token.refused)]);
}

function tokenOutcome({ world, workload }: Destination): SymbolicTokenOutcome {
  const selected = applicable(world.mesh.requestAuthentications, world.mesh, workload).toSorted(byAge);
  return verifyToken(
    verifiers(
      selected.flatMap((authentication) => authentication.rules),
      world.issuerKeys,
    ),
  );
}

/** DENY rules, then ALLOW rules; without an ALLOW policy all else is allowed. */
function decideByRules(
  destination: Destination,
  policies: readonly AuthorizationPolicy[],
  facts: SymbolicFacts,
): Formula {
  const denied = matches(destination, ofAction(policies, 'DENY'), facts);
  const allowing = ofAction(policies, 'ALLOW');
  return all([not(denied), allowing.length === 0 ? ALWAYS : matches(destination, allowing, facts)]);
}

function ofAction(policies: readonly AuthorizationPolicy[], action: Action['kind']): readonly AuthorizationPolicy[] {
  return policies.filter((policy) => policy.action.kind === action);
}

function matches({ world }: Destination, policies: readonly AuthorizationPolicy[], facts: SymbolicFacts): Formula {
  const rules = rulesOnChain(policies, facts.chain, world.profile);
  return some(rules.map(({ rule }) => covers(rule, facts)));
}

interface SymbolicCustom {
  readonly stops: (facts: SymbolicFacts) => Formula;
  readonly assumptions: readonly string[];
}

function askCustom(
  destination: Destination,
  policies: readonly AuthorizationPolicy[],
  chain: SymbolicArrival['chain'],
): SymbolicCustom {
  const custom = ofAction(policies, 'CUSTOM');
  const effect = customEffect(custom, destination.world.mesh.config, chain);
  if (effect.kind === 'denies') return { stops: (facts) => matches(destination, custom, facts), assumptions: [] };
  return { stops: () => NEVER, assumptions: effect.kind === 'asks' ? [effect.assumption] : [] };
}
