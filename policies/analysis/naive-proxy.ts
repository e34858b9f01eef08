/** What the proxy before a workload decides, in filter order: codec, CUSTOM, token, DENY, ALLOW (semantics.md 3). */
import type { Action } from '../language/authorization.ts';
import type { Arrival } from './connection.ts';
import { customEffect } from './custom.ts';
import { ofAction, tokenRulesAt } from './enforcement-point.ts';
import { connectionFacts, httpFacts, readPath } from './facts.ts';
import { covers, type Facts } from './rules.ts';
import { verifiers, verifyToken } from './token.ts';
import { asGiven, givenHeaders, givingToken } from './token-headers.ts';
import { type DecidingRule, VERDICT_CODES, type Verdict } from './verdict.ts';
import { type Call, end } from './world.ts';

type Accepted = Extract<Arrival, { kind: 'accepted' }>;

/** Decides a call whose connection a filter chain of the proxy has accepted. */
export function decideAtProxy(call: Call, arrival: Accepted): Verdict {
  const facts = connectionFacts(call.request, arrival.identities);
  return arrival.chain === 'http' ? decideHttp(call, facts) : decideTcp(call, facts);
}

function decideTcp(call: Call, facts: Facts): Verdict {
  const custom = askCustom(call, 'tcp', facts);
  const decided = custom.stop ?? assuming(decideByRules(call, 'tcp', facts), custom.assumptions);
  return { ...decided, status: null };
}

function decideHttp(call: Call, connection: Facts): Verdict {
  const { request, world } = call;
  const path = readPath(request.http, world.mesh.config, world.profile);
  if (path.kind === 'closed' || request.http === null) return end(call, VERDICT_CODES.codecClosed);
  if (path.kind === 'badRequest') return end(call, VERDICT_CODES.codecBadRequest);
  const custom = askCustom(call, 'http', { ...connection, http: httpFacts(request.http, path, null) });
  if (custom.stop !== undefined) return custom.stop;
  const rules = tokenRulesAt(call.point);
  const token = verifyToken(verifiers(rules, world.issuerKeys), request.token, request.http);
  if (token.kind === 'refused') {
    const code = token.status === 401 ? VERDICT_CODES.tokenRefused : VERDICT_CODES.tokenForOtherAudience;
    return assuming(end(call, code), custom.assumptions);
  }
  const claims = token.kind === 'claims' ? token.claims : null;
  const facts = {
    ...connection,
    http: httpFacts(asGiven(request.http, givenHeaders(rules), givingToken(token, request.token)), path, claims),
  };
  return assuming(decideByRules(call, 'http', facts), custom.assumptions);
}

/** DENY rules, then ALLOW rules; without an ALLOW policy all else is allowed. */
function decideByRules(call: Call, chain: 'http' | 'tcp', facts: Facts): Verdict {
  const denied = firstMatch(call, 'DENY', chain, facts);
  if (denied !== undefined) return end(call, VERDICT_CODES.deniedByRule, { rule: denied });
  if (ofAction(call.point, 'ALLOW').length === 0) return end(call, VERDICT_CODES.allowedWithoutPolicy);
  const allowed = firstMatch(call, 'ALLOW', chain, facts);
  return allowed === undefined
    ? end(call, VERDICT_CODES.noAllowRule)
    : end(call, VERDICT_CODES.allowedByRule, { rule: allowed });
}

function firstMatch(call: Call, action: Action['kind'], chain: 'http' | 'tcp', facts: Facts): DecidingRule | undefined {
  const { point, world } = call;
  const rules = point.rulesOn(chain, ofAction(point, action));
  const number = rules.findIndex(({ rule }) => covers(rule, facts, world.profile));
  const found = rules[number];
  return found === undefined ? undefined : { number, policy: found.policy, index: found.rule.index, at: found.rule.at };
}

interface CustomOutcome {
  readonly stop: Verdict | undefined;
  readonly assumptions: readonly string[];
}

function askCustom(call: Call, chain: 'http' | 'tcp', facts: Facts): CustomOutcome {
  const effect = customEffect(ofAction(call.point, 'CUSTOM'), call.world.mesh.config, chain);
  const rule = effect.kind === 'nothing' ? undefined : firstMatch(call, 'CUSTOM', chain, facts);
  if (rule === undefined) return { stop: undefined, assumptions: [] };
  if (effect.kind === 'denies') return { stop: end(call, effect.code, { rule }), assumptions: [] };
  return { stop: undefined, assumptions: effect.kind === 'asks' ? [effect.assumption] : [] };
}

function assuming(verdict: Verdict, assumptions: readonly string[]): Verdict {
  return assumptions.length === 0
    ? verdict
    : { ...verdict, assumptions: [...verdict.assumptions, ...assumptions].toSorted() };
}
