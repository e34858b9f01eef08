/** The naive reading of a route table: chain, virtual host, routes in order, each test as it is written. */
import type { HttpMatch, StringMatch } from '../../language/traffic.ts';
import { bareHost, fitOf, serverFitOf, tryFindBest } from './hosts.ts';
import { type Conclusion, type Connection, conclude, concludeBytes, type Taken } from './outcome.ts';
import { type BoundRoute, namesOf, type RouteTable } from './table.ts';
import {
  asksForPresence,
  headerOf,
  isUnstated,
  type Outcome,
  parameterOf,
  passes,
  type RoutedRequest,
  somePasses,
} from './tests.ts';

/** What becomes of a request that the policies of the gateway let in. */
export function routeNaively(table: RouteTable, { sni, request }: Connection): Conclusion {
  const chain = tryFindBest(table.chains, namesOf, (domain) => serverFitOf(domain, sni));
  if (chain === undefined) return { kind: 'noChain', sni };
  if (chain.serves.kind === 'bytes') return concludeBytes(chain.serves.route);
  // bytes that are no HTTP: the codec has closed the connection
  if (request === null) return { kind: 'noHost', host: '' };
  const name = bareHost(request.authority);
  // an empty `:authority` belongs to no virtual host, not even to that of all
  const host =
    request.authority === ''
      ? undefined
      : tryFindBest(
          chain.serves.hosts,
          ({ domain }) => [domain],
          (domain) => fitOf(domain, name),
        );
  if (host === undefined) return { kind: 'noHost', host: name };
  if (host.redirectsToHttps && !chain.endsTls) return { kind: 'redirectsToHttps', host };
  return conclude(host, takenFrom(host.routes, request));
}

/** The routes that may be taken: those before the first sure one that are undecided, and that one. */
function takenFrom(routes: readonly BoundRoute[], request: RoutedRequest): readonly Taken[] {
  const taken: Taken[] = [];
  for (const route of routes) {
    const outcome = route.match === null ? 'yes' : accepts(route.match, request);
    if (outcome !== 'no') taken.push({ route, surely: outcome === 'yes' });
    if (outcome === 'yes') break;
  }
  return taken;
}

function accepts(match: HttpMatch, request: RoutedRequest): Outcome {
  const letters = match.ignoreUriCase ? 'ignored' : 'exact';
  return every([
    passes(match.uri, request.path, letters),
    passes(match.method, request.method),
    passes(match.authority, request.authority),
    // what a client of HTTP/2 says is its own business
    match.scheme.kind === 'any' ? 'yes' : 'undecided',
    ...match.headers.map(({ name, match: own }) => hasHeader(request, name, own)),
    ...match.withoutHeaders.map(({ name, match: own }) => lacksHeader(request, name, own)),
    ...match.queryParams.map(({ name, match: own }) => present(parameterOf(request.query, name), own)),
  ]);
}

function hasHeader(request: RoutedRequest, name: string, match: StringMatch): Outcome {
  return isUnstated(name) ? 'undecided' : present(headerOf(request, name), match);
}

function present(words: readonly string[] | null, match: StringMatch): Outcome {
  if (words === null) return 'no';
  return asksForPresence(match) ? 'yes' : somePasses(match, words);
}

/** An absent header counts as an empty one, unless presence alone is asked about. */
function lacksHeader(request: RoutedRequest, name: string, match: StringMatch): Outcome {
  if (isUnstated(name)) return 'undecided';
  const words = headerOf(request, name);
  if (asksForPresence(match)) return words === null ? 'yes' : 'no';
  const outcome = somePasses(match, words ?? ['']);
  return outcome === 'undecided' ? 'undecided' : outcome === 'yes' ? 'no' : 'yes';
}

function every(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.includes('no')) return 'no';
  return outcomes.includes('undecided') ? 'undecided' : 'yes';
}
