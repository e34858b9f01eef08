/** The layers inside the destination's proxy, each judged on its own. Twin of `naive-proxy.ts`. */
import type { AuthorizationPolicy } from '../../language/authorization.ts';
import type { MeshConfig } from '../../language/mesh.ts';
import { lossOf } from '../ambient/ztunnel-rules.ts';
import { type CustomEffect, customEffect } from '../custom.ts';
import { readPath } from '../facts.ts';
import { type ChainRule, covers } from '../rules.ts';
import { VERDICT_CODES } from '../verdict.ts';
import type { LayerName, Place } from './explanation.ts';
import { matchingFields } from './fields.ts';
import { type Judgement, judge, placeOf } from './judgement.ts';
import { tryFindDocument } from './near-miss.ts';
import { enforced, type Situation } from './situation.ts';
import { refusalOf } from './token-layer.ts';

/** What the HTTP codec makes of the request line. */
export function codec({ call, proxy }: Situation): Judgement {
  if (proxy === null || proxy.chain === 'tcp') return judge('codec', 'absent', 'no HTTP is read');
  const path = readPath(call.request.http, call.world.mesh.config, call.world.profile);
  if (path.kind === 'path') return judge('codec', 'passes', `the path is read as \`${path.path}\``);
  return judge('codec', 'stops', refusedBecause(call.request.http, path.kind));
}

function refusedBecause(http: Situation['call']['request']['http'], kind: 'closed' | 'badRequest'): string {
  if (http === null) return 'the port reads HTTP, and these bytes are none: the connection is closed';
  return kind === 'closed'
    ? `the path \`${http.path}\` has no leading slash: the connection is closed`
    : `the path \`${http.path}\` holds %00: answered 400`;
}

/** What is said of layers that are asked only about requests that the codec could read; undefined where it could. */
function unread({ call, proxy }: Situation, layer: LayerName): Judgement | undefined {
  if (proxy === null || proxy.chain === 'tcp') return undefined;
  const path = readPath(call.request.http, call.world.mesh.config, call.world.profile);
  return path.kind === 'path' ? undefined : judge(layer, 'absent', 'not asked: the codec reads no request');
}

/** External authorization, asked before tokens are checked (semantics.md 3.12). */
export function custom(situation: Situation): Judgement {
  const { call, proxy } = situation;
  if (proxy === null) return unguarded('custom');
  const refused = unread(situation, 'custom');
  if (refused !== undefined) return refused;
  const policies = enforced(call, 'CUSTOM');
  if (policies.length === 0) return judge('custom', 'absent', 'no CUSTOM policy applies');
  const effect = customEffect(policies, call.world.mesh.config, proxy.chain);
  const facts = { ...proxy.facts, http: proxy.facts.http === null ? null : { ...proxy.facts.http, claims: null } };
  const rule = call.point.rulesOn(proxy.chain, policies).find((each) => covers(each.rule, facts, call.world.profile));
  if (rule === undefined || effect.kind === 'nothing')
    return judge('custom', 'passes', 'no CUSTOM rule asks a provider');
  if (effect.kind === 'asks') return judge('custom', 'passes', `assumed: ${effect.assumption}`, rulePlace(rule));
  return judge('custom', 'stops', customDenial(effect.code, rule, call.world.mesh.config), rulePlace(rule));
}

/** Whether a token that is there is accepted (semantics.md 8). */
export function requestAuthentication(situation: Situation): Judgement {
  const { call, proxy } = situation;
  if (proxy === null) return unguarded('request-authentication');
  const refused = unread(situation, 'request-authentication');
  if (refused !== undefined) return refused;
  const [first] = call.point.authentications;
  if (first === undefined) return judge('request-authentication', 'absent', 'no RequestAuthentication applies');
  const place = placeOf('RequestAuthentication', first);
  if (proxy.chain === 'tcp') return judge('request-authentication', 'absent', 'a TCP chain checks no token', place);
  const { token } = proxy;
  if (token.kind === 'refused')
    return judge('request-authentication', 'stops', `${refusalOf(call)}: ${token.status}`, place);
  const isSent = call.request.token !== null;
  const unseen = isSent
    ? 'the token is not looked at, and its claims count for nothing'
    : 'no token came, and none is required here: rules that read its claims do not match';
  return judge('request-authentication', 'passes', token.kind === 'claims' ? 'the token is valid' : unseen, place);
}

/** Whether a DENY rule matches. */
export function deny(situation: Situation): Judgement {
  const { call, proxy } = situation;
  if (proxy === null) return unguarded('deny');
  const refused = unread(situation, 'deny');
  if (refused !== undefined) return refused;
  const policies = enforced(call, 'DENY');
  if (policies.length === 0) return judge('deny', 'absent', 'no DENY policy applies');
  const [rule, ...others] = allMatches(situation, 'DENY');
  if (rule === undefined) return judge('deny', 'passes', `no DENY rule matches${lossText(call, policies)}`);
  const more = others.length === 0 ? '' : ` (and ${others.length} more of them)`;
  return judge('deny', 'stops', `a DENY rule matches${more}: ${matchText(situation, rule)}`, rulePlace(rule));
}

/** Whether an ALLOW rule matches, where one is needed. */
export function allow(situation: Situation): Judgement {
  const { call, proxy } = situation;
  if (proxy === null) return unguarded('allow');
  const refused = unread(situation, 'allow');
  if (refused !== undefined) return refused;
  const policies = enforced(call, 'ALLOW');
  if (policies.length === 0) return judge('allow', 'absent', 'no ALLOW policy applies, so everything else is allowed');
  const [rule] = allMatches(situation, 'ALLOW');
  if (rule !== undefined) return judge('allow', 'passes', 'an ALLOW rule matches', rulePlace(rule));
  const count = policies.reduce((sum, policy) => sum + policy.rules.length, 0);
  const apply = policies.length === 1 ? '1 ALLOW policy applies' : `${policies.length} ALLOW policies apply`;
  const none =
    count === 0
      ? 'with no rule at all'
      : count === 1
        ? 'and the one rule does not match'
        : `and none of their ${count} rules matches`;
  return judge('allow', 'stops', `${apply}, ${none}${lossText(call, policies)}`);
}

/** Which of the rules ztunnel does not enforce as they are written, and why. */
function lossText({ listener }: Situation['call'], policies: readonly AuthorizationPolicy[]): string {
  if (listener.kind !== 'ztunnel') return '';
  const lost = policies
    .flatMap(({ rules, action }) => rules.map((rule) => lossOf(rule, action.kind)))
    .flatMap((loss) => (loss.kind === 'kept' ? [] : [loss]));
  if (lost.length === 0) return '';
  const fields = [...new Set(lost.flatMap(({ by }) => by))].map((field) => `\`${field}\``).join(', ');
  const rules = lost.length === 1 ? '1 rule is' : `${lost.length} rules are`;
  return `; ${rules} not enforced as written, since ztunnel sees no ${fields}`;
}

const unguarded = (layer: LayerName): Judgement => judge(layer, 'absent', 'no proxy stands before this port');

/** The rules of an action that match the call on its chain. */
export function allMatches({ call, proxy }: Situation, action: 'ALLOW' | 'DENY'): readonly ChainRule[] {
  if (proxy === null) return [];
  const { profile } = call.world;
  return call.point
    .rulesOn(proxy.chain, enforced(call, action))
    .filter(({ rule }) => covers(rule, proxy.facts, profile));
}

/** By which of its fields a rule matches, as they are written. */
function matchText({ call, proxy, documents }: Situation, { policy, rule }: ChainRule): string {
  const document = tryFindDocument(documents, { ...policy, kind: 'AuthorizationPolicy' });
  if (document === undefined || proxy === null) return 'its fields fit the call';
  const own = policy.rules.find(({ index }) => index === rule.index) ?? rule;
  const fields = matchingFields(own, { document, facts: proxy.facts, profile: call.world.profile });
  if (own.parts.length === 0) return 'it asks for nothing, so that it matches every call';
  if (rule.parts.every(({ alternatives }) => alternatives.some((clauses) => clauses.length === 0)))
    return 'this port reads none of its fields, and what is left of it asks for nothing: it matches every call';
  return fields.length === 0 ? 'by those of its fields that this port reads' : fields.join(', ');
}

const rulePlace = ({ policy, rule }: ChainRule): Place =>
  placeOf('AuthorizationPolicy', policy, { index: rule.index, line: rule.at.line });

function customDenial(
  code: Extract<CustomEffect, { kind: 'denies' }>['code'],
  { policy: { action } }: ChainRule,
  { extensionProviders }: MeshConfig,
): string {
  if (code === VERDICT_CODES.customProvidersConflict)
    return 'several CUSTOM providers on one workload deny what any of them matches';
  const asked = action.kind === 'CUSTOM' ? action.provider : '';
  const usable = extensionProviders.flatMap(({ kind, name }) => (kind === 'other' ? [] : [`\`${name}\``]));
  const known = usable.length === 0 ? 'they hold no provider for authorization' : `they hold ${usable.join(', ')}`;
  return `the mesh settings do not hold the CUSTOM provider \`${asked}\`, which denies (${known})`;
}
