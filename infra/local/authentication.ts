import { createHash } from 'node:crypto';
import { compactVerify, createLocalJWKSet, decodeJwt, type JSONWebKeySet, type JWTPayload } from 'jose';
import type { JwtRule } from '#policies/language/mesh.ts';
import { fieldOf, type HeaderFields, type RequestHead } from './exchange.ts';
import { StartError } from './start-error.ts';

/** What became of the tokens of a request. Source: semantics.md 8; Envoy `jwt_authn`. */
export type TokenResult =
  | { readonly kind: 'none' }
  | { readonly kind: 'accepted'; readonly claims: JWTPayload; readonly rule: JwtRule; readonly payload: string }
  | { readonly kind: 'refused'; readonly http: 401 | 403; readonly message: string; readonly because: string };

/** Verifies the tokens of requests as one workload's RequestAuthentications say. */
export interface Authentication {
  check(head: RequestHead): Promise<TokenResult>;
  /** Takes off every header that only a verified token may set; before `check`, for every request. */
  strip(headers: HeaderFields): void;
  /** Sets the payload and claim headers of an accepted token, and takes the token off where its rule says so. */
  apply(result: TokenResult, headers: HeaderFields): void;
}

/** The header by which services learn the user; taken off even where no rule sets it. */
const payloadHeader = 'x-jwt-payload';
/** Source: Envoy `jwt_authn` `clock_skew_seconds` default. */
const skewSeconds = 60;
const remembered = 1000;

interface Verifier {
  readonly rule: JwtRule;
  readonly keys: ReturnType<typeof createLocalJWKSet>;
}

/** Prepares the rules. Errors: StartError for a rule whose keys are not inline, which needs the network. */
export function prepareAuthentication(rules: readonly JwtRule[]): Authentication {
  const verifiers = rules.map(prepare);
  const headersOfRules = rules.flatMap((rule) => [
    rule.outputPayloadToHeader.toLowerCase(),
    ...rule.outputClaimToHeaders.map((output) => output.header.toLowerCase()),
  ]);
  const guarded = new Set([payloadHeader, ...headersOfRules.filter((name) => name !== '')]);
  const known = new Map<string, Promise<TokenResult>>();
  return {
    check: (head) => checkTokens(verifiers, head, known),
    strip(headers) {
      for (const name of guarded) delete headers[name];
    },
    apply: applyToken,
  };
}

function prepare(rule: JwtRule): Verifier {
  if (rule.keys.kind !== 'inline') {
    throw new StartError(
      `RequestAuthentication at ${rule.at.file}:${rule.at.line} has no inline keys for issuer \`${rule.issuer}\``,
      'synthesize with the public key set of `node infra/local/main.ts keys`',
    );
  }
  return { rule, keys: createLocalJWKSet(JSON.parse(rule.keys.jwks) as JSONWebKeySet) };
}

async function checkTokens(
  verifiers: readonly Verifier[],
  head: RequestHead,
  known: Map<string, Promise<TokenResult>>,
): Promise<TokenResult> {
  if (verifiers.length === 0 || isPreflight(head)) return { kind: 'none' };
  const found = new Map<string, Verifier[]>();
  for (const verifier of verifiers) {
    for (const token of tokensFor(verifier.rule, head)) found.set(token, [...(found.get(token) ?? []), verifier]);
  }
  let accepted: TokenResult = { kind: 'none' };
  for (const [token, looking] of found) {
    const result = await remember(known, token, () => judge(token, looking));
    if (result.kind === 'refused') return result;
    if (accepted.kind === 'none') accepted = result;
  }
  return accepted;
}

function isPreflight(head: RequestHead): boolean {
  const asks = fieldOf(head.headers, 'access-control-request-method') ?? '';
  return head.method === 'OPTIONS' && (fieldOf(head.headers, 'origin') ?? '') !== '' && asks !== '';
}

function tokensFor(rule: JwtRule, head: RequestHead): readonly string[] {
  const unstated = rule.fromHeaders.length + rule.fromParams.length + rule.fromCookies.length === 0;
  const headers = unstated ? [{ name: 'authorization', prefix: 'Bearer ' }] : rule.fromHeaders;
  const params = unstated ? ['access_token'] : rule.fromParams;
  const tokens = headers.map(({ name, prefix }) => afterPrefix(fieldOf(head.headers, name.toLowerCase()), prefix));
  const query = head.path.includes('?') ? new URLSearchParams(head.path.slice(head.path.indexOf('?'))) : undefined;
  tokens.push(...params.map((name) => query?.get(name) ?? undefined));
  const cookies = (fieldOf(head.headers, 'cookie') ?? '').split(';').map((pair) => pair.trim().split('='));
  tokens.push(...rule.fromCookies.map((name) => cookies.find((pair) => pair[0] === name)?.[1]));
  return tokens.filter((token) => token !== undefined && token !== '') as string[];
}

function afterPrefix(value: string | undefined, prefix: string): string | undefined {
  return value?.startsWith(prefix) ? value.slice(prefix.length).trim() : undefined;
}

// Tokens are verified once while they last: a session sends the same one with every request.
async function remember(
  known: Map<string, Promise<TokenResult>>,
  token: string,
  verify: () => Promise<TokenResult>,
): Promise<TokenResult> {
  const key = createHash('sha256').update(token).digest('base64');
  const before = await known.get(key);
  if (before?.kind === 'accepted' && !isExpired(before.claims)) return before;
  known.delete(key);
  const verdict = await verify();
  if (verdict.kind === 'accepted') {
    if (known.size >= remembered) known.delete(known.keys().next().value ?? '');
    known.set(key, Promise.resolve(verdict));
  }
  return verdict;
}

async function judge(token: string, verifiers: readonly Verifier[]): Promise<TokenResult> {
  const claims = tryDecode(token);
  if (claims === undefined) return refuse(401, 'Jwt is not in the form of Header.Payload.Signature');
  const ofIssuer = verifiers.filter(({ rule }) => rule.issuer === claims.iss);
  if (ofIssuer.length === 0) return refuse(401, 'Jwt issuer is not configured');
  let first: TokenResult | undefined;
  for (const verifier of ofIssuer) {
    const result = await judgeBy(verifier, token, claims);
    if (result.kind === 'accepted') return result;
    first ??= result;
  }
  return first ?? { kind: 'none' };
}

async function judgeBy({ rule, keys }: Verifier, token: string, claims: JWTPayload): Promise<TokenResult> {
  const now = Date.now() / 1000;
  if (isExpired(claims)) return refuse(401, 'Jwt is expired');
  if (typeof claims.nbf === 'number' && claims.nbf > now + skewSeconds) return refuse(401, 'Jwt not yet valid');
  if (rule.audiences.length > 0 && !isMeantFor(rule, claims.aud))
    return refuse(403, 'Audiences in Jwt are not allowed');
  try {
    // Time and audience are judged above, in Envoy's order; what is left is the signature.
    await compactVerify(token, keys);
  } catch (cause) {
    return refuse(401, 'Jwt verification fails', (cause as Error).message);
  }
  return { kind: 'accepted', claims, rule, payload: token.split('.')[1] ?? '' };
}

const isExpired = (claims: JWTPayload): boolean =>
  typeof claims.exp === 'number' && claims.exp + skewSeconds < Date.now() / 1000;

function isMeantFor(rule: JwtRule, claim: JWTPayload['aud']): boolean {
  const bare = (audience: string): string => audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
  const audiences = (Array.isArray(claim) ? claim : [claim ?? '']).map(bare);
  return rule.audiences.map(bare).some((audience) => audiences.includes(audience));
}

function tryDecode(token: string): JWTPayload | undefined {
  try {
    return decodeJwt(token);
  } catch {
    return undefined;
  }
}

function refuse(http: 401 | 403, message: string, detail?: string): TokenResult {
  return { kind: 'refused', http, message, because: detail === undefined ? message : `${message}: ${detail}` };
}

function applyToken(result: TokenResult, headers: HeaderFields): void {
  if (result.kind !== 'accepted') return;
  const { rule, claims, payload } = result;
  if (rule.outputPayloadToHeader !== '') headers[rule.outputPayloadToHeader.toLowerCase()] = payload;
  for (const { header, claim } of rule.outputClaimToHeaders) {
    const value = claims[claim];
    if (['string', 'number', 'boolean'].includes(typeof value)) headers[header.toLowerCase()] = String(value);
  }
  if (rule.forwardOriginalToken) return;
  const names =
    rule.fromHeaders.length === 0 ? ['authorization'] : rule.fromHeaders.map(({ name }) => name.toLowerCase());
  for (const name of names) delete headers[name];
}
