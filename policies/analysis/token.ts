/** Decides a token against the selected RequestAuthentications. Source: semantics.md 8; Envoy `jwt_authn`. */
import type { JwtRule } from '../language/mesh.ts';
import type { HttpRequest, Token } from './request.ts';

/** The claims that policies see, or the status that the filter answers. */
export type TokenOutcome =
  | { readonly kind: 'noClaims' }
  /** `rule` is the one that accepted the token. */
  | { readonly kind: 'claims'; readonly claims: Claims; readonly rule: JwtRule }
  | { readonly kind: 'refused'; readonly status: 401 | 403 };

/** The verified payload; claims that are lists of words have been split. */
export type Claims = Readonly<Record<string, unknown>>;

/** One JwtRule with what is known about its keys. */
export interface Verifier {
  readonly rule: JwtRule;
  /** False iff the issuer is known to sign with a key that the rule does not hold. */
  readonly holdsIssuersKey: boolean;
  /** False iff the rule takes something else than the token for one, which no verifier can read. */
  readonly readsToken: boolean;
}

/** The public keys that issuers sign with, by issuer, in the form that `keysOf` gives them. */
export type IssuerKeys = ReadonlyMap<string, readonly string[]>;

/** Prepares the rules; an issuer that `issuerKeys` does not name is taken to sign with a key of its rule. */
export function verifiers(rules: readonly JwtRule[], issuerKeys: IssuerKeys): readonly Verifier[] {
  return rules.map((rule) => {
    const readsToken = readingOf(rule) !== 'otherText';
    const signing = issuerKeys.get(rule.issuer);
    if (signing === undefined || rule.keys.kind !== 'inline') return { rule, holdsIssuersKey: true, readsToken };
    const holdsIssuersKey = keysOf(parseJson(rule.keys.jwks)).some((key) => signing.includes(key));
    return { rule, holdsIssuersKey, readsToken };
  });
}

/**
 * The keys of a JWKS, each as one text of the members that RFC 7638 makes a key's identity of; none when it is no JWKS.
 */
export function keysOf(jwks: unknown): readonly string[] {
  const keys: unknown = isRecord(jwks) ? jwks['keys'] : undefined;
  if (!Array.isArray(keys)) return [];
  return keys
    .filter(isRecord)
    .map((key) => JSON.stringify(['kty', 'crv', 'x', 'y', 'n', 'e', 'k'].map((member) => key[member])));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Decides one request's token. No token passes, and so does a CORS preflight; both leave no claims. */
export function verifyToken(all: readonly Verifier[], token: Token | null, http: HttpRequest): TokenOutcome {
  if (token === null || all.length === 0 || isPreflight(http)) return { kind: 'noClaims' };
  const looking = all.filter(({ rule }) => looksInAuthorization(rule));
  if (looking.length === 0) return { kind: 'noClaims' };
  const ofIssuer = looking.filter(({ rule }) => rule.issuer === token.claims['iss']);
  const accepting = ofIssuer.find((verifier) => tokenFault(verifier, token) === undefined);
  if (accepting !== undefined) {
    const { rule } = accepting;
    return { kind: 'claims', claims: splitClaims(token.claims, rule), rule };
  }
  const first = ofIssuer[0];
  return { kind: 'refused', status: first === undefined ? 401 : (tokenFault(first, token) ?? 401) };
}

/** True iff the request is a CORS preflight. Source: Envoy `cors` request matcher of Istio's `jwt_authn` bypass. */
export function isPreflight(http: HttpRequest): boolean {
  return http.method === 'OPTIONS' && isFilled(http, 'origin') && isFilled(http, 'access-control-request-method');
}

function isFilled(http: HttpRequest, header: string): boolean {
  return http.headers.get(header)?.some((value) => value !== '') ?? false;
}

/** True iff the rule looks for tokens in `authorization: Bearer`, where requests of this model carry them. */
export function looksInAuthorization(rule: JwtRule): boolean {
  return readingOf(rule) !== 'nothing';
}

/** What a rule takes from `authorization: Bearer TOKEN` for a token; what is not the token reads as a broken one. */
function readingOf(rule: JwtRule): 'token' | 'otherText' | 'nothing' {
  if (rule.fromHeaders.length + rule.fromParams.length + rule.fromCookies.length === 0) return 'token';
  const readings = rule.fromHeaders
    .filter(({ name }) => name === 'authorization')
    .map(({ prefix }) => readingAfter(prefix));
  if (readings.includes('token')) return 'token';
  return readings.includes('otherText') ? 'otherText' : 'nothing';
}

/**
 * The prefix may stand anywhere in the value, and what follows it counts from the first character that a token can
 * hold; without a prefix the whole value does, the word `Bearer` with it. Source: Envoy `jwt_authn/extractor.cc`
 * `ExtractorImpl::extract`, `extractJWT`.
 */
function readingAfter(prefix: string): 'token' | 'otherText' | 'nothing' {
  if (prefix === '') return 'otherText';
  const at = SCHEME.indexOf(prefix);
  if (at < 0) return 'nothing';
  return SCHEME.slice(at + prefix.length).trim() === '' ? 'token' : 'otherText';
}

const SCHEME = 'Bearer ';

/** The status of the first fault: expired, audience, signature; undefined when the rule accepts the token. */
export function tokenFault({ rule, holdsIssuersKey, readsToken }: Verifier, token: Token): 401 | 403 | undefined {
  if (!readsToken) return 401;
  if (token.fault === 'expired') return 401;
  if (rule.audiences.length > 0 && (token.fault === 'audience' || !isMeantFor(rule, token.claims['aud']))) return 403;
  return token.fault === 'signature' || !holdsIssuersKey ? 401 : undefined;
}

/** True iff a rule that asks for audiences asks for one of these. */
export function isMeantFor(rule: JwtRule, claim: unknown): boolean {
  const audiences = (Array.isArray(claim) ? claim : [claim])
    .filter((item) => typeof item === 'string')
    .map(bareAudience);
  return rule.audiences.map(bareAudience).some((audience) => audiences.includes(audience));
}

/** Scheme and trailing slash do not count. Source: Envoy jwt_verify_lib `CheckAudience`. */
function bareAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

/** `scope`, `permission` and the rule's own space-delimited claims become lists. */
function splitClaims(claims: Claims, rule: JwtRule): Claims {
  const split = Object.entries(claims).map(([name, value]) => {
    const delimited = name === 'scope' || name === 'permission' || rule.spaceDelimitedClaims.includes(name);
    return [name, delimited && typeof value === 'string' ? value.split(' ') : value] as const;
  });
  return Object.fromEntries(split);
}

/** The value at a claim's path, undefined where there is none. */
export function valueAt(claims: Claims | null, path: readonly string[]): unknown {
  let value: unknown = claims;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
      return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}
