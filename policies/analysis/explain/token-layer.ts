/** RequestAuthentication as a layer of its own. Source: semantics.md 8. */
import { applicable, byAge } from '../attachment.ts';
import { type TokenOutcome, verifiers, verifyToken } from '../token.ts';
import type { Call } from '../world.ts';

/** The RequestAuthentications that apply to the destination, oldest first. */
export function selectedAuthentications({ world, target }: Call) {
  return applicable(world.mesh.requestAuthentications, world.mesh, target).toSorted(byAge);
}

/** What the token of a call comes to. */
export function tokenOutcome(call: Call): TokenOutcome {
  const { request, world } = call;
  if (request.http === null) return { kind: 'noClaims' };
  const rules = selectedAuthentications(call).flatMap((authentication) => authentication.rules);
  return verifyToken(verifiers(rules, world.issuerKeys), request.token, request.http);
}
