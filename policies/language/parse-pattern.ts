/** Parses the strings of AuthorizationPolicies into patterns. Source: semantics.md 3.4 to 3.10; istio `authz/matcher`. */
import ipaddr from 'ipaddr.js';
import type {
  Cidr,
  PathPattern,
  Pattern,
  PeerPattern,
  RequestPrincipalPattern,
  TemplatePiece,
} from './authorization.ts';

/** What a lone `*` means: any non-empty string, or presence. */
export type StarMeaning = 'nonEmpty' | 'present';

/** Parses one string test; the leading star is looked at first, so that `*abc*` is the suffix `abc*`. */
export function parsePattern(text: string, star: StarMeaning): Pattern {
  if (text === '*') return { kind: star };
  if (text.startsWith('*')) return { kind: 'suffix', value: text.slice(1) };
  if (text.endsWith('*')) return { kind: 'prefix', value: text.slice(0, -1) };
  return { kind: 'exact', value: text };
}

/** Parses one `hosts` value: the comparison ignores case, so that the pattern is kept in lower case. */
export function parseHost(text: string): Pattern {
  return parsePattern(text.toLowerCase(), 'present');
}

const OPERATOR = /\{\*\*?\}/;

/** Parses one `paths` value; a value that holds `{*}` or `{**}` is a template (semantics.md 3.8). */
export function parsePath(text: string): PathPattern {
  if (!OPERATOR.test(text)) return parsePattern(text, 'nonEmpty');
  const segments = text.split('/');
  const operators = segments.filter((segment) => OPERATOR.test(segment));
  const wellFormed = operators.every((segment) => segment === '{*}' || segment === '{**}');
  const anyAt = operators.indexOf('{**}');
  if (!wellFormed || (anyAt >= 0 && anyAt !== operators.length - 1))
    return { kind: 'expression', source: expression(segments) };
  return { kind: 'template', pieces: templatePieces(segments) };
}

function templatePieces(segments: readonly string[]): readonly TemplatePiece[] {
  const pieces: TemplatePiece[] = [];
  let literal = '';
  segments.forEach((segment, index) => {
    if (index > 0) literal += '/';
    if (segment !== '{*}' && segment !== '{**}') literal += segment;
    else {
      if (literal !== '') pieces.push({ kind: 'literal', text: literal });
      literal = '';
      pieces.push({ kind: segment === '{*}' ? 'one' : 'any' });
    }
  });
  if (literal !== '') pieces.push({ kind: 'literal', text: literal });
  return pieces;
}

/** The characters of one template segment, in the spelling of a regular expression. */
export const SEGMENT_CLASS = "[a-zA-Z0-9\\-._~%!$&'()+,;:@=*]";

/**
 * What Envoy makes of a template that the webhook refuses: `{*}` becomes `*`; only a star that begins a segment is an
 * operator, any other one repeats the character before it. Source: executed, semantics.md 3.8 and 16.
 */
function expression(segments: readonly string[]): string {
  return segments
    .map((segment) => segment.replaceAll('{**}', '**').replaceAll('{*}', '*'))
    .map((segment) => {
      if (segment.startsWith('**')) return `(?:${SEGMENT_CLASS}|/)*${segment.slice(2)}`;
      return segment.startsWith('*') ? `${SEGMENT_CLASS}+${segment.slice(1)}` : segment;
    })
    .join('/');
}

/** Parses one `requestPrincipals` value into issuer and subject, split at the last `/` (semantics.md 3.9). */
export function parseRequestPrincipal(text: string): RequestPrincipalPattern {
  const nonEmpty: Pattern = { kind: 'nonEmpty' };
  if (text === '*') return { issuer: nonEmpty, subject: nonEmpty };
  const slash = text.lastIndexOf('/');
  const issuer = slash < 0 ? text : text.slice(0, slash);
  const subject = slash < 0 ? '' : text.slice(slash + 1);
  if (text.startsWith('*')) {
    if (slash < 0) return { issuer: nonEmpty, subject: parsePattern(text, 'nonEmpty') };
    return { issuer: parsePattern(issuer, 'nonEmpty'), subject: { kind: 'exact', value: subject } };
  }
  if (text.endsWith('*')) {
    if (slash < 0) return { issuer: parsePattern(text, 'nonEmpty'), subject: nonEmpty };
    return { issuer: { kind: 'exact', value: issuer }, subject: parsePattern(subject, 'nonEmpty') };
  }
  return { issuer: { kind: 'exact', value: issuer }, subject: { kind: 'exact', value: subject } };
}

const SCHEME = 'spiffe://';

/** Parses one `principals` value after trust domain rewriting (semantics.md 3.5). */
export function parsePrincipal(text: string): PeerPattern {
  const pattern = parsePattern(text, 'nonEmpty');
  if (pattern.kind === 'suffix') return { kind: 'principalSuffix', suffix: pattern.value };
  if (pattern.kind === 'nonEmpty' || pattern.kind === 'present') return { kind: 'principal', pattern };
  return { kind: 'principal', pattern: { ...pattern, value: SCHEME + pattern.value } };
}

/** Parses one `namespaces` value: every `*` is a wildcard that also crosses `/`. */
export function parseNamespace(text: string): PeerPattern {
  return { kind: 'namespace', pieces: text.split('*') };
}

/** Parses one `serviceAccounts` value; a bare account takes the policy's own namespace. */
export function parseServiceAccount(text: string, ownNamespace: string): PeerPattern {
  const [first = '', second] = text.split('/');
  return second === undefined
    ? { kind: 'serviceAccount', namespace: ownNamespace, name: first }
    : { kind: 'serviceAccount', namespace: first, name: second };
}

/** Parses one `trustDomains` value. */
export function parseTrustDomain(text: string): PeerPattern {
  return text === '*' ? { kind: 'anyTrustDomain' } : { kind: 'trustDomain', pieces: text.split('*') };
}

/** Parses an address into its 32-bit words (one for IPv4, four for IPv6); undefined when it is none. */
export function tryParseAddress(text: string): readonly number[] | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return words(ipaddr.IPv4.parse(text).toByteArray());
  return ipaddr.IPv6.isValid(text) && !text.includes('%') ? words(ipaddr.IPv6.parse(text).toByteArray()) : undefined;
}

/** Parses an address or CIDR block; undefined when it is neither. */
export function tryParseCidr(text: string): Cidr | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const parsed = tryParseAddress(address);
  if (parsed === undefined || rest.length > 0) return undefined;
  const whole = parsed.length * 32;
  if (length === undefined) return { words: parsed, bits: whole };
  if (!/^\d{1,3}$/.test(length) || Number(length) > whole) return undefined;
  return { words: parsed, bits: Number(length) };
}

function words(bytes: readonly number[]): readonly number[] {
  const result: number[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    result.push(
      ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0),
    );
  }
  return result;
}
