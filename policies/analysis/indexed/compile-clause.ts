/** Compiles clauses into predicates over a query. Source: semantics.md 3.3 to 3.9, as in `rules.ts`. */
import type {
  Cidr,
  Clause,
  PathPattern,
  Pattern,
  PeerPattern,
  RequestPrincipalPattern,
} from '../../language/authorization.ts';
import { accepts, acceptsPath, acceptsPeer, holds } from '../matching.ts';
import type { Profile } from '../profile.ts';
import type { Address } from '../request.ts';
import { holdsMetadata } from '../rules.ts';
import { unreachable } from '../unreachable.ts';
import { anyClaim, tryClaimText } from './any-claim.ts';
import type { Query } from './query.ts';

/** A compiled clause. */
export type Test = (query: Query) => boolean;

/** A clause whose value is known when the port is. */
export type CompiledClause = Test | 'always' | 'never';

/** Compiles one clause for one port. */
export function compileClause(
  clause: Clause,
  context: { readonly port: number; readonly profile: Profile },
): CompiledClause {
  switch (clause.on) {
    case 'port': {
      const listed = clause.values.length === 0 || clause.values.includes(context.port);
      return listed && !clause.notValues.includes(context.port) ? 'always' : 'never';
    }
    case 'metadata':
      return both(
        clause,
        (patterns) => (query) => patterns.some((each) => holdsMetadata(query.metadata, clause, each)),
      );
    case 'unknownKey':
      return 'never';
    case 'peer':
      return both(clause, peerTest);
    case 'address':
      return both(clause, (blocks) => addressTest(blocks, clause.of));
    case 'sni':
      return both(clause, (patterns) => textTest(patterns, (query) => query.sni));
    case 'host':
      return both(clause, (patterns) => textTest(patterns, (query) => query.http.host.toLowerCase()));
    case 'method':
      return both(clause, (patterns) => textTest(patterns, (query) => query.http.method));
    case 'path':
      return both(clause, pathTest);
    case 'header':
      return both(clause, (patterns) => headerTest(patterns, clause.name, context.profile));
    case 'claim':
      return both(clause, (patterns) => (query) => anyClaim(query, clause.path, patterns));
    case 'requestPrincipal':
      return both(clause, principalTest);
    default:
      return unreachable(clause);
  }
}

/** Pairs of exact texts are looked up, all else is tried one by one; a claim that is split into words is no text. */
function principalTest(patterns: readonly RequestPrincipalPattern[]): Test {
  const subjects = new Map<string, Set<string>>();
  const others: RequestPrincipalPattern[] = [];
  for (const pattern of patterns) {
    const { issuer, subject } = pattern;
    if (issuer.kind !== 'exact' || subject.kind !== 'exact') others.push(pattern);
    else subjects.set(issuer.value, (subjects.get(issuer.value) ?? new Set()).add(subject.value));
  }
  return (query) => {
    const [issuer, subject] = [tryClaimText(query, 'iss'), tryClaimText(query, 'sub')];
    if (issuer === undefined || subject === undefined) return false;
    if (subjects.get(issuer)?.has(subject) === true) return true;
    return others.some((pattern) => accepts(pattern.issuer, issuer) && accepts(pattern.subject, subject));
  };
}

function both<T>(
  clause: { readonly values: readonly T[]; readonly notValues: readonly T[] },
  anyOf: (values: readonly T[]) => Test,
): CompiledClause {
  const { values, notValues } = clause;
  if (values.length === 0 && notValues.length === 0) return 'always';
  if (notValues.length === 0) return anyOf(values);
  const excluded = anyOf(notValues);
  if (values.length === 0) return (query) => !excluded(query);
  const included = anyOf(values);
  return (query) => included(query) && !excluded(query);
}

/** Splits patterns into a set of exact values and the others. */
function split<T extends { readonly kind: string }>(patterns: readonly (T | Extract<Pattern, { kind: 'exact' }>)[]) {
  const exact = new Set<string>();
  const others: T[] = [];
  for (const pattern of patterns) {
    if (isExact(pattern)) exact.add(pattern.value);
    else others.push(pattern);
  }
  return { exact, others };
}

function isExact<T extends { readonly kind: string }>(
  pattern: T | Extract<Pattern, { kind: 'exact' }>,
): pattern is Extract<Pattern, { kind: 'exact' }> {
  return pattern.kind === 'exact';
}

function textTest(patterns: readonly Pattern[], read: (query: Query) => string): Test {
  const { exact, others } = split(patterns);
  return (query) => {
    const text = read(query);
    if (exact.has(text)) return true;
    for (const pattern of others) if (accepts(pattern, text)) return true;
    return false;
  };
}

function pathTest(patterns: readonly PathPattern[]): Test {
  const { exact, others } = split<PathPattern>(patterns);
  return (query) => {
    if (exact.has(query.path)) return true;
    for (const pattern of others) if (acceptsPath(pattern, query.path)) return true;
    return false;
  };
}

function peerTest(patterns: readonly PeerPattern[]): Test {
  const exact = new Set(patterns.flatMap((pattern) => exactIdentity(pattern) ?? []));
  const others = patterns.filter((pattern) => exactIdentity(pattern) === undefined);
  return (query) => {
    if (query.identities === null) return false;
    for (const identity of query.identities) {
      if (exact.has(identity)) return true;
      for (const pattern of others) if (acceptsPeer(pattern, identity)) return true;
    }
    return false;
  };
}

/** The one identity that a pattern accepts, undefined when it accepts more. */
export function exactIdentity(pattern: PeerPattern): string | undefined {
  return pattern.kind === 'principal' && pattern.pattern.kind === 'exact' ? pattern.pattern.value : undefined;
}

function addressTest(blocks: readonly Cidr[], of: 'source' | 'remote' | 'destination'): Test {
  const read = { source: sourceIp, remote: remoteIp, destination: destinationIp }[of];
  return (query) => {
    const address = read(query);
    if (address === null) return false;
    for (const block of blocks) if (holds(block, address)) return true;
    return false;
  };
}

const sourceIp = (query: Query): Address | null => query.sourceIp;
const remoteIp = (query: Query): Address | null => query.remoteIp;
const destinationIp = (query: Query): Address | null => query.destinationIp;

function headerTest(patterns: readonly Pattern[], name: string, profile: Profile): Test {
  if (name === ':path') return textTest(patterns, (query) => query.pathAndQuery);
  if (name === ':method') return textTest(patterns, (query) => query.http.method);
  if (name === ':authority' || name === 'host') return textTest(patterns, (query) => query.http.host);
  const joins = profile.repeatedHeaders === 'joined';
  return (query) => {
    const values = query.http.headers.get(name);
    if (values === undefined) return false;
    if (joins && values.length > 1) return anyAccepts(patterns, values.join(','));
    for (const value of values) if (anyAccepts(patterns, value)) return true;
    return false;
  };
}

function anyAccepts(patterns: readonly Pattern[], text: string): boolean {
  for (const pattern of patterns) if (accepts(pattern, text)) return true;
  return false;
}
