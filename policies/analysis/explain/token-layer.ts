/** RequestAuthentication as a layer of its own. Source: semantics.md 8. */
import { tokenRulesAt } from '../enforcement-point.ts';
import { isMeantFor, type TokenOutcome, verifiers, verifyToken } from '../token.ts';
import type { Call } from '../world.ts';

/** Why a token is refused, in words: the fault under the first rule for its issuer. */
export function refusalOf({ request, point }: Call): string {
  const { token } = request;
  const issuer = token?.claims['iss'];
  const rules = tokenRulesAt(point);
  const own = rules.find((rule) => rule.issuer === issuer);
  if (own === undefined) {
    const known = [...new Set(rules.map((rule) => `\`${rule.issuer}\``))].join(', ');
    return `the token's issuer ${typeof issuer === 'string' ? `\`${issuer}\`` : '(none)'} is not one of ${known}`;
  }
  if (token?.fault === 'expired') return 'the token has expired, or cannot be read';
  const audience = JSON.stringify(token?.claims['aud'] ?? null);
  const isForOthers = token?.fault === 'audience' || !isMeantFor(own, token?.claims['aud']);
  if (own.audiences.length > 0 && isForOthers)
    return `the token is for the audience ${audience}, and the rule asks for ${own.audiences.map((each) => `\`${each}\``).join(', ')}`;
  return `no key of the rule for \`${own.issuer}\` fits the token's signature`;
}

/** What the token of a call comes to. */
export function tokenOutcome(call: Call): TokenOutcome {
  const { request, world } = call;
  if (request.http === null) return { kind: 'noClaims' };
  return verifyToken(verifiers(tokenRulesAt(call.point), world.issuerKeys), request.token, request.http);
}
