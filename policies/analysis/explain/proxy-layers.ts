/** The layers inside the destination's proxy, each judged on its own. Twin of `naive-proxy.ts`. */
import type { AuthorizationPolicy } from '../../language/authorization.ts';
import { lossOf } from '../ambient/ztunnel-rules.ts';
import { customEffect } from '../custom.ts';
import { readPath } from '../facts.ts';
import { type ChainRule, covers } from '../rules.ts';
import { VERDICT_CODES } from '../verdict.ts';
import type { LayerName, Place } from './explanation.ts';
import { type Judgement, judge, placeOf } from './judgement.ts';
import { enforced, type Situation } from './situation.ts';
import { refusalOf } from './token-layer.ts';

/** What the HTTP codec makes of the request line. */
export function codec({ call, proxy }: Situation): Judgement {
  if (proxy === null || proxy.chain === 'tcp') return judge('codec', 'absent', 'no HTTP is read');
  const path = readPath(call.request.http, call.world.mesh.config, call.world.profile);
  if (path.kind === 'path') return judge('codec', 'passes', `the path is read as \`${path.path}\``);
  const because =
    path.kind === 'closed'
      ? 'the path has no leading slash, or the bytes are not HTTP: the connection is closed'
      : 'the path holds %00: answered 400';
  return judge('codec', 'stops', because);
}

/** External authorization, asked before tokens are checked (semantics.md 3.12). */
export function custom({ call, proxy }: Situation): Judgement {
  if (proxy === null) return unguarded('custom');
  const policies = enforced(call, 'CUSTOM');
  if (policies.length === 0) return judge('custom', 'absent', 'no CUSTOM policy applies');
  const effect = customEffect(policies, call.world.mesh.config, proxy.chain);
  const facts = { ...proxy.facts, http: proxy.facts.http === null ? null : { ...proxy.facts.http, claims: null } };
  const rule = call.point.rulesOn(proxy.chain, policies).find((each) => covers(each.rule, facts, call.world.profile));
  if (rule === undefined || effect.kind === 'nothing')
    return judge('custom', 'passes', 'no CUSTOM rule asks a provider');
  if (effect.kind === 'asks') return judge('custom', 'passes', `assumed: ${effect.assumption}`, rulePlace(rule));
  return judge('custom', 'stops', CUSTOM_DENIALS[effect.code], rulePlace(rule));
}

/** Whether a token that is there is accepted (semantics.md 8). */
export function requestAuthentication({ call, proxy }: Situation): Judgement {
  if (proxy === null) return unguarded('request-authentication');
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
export function deny({ call, proxy }: Situation): Judgement {
  if (proxy === null) return unguarded('deny');
  const policies = enforced(call, 'DENY');
  if (policies.length === 0) return judge('deny', 'absent', 'no DENY policy applies');
  const rule = firstMatch({ call, proxy }, 'DENY');
  return rule === undefined
    ? judge('deny', 'passes', `no DENY rule matches${lossText(call, policies)}`)
    : judge('deny', 'stops', 'a DENY rule matches', rulePlace(rule));
}

/** Whether an ALLOW rule matches, where one is needed. */
export function allow({ call, proxy }: Situation): Judgement {
  if (proxy === null) return unguarded('allow');
  const policies = enforced(call, 'ALLOW');
  if (policies.length === 0) return judge('allow', 'absent', 'no ALLOW policy applies, so everything else is allowed');
  const rule = firstMatch({ call, proxy }, 'ALLOW');
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

/** The first rule of an action that matches the call on its chain. */
export function firstMatch(
  { call, proxy }: Pick<Situation, 'call' | 'proxy'>,
  action: 'ALLOW' | 'DENY',
): ChainRule | undefined {
  if (proxy === null) return undefined;
  const { profile } = call.world;
  return call.point.rulesOn(proxy.chain, enforced(call, action)).find(({ rule }) => covers(rule, proxy.facts, profile));
}

const rulePlace = ({ policy, rule }: ChainRule): Place =>
  placeOf('AuthorizationPolicy', policy, { index: rule.index, line: rule.at.line });

const CUSTOM_DENIALS = {
  [VERDICT_CODES.customWithoutProvider]: 'the mesh settings do not hold the CUSTOM provider, which denies',
  [VERDICT_CODES.customProvidersConflict]: 'several CUSTOM providers on one workload deny what any of them matches',
} as const;
