/** RequestAuthentication as a layer of its own. Source: semantics.md 8. */
import { tokenRulesAt } from '../enforcement-point.ts';
import { type TokenOutcome, verifiers, verifyToken } from '../token.ts';
import type { Call } from '../world.ts';

/** What the token of a call comes to. */
export function tokenOutcome(call: Call): TokenOutcome {
  const { request, world } = call;
  if (request.http === null) return { kind: 'noClaims' };
  return verifyToken(verifiers(tokenRulesAt(call.point), world.issuerKeys), request.token, request.http);
}
