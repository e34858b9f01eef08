/** One chain at one point: what its filters let through, in their order (semantics.md 3). */
import type { Action, AuthorizationPolicy, Rule } from '../../language/authorization.ts';
import type { Workload } from '../../language/mesh.ts';
import { customEffect } from '../custom.ts';
import { type EnforcementPoint, ofAction, tokenRulesAt } from '../enforcement-point.ts';
import type { Address } from '../request.ts';
import { verifiers } from '../token.ts';
import { type GivenHeaders, givenHeaders } from '../token-headers.ts';
import type { World } from '../world.ts';
import type { SymbolicArrival } from './connection.ts';
import { ALWAYS, all, type Formula, holds, NEVER, not, some } from './formula.ts';
import { covers, type KnownFacts, type SymbolicFacts } from './rules.ts';
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
  /** Which proxy enforces it: '' for the workload's own, else a waypoint. */
  readonly at: string;
  readonly chain: SymbolicArrival['chain'];
  /** What becomes there of calls that no rule matches: with an ALLOW policy, be it without rules, they are denied. */
  readonly otherwise: 'allow' | 'deny';
  /** When the rule's own words hold. */
  readonly covers: Formula;
  /** Which requests come before the rules: those whose connection and path are accepted. */
  readonly arrives: Formula;
}

/** What one chain lets through of the connections that it takes. */
export interface ChainDecision {
  readonly arrival: SymbolicArrival;
  readonly behind: Formula;
  readonly rules: readonly RuleMatch[];
  readonly assumptions: readonly string[];
}

/** How connections come to a chain, and what is known of them. */
export interface ChainEntry extends TokenFilter {
  readonly arrival: SymbolicArrival;
  /** @default '' */
  readonly at?: string;
  /** @default - nothing */
  readonly known?: KnownFacts;
}

/** Decides one chain. */
export function decideOnChain(
  destination: Destination,
  point: EnforcementPoint,
  { arrival, token, given, at = '', known = {} }: ChainEntry,
): ChainDecision {
  const { chain, sees, when } = arrival;
  const facts: SymbolicFacts = {
    sees,
    chain,
    port: destination.port,
    destinationIp: destination.ip,
    hasClaims: token.hasClaims,
    readings: token.readings,
    given,
    known,
  };
  const codec = chain === 'http' ? [holds({ on: 'bytes', is: 'http' }), holds({ on: 'acceptedPath' })] : [];
  const arrives = all([when, ...codec]);
  const rules = lowered(point, { facts, arrives, at });
  const custom = askCustom(destination, point, chain);
  const behind = all([
    not(custom.stops({ ...facts, hasClaims: NEVER, given: NOTHING_GIVEN })),
    decideByRules(point, rules),
    ...(chain === 'http' ? [...codec, not(token.refused)] : []),
  ]);
  return { arrival, behind, rules, assumptions: custom.assumptions };
}

/** The rules of a point on the chain of some facts, with the requests that come before them. */
export function lowered(
  point: EnforcementPoint,
  { facts, arrives, at }: { readonly facts: SymbolicFacts; readonly arrives: Formula; readonly at: string },
): readonly RuleMatch[] {
  const otherwise = ofAction(point, 'ALLOW').length > 0 ? 'deny' : 'allow';
  return point.rulesOn(facts.chain, point.policies).map(({ policy, rule }) => ({
    policy,
    rule: policy.rules[rule.index] ?? rule,
    at,
    chain: facts.chain,
    otherwise,
    covers: covers(rule, policy.action.kind === 'CUSTOM' ? { ...facts, given: NOTHING_GIVEN } : facts),
    arrives,
  }));
}

/** The token filter of a destination: what becomes of tokens, and which headers it writes itself. */
export interface TokenFilter {
  readonly token: SymbolicTokenOutcome;
  readonly given: GivenHeaders;
}

/** The token filter of a point. */
export function tokenFilter({ issuerKeys }: World, point: EnforcementPoint): TokenFilter {
  const tokenRules = tokenRulesAt(point);
  return { token: verifyToken(verifiers(tokenRules, issuerKeys)), given: givenHeaders(tokenRules) };
}

/** DENY rules, then ALLOW rules; without an ALLOW policy all else is allowed. */
export function decideByRules(point: EnforcementPoint, rules: readonly RuleMatch[]): Formula {
  const matches = (action: Action['kind']) =>
    some(rules.flatMap(({ policy, covers: own }) => (policy.action.kind === action ? [own] : [])));
  const allows = point.policies.some(({ action }) => action.kind === 'ALLOW');
  return all([not(matches('DENY')), allows ? matches('ALLOW') : ALWAYS]);
}

interface SymbolicCustom {
  readonly stops: (facts: SymbolicFacts) => Formula;
  readonly assumptions: readonly string[];
}

function askCustom(destination: Destination, point: EnforcementPoint, chain: SymbolicArrival['chain']): SymbolicCustom {
  const custom = ofAction(point, 'CUSTOM');
  const effect = customEffect(custom, destination.world.mesh.config, chain);
  const stops = (facts: SymbolicFacts) => some(point.rulesOn(chain, custom).map(({ rule }) => covers(rule, facts)));
  if (effect.kind === 'denies') return { stops, assumptions: [] };
  return { stops: () => NEVER, assumptions: effect.kind === 'asks' ? [effect.assumption] : [] };
}
