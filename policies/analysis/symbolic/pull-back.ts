/**
 * What a destination decides, said of the request that a gateway gets: each test of the destination is turned into one
 * of the original request that holds exactly where the test holds of what the route makes of it.
 */
import type { PathPattern, Pattern } from '../../language/authorization.ts';
import { accepts, acceptsPath, acceptsPeer } from '../matching.ts';
import { mergesSlashes, normalizePath } from '../normalize.ts';
import { bareHost, fitOf, serverFitOf } from '../routing/hosts.ts';
import { operationsOf, rewrittenAuthority } from '../routing/rewrite.ts';
import type { BoundRoute, Forward } from '../routing/table.ts';
import type { World } from '../world.ts';
import { ALWAYS, type AtomicTest, all, constant, type Formula, holds, NEVER, not, some } from './formula.ts';

/** How the destination gets the request. */
export interface Sent {
  readonly world: Pick<World, 'mesh' | 'profile'>;
  /** The identity that the gateway shows there, null for none. */
  readonly identity: string | null;
  /** The SNI of the mesh, '' without TLS. */
  readonly sni: string;
  /** Null where bytes are passed on as they are. */
  readonly route: BoundRoute | null;
  readonly forward: Forward;
  /** Whether the token of the client arrives. */
  readonly token: 'kept' | 'removed';
  /** Headers of clients that do not get past the gateway. */
  readonly dropped: ReadonlySet<string>;
}

/** The formula of the original request. */
export function pullBack(formula: Formula, sent: Sent): Formula {
  const known = new Map<Formula, Formula>();
  const visit = (part: Formula): Formula => {
    const earlier = known.get(part);
    if (earlier !== undefined) return earlier;
    const made = visitNew(part);
    known.set(part, made);
    return made;
  };
  const visitNew = (part: Formula): Formula => {
    switch (part.kind) {
      case 'always':
      case 'never':
        return part;
      case 'not':
        return not(visit(part.part));
      case 'all':
        return all(part.parts.map(visit));
      case 'some':
        return some(part.parts.map(visit));
      case 'test':
        return pullTest(part.test, sent);
    }
  };
  return visit(formula);
}

const undecided = (because: string): Formula => holds({ on: 'undecided', because });

function pullTest(test: AtomicTest, sent: Sent): Formula {
  const { identity } = sent;
  switch (test.on) {
    case 'peer':
    case 'uri':
      return constant(identity !== null && acceptsPeer(test.pattern, identity));
    case 'peers':
      return constant(identity !== null && test.patterns.some((pattern) => acceptsPeer(pattern, identity)));
    case 'certificate':
      return constant(identity !== null);
    case 'address':
      if (test.of === 'remote') return holds({ ...test, of: 'source' });
      return test.of === 'source' ? undecided('a rule asks for the address of the gateway') : holds(test);
    case 'sni':
      return constant(accepts(test.pattern, sent.sni));
    case 'serverName':
      return constant(serverFitOf(test.domain, sent.sni) !== null);
    case 'issuer':
    case 'claim':
    case 'token':
    case 'fault':
      return sent.token === 'kept' ? holds(test) : NEVER;
    case 'method':
    case 'bytes':
    case 'undecided':
      return holds(test);
    case 'metadata':
      return undecided('a rule behind the gateway reads what filters of its own proxy set');
    case 'acceptedPath':
      return sent.route === null ? holds(test) : ALWAYS;
    case 'path':
      return sent.route === null ? holds(test) : pullPath(test.pattern, sent.route, sent.world);
    case 'pathAndQuery':
      return isRewritten(sent.route) ? undecided('a rule reads the query of a rewritten path') : holds(test);
    case 'host':
    case 'authority':
    case 'domain':
    case 'hostAsName':
      return pullHost(test, sent);
    case 'header':
      return pullHeader(test, sent);
    case 'route':
      return isRewritten(sent.route) || sent.route?.route.requestHeaders !== undefined
        ? undecided('a route leads to the routes of another gateway')
        : holds(test);
  }
}

const isRewritten = (route: BoundRoute | null): boolean =>
  route !== null && (route.route.regexRewrite !== null || (route.route.rewrite.uri ?? '') !== '');

function pullHost(
  test: Extract<AtomicTest, { on: 'host' | 'authority' } | { readonly domain: string }>,
  { route, forward }: Sent,
): Formula {
  const authority = route === null ? UNCHANGED : rewrittenAuthority(route, forward, UNCHANGED);
  if (authority === UNCHANGED) return holds(test);
  if ('domain' in test) {
    const host = bareHost(authority);
    return constant((test.on === 'domain' ? fitOf(test.domain, host) : serverFitOf(test.domain, host)) !== null);
  }
  return constant(accepts(test.pattern, test.on === 'host' ? authority.toLowerCase() : authority));
}

/** No authority that anybody writes. */
const UNCHANGED = '\u0000';

function pullHeader(test: Extract<AtomicTest, { on: 'header' }>, { route, forward, dropped, world }: Sent): Formula {
  let before: Formula = dropped.has(test.name) ? NEVER : holds(test);
  if (route === null) return before;
  for (const { remove, set, add } of operationsOf(route, forward)) {
    const has = (names: readonly string[]) => names.some((name) => name.toLowerCase() === test.name);
    if (has(remove)) before = NEVER;
    for (const [kind, entries] of [
      ['set', set],
      ['add', add],
    ] as const) {
      for (const [name, value] of Object.entries(entries)) {
        if (name.toLowerCase() !== test.name) continue;
        if (value.replaceAll('%%', '').includes('%'))
          return undecided(`header \`${name}\` gets a value that only a running proxy knows`);
        const own = constant(accepts(test.pattern, value.replaceAll('%%', '%')));
        if (kind === 'add' && before !== NEVER && world.profile.repeatedHeaders === 'joined')
          return undecided(`header \`${name}\` gets a value beside those of the client`);
        before = kind === 'set' ? own : some([before, own]);
      }
    }
  }
  return before;
}

/** A test of the path there, as one of the path here. */
function pullPath(pattern: PathPattern, { route, match }: BoundRoute, world: Sent['world']): Formula {
  if (route.regexRewrite !== null) return undecided('a regular expression rewrites the path');
  const { uri } = route.rewrite;
  if (uri === null || uri === '') return is(pattern);
  const replaced =
    match === null || match.uri.kind === 'any' ? '/' : match.uri.kind === 'prefix' ? match.uri.value : null;
  const normal = normalizePath(uri, world.mesh.config.pathNormalization, world.profile);
  // without a prefix the whole path is put in place
  if (replaced === null) return normal.kind === 'path' ? constant(acceptsPath(pattern, normal.path)) : NEVER;
  if (match?.ignoreUriCase === true && replaced !== '/') return undecided('a prefix in any letter case is rewritten');
  if (normal.kind !== 'path' || normal.path !== uri || uri.startsWith('//'))
    return undecided(`\`${uri}\`, put before paths, is no normal path`);
  return some(joins(world, { from: replaced, to: uri }).map((join) => all([join.when, join.holds(pattern)])));
}

interface Swap {
  readonly from: string;
  readonly to: string;
}

/** The paths that a rewrite and the normalization behind it treat alike, and a pattern of the new path for each. */
interface Join {
  readonly when: Formula;
  readonly holds: (pattern: PathPattern) => Formula;
}

/**
 * Where the new prefix ends in a slash and the old one in the middle of a segment, the rest may begin with a slash or be
 * a dot segment of its own, which the destination normalizes once more.
 */
function joins({ mesh, profile }: Sent['world'], swap: Swap): readonly Join[] {
  const { from, to } = swap;
  const mode = mesh.config.pathNormalization;
  const plain: Join = { when: ALWAYS, holds: (pattern) => swapPrefix(pattern, swap) };
  const merges = mergesSlashes(mode);
  const odd: Join[] = [];
  const exactly = (path: string): Join => {
    const made = normalizePath(to + path.slice(from.length), mode, profile);
    return {
      when: is({ kind: 'exact', value: path }),
      holds: (pattern) => constant(made.kind === 'path' && acceptsPath(pattern, made.path)),
    };
  };
  const below = (prefix: string, parent: string): Join => ({
    when: is({ kind: 'prefix', value: prefix }),
    holds: (pattern) => swapPrefix(pattern, { from: prefix, to: parent }),
  });
  if (mode !== 'NONE' && to.endsWith('/') && !from.endsWith('/')) {
    const parent = to.slice(0, to.lastIndexOf('/', to.length - 2) + 1) || '/';
    odd.push(exactly(`${from}.`), exactly(`${from}..`), below(`${from}./`, to), below(`${from}../`, parent));
    if (merges) odd.push(exactly(`${from}/`), below(`${from}/`, to));
  }
  if (merges && from === '/') odd.push(exactly('//'));
  // the first that fits a path is the one that holds
  const ordered = [...odd, plain];
  return ordered.map(({ when, holds: own }, index) => ({
    holds: own,
    when: all([when, ...ordered.slice(0, index).map((earlier) => not(earlier.when))]),
  }));
}

const is = (pattern: PathPattern): Formula => holds({ on: 'path', pattern });

/** The paths `from` + rest for which the pattern accepts `to` + rest. */
function swapPrefix(pattern: PathPattern, { from, to }: Swap): Formula {
  switch (pattern.kind) {
    case 'exact':
      return pattern.value.startsWith(to) ? is({ kind: 'exact', value: from + pattern.value.slice(to.length) }) : NEVER;
    case 'prefix':
      if (to.startsWith(pattern.value)) return ALWAYS;
      return pattern.value.startsWith(to)
        ? is({ kind: 'prefix', value: from + pattern.value.slice(to.length) })
        : NEVER;
    case 'suffix':
      return suffixSwap(pattern, { from, to });
    case 'nonEmpty':
    case 'present':
      return ALWAYS;
    case 'template': {
      const [first, ...rest] = pattern.pieces;
      if (first?.kind !== 'literal') return undecided('a template without a beginning of its own');
      if (first.text.startsWith(to)) {
        const text = from + first.text.slice(to.length);
        return is({ kind: 'template', pieces: text === '' ? rest : [{ kind: 'literal', text }, ...rest] });
      }
      return to.startsWith(first.text) ? undecided('a template that a rewritten prefix fills in part') : NEVER;
    }
    case 'expression':
      return undecided('an expression of a path');
  }
}

/** The rest ends with the suffix, or the suffix reaches into the new prefix. */
function suffixSwap({ value }: Extract<Pattern, { kind: 'suffix' }>, { from, to }: Swap): Formula {
  const exact = (text: string): Formula => is({ kind: 'exact', value: text });
  const starts = Array.from({ length: value.length }, (_, index) => index + 1);
  // the suffix of the old path that the old prefix is part of: those say nothing of the rest
  const overlaps = starts.filter((at) => from.endsWith(value.slice(0, at))).map((at) => exact(from + value.slice(at)));
  const reaching = starts.filter((at) => to.endsWith(value.slice(0, at))).map((at) => exact(from + value.slice(at)));
  const contained = to.endsWith(value) ? [exact(from)] : [];
  return some([all([is({ kind: 'suffix', value }), ...overlaps.map(not)]), ...reaching, ...contained]);
}
