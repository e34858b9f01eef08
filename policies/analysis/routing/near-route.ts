/** Which route nearly took a request, and what of it failed: for explanations. */
import type { HttpMatch, StringMatch } from '../../language/traffic.ts';
import type { BoundRoute, VirtualHost } from './table.ts';
import {
  asksForPresence,
  headerOf,
  matchText,
  type Outcome,
  parameterOf,
  passes,
  type RoutedRequest,
  somePasses,
} from './tests.ts';

/** A route that did not take a request, with the parts of its match that failed. */
export interface NearRoute {
  readonly route: BoundRoute;
  readonly match: string;
  /** In words: `path is \`/x\``. */
  readonly failed: readonly string[];
}

/** The route of a host whose match fails in the fewest parts; undefined where the host has none. */
export function tryFindNearestRoute(host: VirtualHost, request: RoutedRequest): NearRoute | undefined {
  let nearest: NearRoute | undefined;
  for (const route of host.routes) {
    if (route.match === null) continue;
    const failed = failures(route.match, request);
    const closer = nearest === undefined ? -1 : distance(failed) - distance(nearest.failed);
    if (closer < 0 || (closer === 0 && likeness(route, request) > likeness(nearest?.route, request)))
      nearest = { route, match: matchText(route.match), failed };
  }
  return nearest;
}

/** Routes are mostly told apart by their paths. */
const distance = (failed: readonly string[]): number =>
  failed.length + failed.filter((each) => each.startsWith('path ')).length;

/** How far a route's path goes along with that of a request. */
function likeness(route: BoundRoute | undefined, { path }: RoutedRequest): number {
  const uri = route?.match?.uri;
  if (uri === undefined || uri.kind === 'any') return 0;
  let at = 0;
  while (at < path.length && path[at] === uri.value[at]) at += 1;
  return at;
}

function failures(match: HttpMatch, request: RoutedRequest): readonly string[] {
  const letters = match.ignoreUriCase ? 'ignored' : 'exact';
  const words: readonly (readonly [string, string, Outcome])[] = [
    ['path', request.path, passes(match.uri, request.path, letters)],
    ['method', request.method, passes(match.method, request.method)],
    ['authority', request.authority, passes(match.authority, request.authority)],
  ];
  const named = (what: string, entries: HttpMatch['headers'], read: (name: string) => readonly string[] | null) =>
    entries.flatMap(({ name, match: own }) =>
      isThere(read(name), own) ? [] : [`${what} ${name} is ${shown(read(name))}`],
    );
  return [
    ...words.flatMap(([what, word, outcome]) => (outcome === 'no' ? [`${what} is ${shown([word])}`] : [])),
    ...named('header', match.headers, (name) => headerOf(request, name)),
    ...match.withoutHeaders.flatMap(({ name, match: own }) =>
      isThere(headerOf(request, name), own) ? [`header ${name} is ${shown(headerOf(request, name))}`] : [],
    ),
    ...named('parameter', match.queryParams, (name) => parameterOf(request.query, name)),
  ];
}

const isThere = (words: readonly string[] | null, match: StringMatch): boolean =>
  words !== null && (asksForPresence(match) || somePasses(match, words) !== 'no');
const shown = (words: readonly string[] | null): string =>
  words === null ? 'absent' : words.map((word) => `\`${word}\``).join(', ');
