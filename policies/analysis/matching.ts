/** Tests one value against one parsed pattern, without regular expressions. Source: semantics.md 3.4 to 3.8. */
import type { Cidr, PathPattern, Pattern, PeerPattern, TemplatePiece } from '../language/authorization.ts';
import { unreachable } from './unreachable.ts';

/** True iff `pattern` accepts `text`; absent attributes are decided before this call. */
export function accepts(pattern: Pattern, text: string): boolean {
  switch (pattern.kind) {
    case 'exact':
      return text === pattern.value;
    case 'prefix':
      return text.startsWith(pattern.value);
    case 'suffix':
      return text.endsWith(pattern.value);
    case 'nonEmpty':
      return text !== '';
    case 'present':
      return true;
    default:
      return unreachable(pattern);
  }
}

/** True iff `pattern` accepts the normalized path without query. */
export function acceptsPath(pattern: PathPattern, path: string): boolean {
  if (pattern.kind === 'template') return acceptsTemplate(pattern.pieces, path);
  if (pattern.kind === 'expression') return new RegExp(`^(?:${pattern.source})$`).test(path);
  return accepts(pattern, path);
}

/** True iff the path is the pieces in order; `one` takes a whole segment, `any` (at most one, last of all operators) the rest. */
function acceptsTemplate(pieces: readonly TemplatePiece[], path: string): boolean {
  let at = 0;
  for (let index = 0; index < pieces.length; index += 1) {
    const piece = pieces[index];
    if (piece === undefined) return false;
    if (piece.kind === 'any') return acceptsRest(pieces[index + 1], path, at);
    if (piece.kind === 'literal') {
      if (!path.startsWith(piece.text, at)) return false;
      at += piece.text.length;
    } else {
      const end = segmentEnd(path, at);
      if (end === at) return false;
      at = end;
    }
  }
  return at === path.length;
}

function acceptsRest(last: TemplatePiece | undefined, path: string, from: number): boolean {
  const ending = last?.kind === 'literal' ? last.text : '';
  const end = path.length - ending.length;
  if (end < from || !path.endsWith(ending)) return false;
  let at = from;
  while (at < end && (path.charCodeAt(at) === SLASH || isSegmentCharacter(path.charCodeAt(at)))) at += 1;
  return at === end;
}

const SLASH = 47;
const SEGMENT_CHARACTERS: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  /[a-zA-Z0-9\-._~%!$&'()+,;:@=*]/.test(String.fromCharCode(code)),
);

function isSegmentCharacter(code: number): boolean {
  return SEGMENT_CHARACTERS[code] === true;
}

function segmentEnd(path: string, from: number): number {
  let at = from;
  while (at < path.length && isSegmentCharacter(path.charCodeAt(at))) at += 1;
  return at;
}

const SCHEME = 'spiffe://';

/** True iff `pattern` accepts one identity of the peer. */
export function acceptsPeer(pattern: PeerPattern, identity: string): boolean {
  switch (pattern.kind) {
    case 'principal':
      return accepts(pattern.pattern, identity);
    case 'principalSuffix':
      return (
        identity.startsWith(SCHEME) &&
        identity.length >= SCHEME.length + pattern.suffix.length &&
        identity.endsWith(pattern.suffix)
      );
    case 'namespace':
      return holdsNamespace(pattern.pieces, identity);
    case 'serviceAccount':
      return holdsServiceAccount(pattern.namespace, pattern.name, identity);
    case 'trustDomain':
      return holdsTrustDomain(pattern.pieces, identity);
    case 'anyTrustDomain':
      return identity.startsWith(SCHEME);
    case 'segments':
      return holdsSegments(pattern, identity);
    default:
      return unreachable(pattern);
  }
}

/** Anything, `/ns/`, the pieces with anything between them, then `/`: leftmost occurrences decide it. */
function holdsNamespace(pieces: readonly string[], identity: string): boolean {
  let at = identity.indexOf(`/ns/${pieces[0] ?? ''}${pieces.length === 1 ? '/' : ''}`);
  if (at < 0) return false;
  at += 4 + (pieces[0] ?? '').length;
  for (let index = 1; index < pieces.length; index += 1) {
    const piece = pieces[index] ?? '';
    const found = identity.indexOf(index === pieces.length - 1 ? `${piece}/` : piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return true;
}

/** `spiffe://.+/ns/NS/(.+/|)sa/SA(/.+)?`, a full match. */
function holdsServiceAccount(namespace: string, name: string, identity: string): boolean {
  if (!identity.startsWith(SCHEME)) return false;
  const head = `/ns/${namespace}/`;
  const account = `sa/${name}`;
  for (let at = identity.indexOf(head, SCHEME.length + 1); at >= 0; at = identity.indexOf(head, at + 1)) {
    const rest = at + head.length;
    for (let sa = identity.indexOf(account, rest); sa >= 0; sa = identity.indexOf(account, sa + 1)) {
      const startsWell = sa === rest || (sa >= rest + 2 && identity.charCodeAt(sa - 1) === SLASH);
      const end = sa + account.length;
      const endsWell = end === identity.length || (identity.charCodeAt(end) === SLASH && end + 1 < identity.length);
      if (startsWell && endsWell) return true;
    }
  }
  return false;
}

/** The scheme, then the pieces joined by anything without `/`, then `/`. */
function holdsTrustDomain(pieces: readonly string[], identity: string): boolean {
  if (!identity.startsWith(SCHEME)) return false;
  const end = identity.indexOf('/', SCHEME.length);
  if (end < 0) return false;
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  const trustDomain = identity.slice(SCHEME.length, end);
  if (pieces.length === 1) return trustDomain === first;
  if (trustDomain.length < first.length + last.length) return false;
  if (!trustDomain.startsWith(first) || !trustDomain.endsWith(last)) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = trustDomain.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= trustDomain.length - last.length;
}

/** Five segments, each as its pattern asks. Source: ztunnel `identity::Identity::from_str`. */
function holdsSegments(pattern: Extract<PeerPattern, { kind: 'segments' }>, identity: string): boolean {
  if (!identity.startsWith(SCHEME)) return false;
  const [trustDomain, ns, namespace, sa, account, ...rest] = identity.slice(SCHEME.length).split('/');
  if (trustDomain === undefined || ns !== 'ns' || namespace === undefined || sa !== 'sa') return false;
  if (account === undefined || rest.length > 0) return false;
  return (
    accepts(pattern.trustDomain, trustDomain) &&
    accepts(pattern.namespace, namespace) &&
    accepts(pattern.serviceAccount, account)
  );
}

/** True iff the block holds the address; an IPv4 block never holds an IPv6 address, nor the other way round. */
export function holds(block: Cidr, address: readonly number[]): boolean {
  if (block.words.length !== address.length) return false;
  let bits = block.bits;
  for (let index = 0; index < address.length && bits > 0; index += 1) {
    const mask = bits >= 32 ? -1 : ~(-1 >>> bits);
    if ((((block.words[index] ?? 0) ^ (address[index] ?? 0)) & mask) !== 0) return false;
    bits -= 32;
  }
  return true;
}
