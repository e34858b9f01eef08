/** Rules that read what no request of the analysis carries: nothing is said of whether they match anything. */
import type { AuthorizationPolicy, Rule } from '../../language/authorization.ts';
import type { Mesh, RequestAuthentication } from '../../language/mesh.ts';

/** What a rule reads that requests are taken not to carry, in words; undefined where it reads nothing of the kind. */
export function tryFindUnseenRead(mesh: Mesh, policy: AuthorizationPolicy, rule: Rule): string | undefined {
  const clauses = rule.parts.flatMap(({ alternatives }) => alternatives.flat());
  const readsTokens = clauses.some(({ on }) => on === 'claim' || on === 'requestPrincipal');
  const { rootNamespace } = mesh.config;
  const isNear = ({ namespace }: RequestAuthentication) =>
    namespace === policy.namespace || namespace === rootNamespace || policy.namespace === rootNamespace;
  return readsTokens && mesh.requestAuthentications.some((each) => isNear(each) && looksElsewhere(each))
    ? 'tokens in other places than `Authorization`'
    : undefined;
}

function looksElsewhere({ rules }: RequestAuthentication): boolean {
  return rules.some(
    ({ fromHeaders, fromParams, fromCookies }) => fromHeaders.length + fromParams.length + fromCookies.length > 0,
  );
}
