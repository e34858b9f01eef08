/** The twin of `../routing/naive-route.ts`: which requests the routes of a gateway's port send on. */
import type { HttpMatch, StringMatch } from '../../language/traffic.ts';
import type { Listener } from '../listener.ts';
import { parseExpression } from '../routing/expression.ts';
import { isCoveredBy } from '../routing/hosts.ts';
import { sendingsOf } from '../routing/outcome.ts';
import type { BoundRoute, BytesRoute, Forward, RouteChain, RouteTable, VirtualHost } from '../routing/table.ts';
import { asksForPresence, isUnstated, matchText } from '../routing/tests.ts';
import { ALWAYS, type AtomicTest, all, type Formula, holds, NEVER, not, some } from './formula.ts';

/** One way through a gateway: the requests that a route sends on. */
export interface RoutedCalls {
  /** The chain that takes them. */
  readonly chain: RouteChain;
  readonly when: Formula;
  readonly forwards: readonly Forward[];
  /** Null where bytes are passed on. */
  readonly route: BoundRoute | null;
}

/** Every route of a table that sends requests on, with those that it takes. */
export function routedCalls(table: RouteTable): readonly RoutedCalls[] {
  const names = table.chains.flatMap(({ sni }) => sni ?? []);
  return table.chains.flatMap((chain) => {
    const taken = takes(chain, names);
    if (chain.serves.kind === 'bytes') return bytesCalls(chain, chain.serves.route, taken);
    const { hosts } = chain.serves;
    return hosts.flatMap((host) => {
      if (host.redirectsToHttps && !chain.endsTls) return [];
      const asked = best(
        host.domain,
        hosts.map(({ domain }) => domain),
        isDomain,
      );
      return callsOf(chain, host, all([HTTP, taken, asked]));
    });
  });
}

/** The requests that some route sends on, by what the servers ask of their connections. */
export function routed(table: RouteTable): readonly { readonly listener: Listener; readonly sentOn: Formula }[] {
  const byListener = Map.groupBy(routedCalls(table), ({ chain: { listener } }) => JSON.stringify(listener));
  return [...byListener.values()].flatMap((calls) => {
    const [first] = calls;
    return first === undefined ? [] : [{ listener: first.chain.listener, sentOn: some(calls.map(({ when }) => when)) }];
  });
}

const HTTP = holds({ on: 'bytes', is: 'http' });

function bytesCalls(chain: RouteChain, route: BytesRoute, when: Formula): readonly RoutedCalls[] {
  const forwards = route.forwards.filter(({ target }) => target.kind !== 'nowhere');
  return forwards.length === 0 ? [] : [{ chain, when, forwards, route: null }];
}

/** The routes of a host in order; the first whose match holds takes the request. */
function callsOf(chain: RouteChain, { routes }: VirtualHost, asked: Formula): readonly RoutedCalls[] {
  const found: RoutedCalls[] = [];
  let left = asked;
  for (const route of routes) {
    const accepted = accepts(route);
    const forwards = sendingsOf(route).map(({ forward }) => forward);
    if (forwards.length > 0) found.push({ chain, when: all([left, accepted]), forwards, route });
    left = all([left, not(accepted)]);
  }
  return found;
}

/** Connections that a chain takes: those whose SNI, or the host where none is stated, fits it best. */
function takes({ sni }: RouteChain, names: readonly string[]): Formula {
  if (sni === null) return not(some(names.map(isServer)));
  return some(sni.map((name) => best(name, names, isServer)));
}

/** When a name fits a domain and no longer one of the others. */
function best(domain: string, others: readonly string[], fits: (domain: string) => Formula): Formula {
  const longer = others.filter((other) => other !== domain && isCoveredBy(other, domain));
  return all([fits(domain), ...longer.map((other) => not(fits(other)))]);
}

const isDomain = (domain: string): Formula => holds({ on: 'domain', domain });

function isServer(domain: string): Formula {
  const unstated = holds({ on: 'sni', pattern: { kind: 'exact', value: '' } });
  return some([holds({ on: 'serverName', domain }), all([HTTP, unstated, holds({ on: 'hostAsName', domain })])]);
}

/** The requests that a route's match takes. */
export function accepts({ match }: Pick<BoundRoute, 'match'>): Formula {
  if (match === null) return ALWAYS;
  if (readsUnmodelled(match))
    return holds({ on: 'undecided', because: `a route's match is not decided: ${matchText(match)}` });
  return all([
    word('path', match.uri, match.ignoreUriCase ? 'ignored' : 'exact'),
    word('method', match.method),
    word('authority', match.authority),
    ...match.headers.map(({ name, match: own }) => hasHeader(name, own)),
    ...match.withoutHeaders.map(({ name, match: own }) => lacksHeader(name, own)),
  ]);
}

/** What a request does not state, parameters, and expressions beyond what is decided. */
function readsUnmodelled(match: HttpMatch): boolean {
  const named = [...match.headers, ...match.withoutHeaders];
  const words = [match.uri, match.method, match.authority, ...named.map(({ match: own }) => own)];
  return (
    match.scheme.kind !== 'any' ||
    match.queryParams.length > 0 ||
    named.some(({ name }) => isUnstated(name) || name === ':path') ||
    words.some((own) => own.kind === 'regex' && !asksForPresence(own) && parseExpression(own.value) === undefined)
  );
}

type RouteWord = Extract<AtomicTest, { on: 'route' }>['of'];

function word(of: RouteWord, match: StringMatch, letters: 'exact' | 'ignored' = 'exact'): Formula {
  if (match.kind === 'any') return ALWAYS;
  if (match.kind !== 'regex' && letters === 'exact') {
    const pattern = { kind: match.kind, value: match.value } as const;
    // the tests that rules ask too are one, so that attributes split no further than they must
    if (of === 'path' || of === 'method' || of === 'authority') return holds({ on: of, pattern });
    return holds({ on: 'header', name: of.slice('header '.length), pattern });
  }
  return holds({ on: 'route', of, match, letters });
}

const nameOfHeader = (name: string): RouteWord =>
  name === ':method' ? 'method' : name === ':authority' || name === 'host' ? 'authority' : `header ${name}`;

function isPresent(of: RouteWord): Formula {
  if (!of.startsWith('header ')) return ALWAYS;
  return holds({ on: 'header', name: of.slice('header '.length), pattern: { kind: 'present' } });
}

function hasHeader(name: string, match: StringMatch): Formula {
  const of = nameOfHeader(name);
  return asksForPresence(match) ? isPresent(of) : all([isPresent(of), word(of, match)]);
}

/** An absent header counts as an empty one, unless presence alone is asked about. */
function lacksHeader(name: string, match: StringMatch): Formula {
  const of = nameOfHeader(name);
  if (asksForPresence(match)) return not(isPresent(of));
  const empty =
    match.kind === 'regex'
      ? parseExpression(match.value)?.accepts('') === true
      : match.kind !== 'any' && match.value === '';
  return not(some([all([isPresent(of), word(of, match)]), empty ? not(isPresent(of)) : NEVER]));
}
