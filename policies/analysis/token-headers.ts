/**
 * Headers that tokens give, and rules that read them: what a token gives is not modelled, but what a client sends in its
 * place is removed. Source: semantics.md 8; Envoy `jwt_authn`, `ExtractorImpl::sanitizeHeaders`.
 */
import type { AuthorizationPolicy } from '../language/authorization.ts';
import type { JwtRule } from '../language/mesh.ts';
import type { HttpRequest } from './request.ts';
import { isPreflight } from './token.ts';

/** The headers that rules for tokens write; none but the token filter itself may. */
export type GivenHeaders = ReadonlySet<string>;

/** What the rules for tokens of one workload write. */
export function givenHeaders(rules: readonly JwtRule[]): GivenHeaders {
  return new Set(rules.flatMap(written));
}

/** The request as it comes before the rules: the filter removes what it writes itself, save where it is passed by. */
export function withoutGiven(http: HttpRequest, given: GivenHeaders): HttpRequest {
  if (given.size === 0 || isPreflight(http)) return http;
  if (![...given].some((name) => http.headers.has(name))) return http;
  return { ...http, headers: new Map([...http.headers].filter(([name]) => !given.has(name))) };
}

/**
 * The assumptions of a proxy whose rules read what a token carries, or what is written or removed after its check. Its
 * rules for tokens are asked for only where headers are read at all.
 */
export function tokenHeaderAssumptions(
  policies: readonly AuthorizationPolicy[],
  tokenRules: () => readonly JwtRule[],
): readonly string[] {
  const names = new Set(policies.filter(decides).flatMap(headersRead));
  if (names.size === 0) return [];
  const rules = tokenRules();
  const given = givenHeaders(rules);
  const removed = new Set([
    'authorization',
    ...rules.flatMap(({ fromHeaders }) => fromHeaders.map(({ name }) => name)),
  ]);
  return [...names].toSorted().flatMap((name) => {
    if (given.has(name)) return [`header \`${name}\`, which rules read, is not given by a token`];
    return removed.has(name) ? [`header \`${name}\`, which rules read, is not removed with a token`] : [];
  });
}

const decides = ({ action, enforcement }: AuthorizationPolicy): boolean =>
  action.kind !== 'AUDIT' && enforcement === 'enforced';

/** The headers that a policy reads, by loops alone: few policies read any, and every rule is looked at. */
function headersRead({ rules }: AuthorizationPolicy): readonly string[] {
  const names: string[] = [];
  for (const { parts } of rules)
    for (const { alternatives } of parts)
      for (const clauses of alternatives)
        for (const clause of clauses) if (clause.on === 'header') names.push(clause.name);
  return names;
}

const written = ({ outputPayloadToHeader, outputClaimToHeaders }: JwtRule): readonly string[] =>
  [outputPayloadToHeader, ...outputClaimToHeaders.map(({ header }) => header)].filter((name) => name !== '');
