/**
 * Headers that tokens give: what a client sends in their place is removed, and the claims of an accepted token are
 * written. Source: semantics.md 8; Envoy `jwt_authn`, `ExtractorImpl::sanitizeHeaders`, `Authenticator::addJWTClaimToHeader`.
 */
import type { AuthorizationPolicy } from '../language/authorization.ts';
import type { JwtRule } from '../language/mesh.ts';
import type { HttpRequest, Token } from './request.ts';
import { isUnstated } from './routing/tests.ts';
import { type Claims, isPreflight, type TokenOutcome, valueAt } from './token.ts';

/** The headers that rules for tokens write; none but the token filter itself may. */
export type GivenHeaders = ReadonlySet<string>;

/** What the rules for tokens of one workload write. */
export function givenHeaders(rules: readonly JwtRule[]): GivenHeaders {
  return new Set(rules.flatMap(written));
}

/** A claim that a rule for tokens writes into a header. */
export interface WrittenClaim {
  readonly header: string;
  readonly path: readonly string[];
}

/**
 * The claims that a rule writes and that are modelled: those alone in their header. Names that begin like an address are
 * not, since versions of Envoy take them apart differently, and neither is `host`, the other name of `:authority`.
 */
export function writtenClaims(rule: JwtRule): readonly WrittenClaim[] {
  const names = written(rule);
  return rule.outputClaimToHeaders.flatMap(({ header, claim }) => {
    const isAlone = names.filter((name) => name === header).length === 1;
    return isAlone && header !== 'host' && !/^https?:/.test(claim) ? [{ header, path: claim.split('.') }] : [];
  });
}

/** An accepted token with the rule that accepted it. */
export interface GivingToken {
  readonly rule: JwtRule;
  readonly claims: Claims;
}

/** The token that gives headers: one that was accepted, with its claims as they were sent. */
export function givingToken(outcome: TokenOutcome, token: Token | null): GivingToken | null {
  return outcome.kind === 'claims' && token !== null ? { rule: outcome.rule, claims: token.claims } : null;
}

/**
 * The request as it comes before the rules: the filter removes what it writes itself, save where it is passed by, and
 * writes the claims of the token that it accepted.
 */
export function asGiven(http: HttpRequest, given: GivenHeaders, token: GivingToken | null): HttpRequest {
  if (given.size === 0 || isPreflight(http)) return http;
  const added = token === null ? [] : writtenClaims(token.rule).flatMap((claim) => tryWrite(token.claims, claim));
  if (added.length === 0 && ![...given].some((name) => http.headers.has(name))) return http;
  return { ...http, headers: new Map([...[...http.headers].filter(([name]) => !given.has(name)), ...added]) };
}

function tryWrite(claims: Claims, { header, path }: WrittenClaim): readonly (readonly [string, readonly string[]])[] {
  const text = tryWrittenText(valueAt(claims, path));
  return text === undefined || text === '' ? [] : [[header, [text]]];
}

/**
 * What a claim is as a header: text as it is, whole numbers in digits, other numbers with six places, `true` and `false`.
 * Undefined for lists and objects, whose JSON Envoy writes in base64, which is not modelled.
 */
export function tryWrittenText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number') return undefined;
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 64) return BigInt(value).toString();
  return Number.isInteger(value) ? `${BigInt(value)}.000000` : value.toFixed(6);
}

/**
 * The assumptions of a proxy whose rules read what a token carries, what is written or removed after its check, or what
 * proxies write themselves. Its rules for tokens are asked for only where headers are read at all.
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
    if (given.has(name)) return [givenAssumption(name, rules)];
    if (removed.has(name)) return [`header \`${name}\`, which rules read, is not removed with a token`];
    return isUnstated(name)
      ? [`header \`${name}\`, which rules read, comes to them as it was sent: proxies write or remove it`]
      : [];
  });
}

/** What is not modelled of a header that tokens give: forms of a claim, or the header as a whole. */
function givenAssumption(name: string, rules: readonly JwtRule[]): string {
  const writing = rules.filter((rule) => written(rule).includes(name));
  const claims = writing.map((rule) =>
    writtenClaims(rule)
      .find(({ header }) => header === name)
      ?.path.join('.'),
  );
  const known = [...new Set(claims.filter((claim) => claim !== undefined))];
  if (known.length === 0 || claims.includes(undefined))
    return `header \`${name}\`, which rules read, is not given by a token`;
  const list = known.map((claim) => `\`${claim}\``).join(', ');
  return `header \`${name}\`, which rules read, is given by no token whose claim ${list} is a list or an object`;
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
