/** Decisions as formulas over atomic tests of a request: what the symbolic evaluator builds and diagrams are made of. */
import type { Cidr, PathPattern, Pattern, PeerPattern } from '../../language/authorization.ts';
import type { StringMatch } from '../../language/traffic.ts';

/** One test of one attribute of a request. */
export type AtomicTest =
  /** Some identity of the peer is accepted; false of a peer without certificate. */
  | { readonly on: 'peer'; readonly pattern: PeerPattern }
  /** Some URI SAN of the peer is accepted: what handshakes ask. */
  | { readonly on: 'uri'; readonly pattern: PeerPattern }
  /** Some identity of the peer is accepted by one of many patterns, which nothing asks about one by one. */
  | { readonly on: 'peers'; readonly patterns: readonly PeerPattern[] }
  /** The peer shows a certificate. */
  | { readonly on: 'certificate' }
  | { readonly on: 'address'; readonly of: 'source' | 'remote' | 'destination'; readonly block: Cidr }
  | { readonly on: 'sni' | 'method' | 'issuer'; readonly pattern: Pattern }
  /** `host` is compared in lower case, `authority` as sent. */
  | { readonly on: 'host' | 'authority'; readonly pattern: Pattern }
  /** The normalized path without query, and with it. */
  | { readonly on: 'path'; readonly pattern: PathPattern }
  | { readonly on: 'pathAndQuery'; readonly pattern: Pattern }
  /** The codec takes the raw path. */
  | { readonly on: 'acceptedPath' }
  | { readonly on: 'header'; readonly name: string; readonly pattern: Pattern }
  /** Some string at the claim's path, read in one of the ways, is accepted; the issuer is a variable of its own. */
  | { readonly on: 'claim'; readonly path: readonly string[]; readonly pattern: Pattern; readonly as: ClaimReading }
  /** What a filter set is a text that is accepted, or a list with such an element: a value is one of both. */
  | {
      readonly on: 'metadata';
      readonly form: 'text' | 'list';
      readonly key: readonly [string, string];
      readonly pattern: Pattern;
    }
  | { readonly on: 'token'; readonly is: 'present' }
  | { readonly on: 'fault'; readonly is: 'expired' | 'audience' | 'signature' }
  | { readonly on: 'bytes'; readonly is: 'http' }
  /**
   * The host without its port, or the SNI, fits a domain of Envoy: exact, `*.x`, or `*` for any that is not empty.
   * `hostAsName` compares the host as listeners compare SNIs, which takes `.x` for one below `*.x`.
   */
  | { readonly on: 'domain' | 'serverName' | 'hostAsName'; readonly domain: string }
  /** A route's test. */
  | {
      readonly on: 'route';
      readonly of: 'path' | 'method' | 'authority' | `header ${string}`;
      readonly match: StringMatch;
      readonly letters: 'exact' | 'ignored';
    }
  /** What no formula says: whoever asks gets *unknown*. */
  | { readonly on: 'undecided'; readonly because: string };

/** A claim's text counts as a whole, or each of its words, or what stands in the header that it is written into. */
export type ClaimReading = 'whole' | 'words' | 'written';

/** A Boolean combination of atomic tests. */
export type Formula =
  | { readonly kind: 'always' }
  | { readonly kind: 'never' }
  | { readonly kind: 'test'; readonly test: AtomicTest }
  | { readonly kind: 'not'; readonly part: Formula }
  | { readonly kind: 'all' | 'some'; readonly parts: readonly Formula[] };

/** True of every request. */
export const ALWAYS: Formula = { kind: 'always' };
/** True of no request. */
export const NEVER: Formula = { kind: 'never' };

/** What is known of all requests alike. */
export const constant = (isTrueOfAll: boolean): Formula => (isTrueOfAll ? ALWAYS : NEVER);

/** The formula of one test; equal tests for a whole word are mostly one object, so that much is looked at once. */
export function holds(test: AtomicTest): Formula {
  if (test.on !== 'peer' && test.on !== 'method' && test.on !== 'path') return { kind: 'test', test };
  const pattern = test.pattern.kind === 'principal' ? test.pattern.pattern : test.pattern;
  if (pattern.kind !== 'exact') return { kind: 'test', test };
  const known = shared[test.on];
  const found = known.get(pattern.value);
  if (found !== undefined) return found;
  const made: Formula = { kind: 'test', test };
  if (known.size >= MOST_SHARED) known.clear();
  known.set(pattern.value, made);
  return made;
}

/** A place asks for few words, and its neighbours for some of them again. */
const MOST_SHARED = 16_384;
const shared = {
  peer: new Map<string, Formula>(),
  method: new Map<string, Formula>(),
  path: new Map<string, Formula>(),
} as const;

/** True iff every part is. */
export function all(parts: readonly Formula[]): Formula {
  const kept: Formula[] = [];
  for (const part of parts) {
    if (part.kind === 'never') return NEVER;
    if (part.kind !== 'always') kept.push(part);
  }
  const [first = ALWAYS] = kept;
  return kept.length <= 1 ? first : { kind: 'all', parts: kept };
}

/** True iff some part is. */
export function some(parts: readonly Formula[]): Formula {
  const kept: Formula[] = [];
  for (const part of parts) {
    if (part.kind === 'always') return ALWAYS;
    if (part.kind !== 'never') kept.push(part);
  }
  const [first = NEVER] = kept;
  return kept.length <= 1 ? first : { kind: 'some', parts: kept };
}

/** True iff the part is not. */
export function not(part: Formula): Formula {
  if (part.kind === 'always') return NEVER;
  if (part.kind === 'never') return ALWAYS;
  return part.kind === 'not' ? part.part : { kind: 'not', part };
}

/** Every test of the formulas; a part that several share is looked at once. */
export function testsOf(formulas: readonly Formula[]): readonly AtomicTest[] {
  const found: AtomicTest[] = [];
  const seen = new Set<Formula>();
  const open = [...formulas];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    if (next.kind === 'test') found.push(next.test);
    else if (next.kind === 'not') open.push(next.part);
    else if (next.kind === 'all' || next.kind === 'some') for (const part of next.parts) open.push(part);
  }
  return found;
}
