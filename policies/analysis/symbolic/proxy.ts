/** The twin of `../naive-proxy.ts`: what the proxy before a workload allows, in filter order (semantics.md 3). */
import type { Action, AuthorizationPolicy, Rule } from '../../language/authorization.ts';
import type { Workload } from '../../language/mesh.ts';
import { applicable, tokenRulesOf } from '../attachment.ts';
import { customEffect } from '../custom.ts';
import { type Listener, resolveListener } from '../listener.ts';
import type { Profile } from '../profile.ts';
import type { Address } from '../request.ts';
import { routeTableOf } from '../routing/route-table.ts';
import { rulesOnChain } from '../rules.ts';
import { verifiers } from '../token.ts';
import { type GivenHeaders, givenHeaders } from '../token-headers.ts';
import type { World } from '../world.ts';
import { arriveAt, type SymbolicArrival } from './connection.ts';
import { ALWAYS, all, type Formula, holds, NEVER, not, some } from './formula.ts';
import { routed } from './routing.ts';
import { covers, type SymbolicFacts } from './rules.ts';
import { type SymbolicTokenOutcome, verifyToken } from './token.ts';

const NOTHING_GIVEN: GivenHeaders = new Set();

/** One destination: a workload, one of its ports, and its address where requests name it. */
export interface Destination {
  readonly world: World;
  readonly workload: Workload;
  readonly port: number;
  readonly ip: Address | null;
}

/** One enforced rule on one chain of a destination. */
export interface RuleMatch {
  readonly policy: AuthorizationPolicy;
  readonly rule: Rule;
  readonly chain: SymbolicArrival['chain'];
  /** When the rule's own words hold. */
  readonly covers: Formula;
  /** Which requests come before the rules: those whose connection and path are accepted. */
  readonly arrives: Formula;
}

/** What a destination's proxy allows of the requests of callers that show a bare certificate or none. */
export interface ProxyDecision {
  readonly allowed: Formula;
  /** What it would allow if no handshake refused anybody: plaintext and every identity come before the rules. */
  readonly unhelped: Formula;
  readonly listener: Listener;
  /** What the token filter does where the port speaks HTTP. */
  readonly token: SymbolicTokenOutcome;
  readonly rules: readonly RuleMatch[];
  /** What becomes of calls that no rule matches: with an ALLOW policy, be it without rules, they are denied. */
  readonly otherwise: 'allow' | 'deny';
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
  const { token, given } = tokenFilter(destination);
  if (listener.kind === 'unguarded')
    return { allowed: ALWAYS, unhelped: ALWAYS, listener, token, rules: [], otherwise: 'allow', assumptions: [] };
  const chains = arriveAt(listener, world.mesh.config).map((arrival) =>
    decideOnChain(destination, policies, { arrival, token, given }),
  );
  const table = listener.kind === 'gateway' ? routeTableOf(world.mesh, workload, port) : null;
  const sentOn = table === null ? ALWAYS : routed(table);
  return {
    allowed: all([sentOn, some(chains.map(({ arrival, behind }) => all([arrival.when, behind])))]),
    unhelped: all([sentOn, some(chains.map(({ arrival, behind }) => all([arrival.leadsHere, behind])))]),
    listener,
    token,
    rules: chains.flatMap(({ rules }) => rules),
    otherwise: ofAction(policies, 'ALLOW').length > 0 ? 'deny' : 'allow',
    assumptions: [...new Set([...chains.flatMap(({ assumptions }) => assumptions), ...(table?.assumptions ?? [])])],
  };
}

/** What one chain lets through of the connections that it takes. */
function decideOnChain(
  destination: Destination,
  policies: readonly AuthorizationPolicy[],
  { arrival, token, given }: TokenFilter & { readonly arrival: SymbolicArrival },
): {
  readonly arrival: SymbolicArrival;
  readonly behind: Formula;
  readonly rules: readonly RuleMatch[];
  readonly assumptions: readonly string[];
} {
  const { chain, sees, when } = arrival;
  const facts: SymbolicFacts = {
    sees,
    chain,
    port: destination.port,
    destinationIp: destination.ip,
    hasClaims: token.hasClaims,
    given,
  };
  const codec = chain === 'http' ? [holds({ on: 'bytes', is: 'http' }), holds({ on: 'acceptedPath' })] : [];
  const arrives = all([when, ...codec]);
  const rules = lowered(policies, { facts, arrives, profile: destination.world.profile });
  const custom = askCustom(destination, policies, chain);
  const behind = all([
    not(custom.stops({ ...facts, hasClaims: NEVER, given: NOTHING_GIVEN })),
    decideByRules(policies, rules),
    ...(chain === 'http' ? [...codec, not(token.refused)] : []),
  ]);
  return { arrival, behind, rules, assumptions: custom.assumptions };
}

function lowered(
  policies: readonly AuthorizationPolicy[],
  { facts, arrives, profile }: { readonly facts: SymbolicFacts; readonly arrives: Formula; readonly profile: Profile },
): readonly RuleMatch[] {
  return rulesOnChain(policies, facts.chain, profile).map(({ policy, rule }) => ({
    policy,
    rule: policy.rules[rule.index] ?? rule,
    chain: facts.chain,
    covers: covers(rule, policy.action.kind === 'CUSTOM' ? { ...facts, given: NOTHING_GIVEN } : facts),
    arrives,
  }));
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
  const policies = applicable(world.mesh.authorizationPolicies, world.mesh, workload).filter(
    (policy) => policy.enforcement === 'enforced',
  );
  const { token, given } = tokenFilter(destination);
  const { hasClaims } = token;
  const facts: SymbolicFacts = { sees: 'identities', chain, port, destinationIp: ip, hasClaims, given };
  return decideByRules(policies, lowered(policies, { facts, arrives: ALWAYS, profile: world.profile }));
}

/** The token filter of a destination: what becomes of tokens, and which headers it writes itself. */
interface TokenFilter {
  readonly token: SymbolicTokenOutcome;
  readonly given: GivenHeaders;
}

function tokenFilter({ world, workload }: Destination): TokenFilter {
  const rules = tokenRulesOf(world.mesh, workload);
  return { token: verifyToken(verifiers(rules, world.issuerKeys)), given: givenHeaders(rules) };
}

/** DENY rules, then ALLOW rules; without an ALLOW policy all else is allowed. */
function decideByRules(policies: readonly AuthorizationPolicy[], rules: readonly RuleMatch[]): Formula {
  const matches = (action: Action['kind']) =>
    some(rules.flatMap(({ policy, covers: own }) => (policy.action.kind === action ? [own] : [])));
  const allows = policies.some(({ action }) => action.kind === 'ALLOW');
  return all([not(matches('DENY')), allows ? matches('ALLOW') : ALWAYS]);
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
