/** The request that a route sends on. Source: Envoy `RouteEntryImplBase::finalizeRequestHeaders`, `HeaderParser::evaluateHeaders`. */
import type { HeaderOperations, RouteDestination } from '../../language/traffic.ts';
import { hostOf } from '../outbound.ts';
import type { HttpRequest } from '../request.ts';
import type { DestinationName } from './destination.ts';
import { parseExpression } from './expression.ts';
import type { BoundRoute, Forward } from './table.ts';

/** The path, query included, that a destination gets of a normalized path; undefined where the analysis cannot tell. */
export function rewrittenPath({ route, match }: BoundRoute, path: string, query: string): string | undefined {
  const rest = query === '' ? '' : `?${query}`;
  const { regexRewrite, rewrite } = route;
  if (regexRewrite !== null) {
    const replaced = replaceAll(path, regexRewrite);
    return replaced === undefined ? undefined : replaced + rest;
  }
  if (rewrite.uri === null || rewrite.uri === '') return path + rest;
  return rewrite.uri + path.slice(replacedLength(match, path)) + rest;
}

/** How much of the path a prefix rewrite replaces: what the match names, all of it but for a prefix. */
function replacedLength(match: BoundRoute['match'], path: string): number {
  if (match === null || match.uri.kind === 'any') return 1;
  return match.uri.kind === 'prefix' ? match.uri.value.length : path.length;
}

/** What the search for matches may take: about a second. */
const MOST_TRIES = 100_000_000;

/**
 * Every match replaced; undefined where the expression, or the text, is beyond what RE2 and this engine read alike, or
 * would keep this one busy for good.
 * Source: RE2 `GlobalReplace`, `Rewrite`: an empty match right behind another one is none.
 */
function replaceAll(path: string, { match, replacement }: { readonly match: string; readonly replacement: string }) {
  const expression = parseExpression(match);
  if (expression === undefined || !/^[\x20-\x7e]*$/.test(path)) return undefined;
  const starts = match.startsWith('^') ? 1 : path.length;
  if (expression.tries(path.length) * starts > MOST_TRIES) return undefined;
  let made = '';
  let end = 0;
  let last = -1;
  for (const found of path.matchAll(new RegExp(match, 'g'))) {
    const [text] = found;
    if (text === '' && found.index === last) continue;
    const put = filled(replacement, found);
    if (put === undefined) return undefined;
    made += path.slice(end, found.index) + put;
    end = found.index + text.length;
    last = end;
  }
  return made + path.slice(end);
}

/** A replacement with the groups of a match put in; undefined where RE2 takes no such replacement. */
function filled(replacement: string, groups: RegExpExecArray): string | undefined {
  const named = replacement.replace(/\\[\\\d]/g, '');
  if (named.includes('\\')) return undefined;
  const numbers = [...replacement.matchAll(/\\([\\\d])/g)].flatMap(([, sign]) => (sign === '\\' ? [] : [Number(sign)]));
  if (numbers.some((number) => number >= groups.length)) return undefined;
  return replacement.replace(/\\([\\\d])/g, (_, sign: string) => (sign === '\\' ? sign : (groups[Number(sign)] ?? '')));
}

/** The `:authority` that a destination gets. */
export function rewrittenAuthority(route: BoundRoute, forward: Forward, authority: string): string {
  const own = destinationOf(route, forward);
  const stated = route.route.rewrite.authority ?? null;
  if (stated !== null && stated !== '') return stated;
  return (
    authorityIn(route.route.requestHeaders) ??
    (own === undefined ? undefined : authorityIn(own.requestHeaders)) ??
    authority
  );
}

/** The authority that header operations set; what `set` says goes before `add`. */
function authorityIn({ set, add }: HeaderOperations): string | undefined {
  const found = (headers: HeaderOperations['set']) =>
    Object.entries(headers).findLast(([name]) => /^(:authority|host)$/i.test(name))?.[1];
  return found(set) ?? found(add);
}

function destinationOf({ route }: BoundRoute, { index }: Forward): RouteDestination | undefined {
  return route.destinations[index];
}

/** The headers that a destination gets; values that only a running proxy knows stay as they are written. */
export function rewrittenHeaders(
  route: BoundRoute,
  forward: Forward,
  headers: HttpRequest['headers'],
): HttpRequest['headers'] {
  const known = new Map<string, readonly string[]>(headers);
  for (const operations of operationsOf(route, forward)) {
    for (const name of operations.remove) if (isOrdinary(name)) known.delete(name.toLowerCase());
    for (const [kind, entries] of [
      ['set', operations.set],
      ['add', operations.add],
    ] as const) {
      for (const [written, value] of Object.entries(entries)) {
        const name = written.toLowerCase();
        if (!isOrdinary(name)) continue;
        const text = value.replaceAll('%%', '%');
        known.set(name, kind === 'set' ? [text] : [...(known.get(name) ?? []), text]);
      }
    }
  }
  return known;
}

/** The headers to which a route gives values that only a running proxy knows: Envoy's command operators. */
export function unknownHeaders(route: BoundRoute, forward: Forward): readonly string[] {
  return operationsOf(route, forward).flatMap(({ set, add }) =>
    [...Object.entries(set), ...Object.entries(add)]
      .filter(([name, value]) => isOrdinary(name) && value.replaceAll('%%', '').includes('%'))
      .map(([name]) => name.toLowerCase()),
  );
}

/** The header edits in Envoy's order; those of one parser remove first. One destination shares the route's parser. */
export function operationsOf(route: BoundRoute, forward: Forward): readonly HeaderOperations[] {
  const own = route.route.requestHeaders;
  const destination = destinationOf(route, forward)?.requestHeaders;
  if (destination === undefined) return [own];
  if (route.route.destinations.length > 1) return [destination, own];
  return [
    { set: {}, add: {}, remove: [...own.remove, ...destination.remove] },
    { ...own, remove: [] },
    { ...destination, remove: [] },
  ];
}

/** The SNI of mesh mTLS to what a route forwards to. */
export function meshServerName({ target, index }: Forward, route: BoundRoute | null): string {
  if (target.kind !== 'service') return '';
  const subset = route?.route.destinations[index]?.subset ?? null;
  return destinationServerName({ host: hostOf(target.service), port: target.port, subset });
}

/** The SNI of mesh mTLS to a destination. Source: istio `BuildDNSSrvSubsetKey`. */
export function destinationServerName({ host, port, subset }: DestinationName): string {
  return `outbound_.${port}_.${subset ?? ''}_.${host}`;
}

const isOrdinary = (name: string): boolean => !name.startsWith(':') && name.toLowerCase() !== 'host';
