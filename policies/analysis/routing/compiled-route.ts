/** A route table prepared for many requests: hosts by name, and each route's tests as one function. */
import type { HttpMatch, StringMatch } from '../../language/traffic.ts';
import { parseExpression } from './expression.ts';
import { bareHost } from './hosts.ts';
import { type Conclusion, type Connection, conclude, concludeBytes, type Taken } from './outcome.ts';
import { type BoundRoute, namesOf, type RouteChain, type RouteTable, type VirtualHost } from './table.ts';
import { asksForPresence, headerOf, isUnstated, parameterOf, type RoutedRequest } from './tests.ts';

/** 0 no, 1 yes, 2 undecided: the least of `no`, then doubt, decides a conjunction. */
type Judge = (request: RoutedRequest) => 0 | 1 | 2;

/** The twin of `routeNaively`, prepared. */
export class CompiledRoutes {
  readonly #chains: Domains<CompiledChain>;

  constructor(table: RouteTable) {
    this.#chains = new Domains(
      table.chains.flatMap((chain) => namesOf(chain).map((name) => [name, new CompiledChain(chain)])),
      'included',
    );
  }

  /** The filter chain that takes a connection; undefined where none does. */
  tryFindChain(sni: string): RouteChain | undefined {
    return this.#chains.find(sni)?.chain;
  }

  /** What becomes of a request that the policies of the gateway let in. */
  route({ sni, request }: Connection): Conclusion {
    const chain = this.#chains.find(sni);
    return chain === undefined ? { kind: 'noChain', sni } : chain.route(request);
  }
}

class CompiledChain {
  readonly chain: RouteChain;
  readonly #hosts: Domains<CompiledHost>;

  constructor(chain: RouteChain) {
    this.chain = chain;
    const hosts = chain.serves.kind === 'http' ? chain.serves.hosts : [];
    this.#hosts = new Domains(
      hosts.map((host) => [host.domain, new CompiledHost(host)]),
      'excluded',
    );
  }

  route(request: RoutedRequest | null): Conclusion {
    const { serves, endsTls } = this.chain;
    if (serves.kind === 'bytes') return concludeBytes(serves.route);
    // bytes that are no HTTP: the codec has closed the connection
    if (request === null) return { kind: 'noHost', host: '' };
    const name = bareHost(request.authority);
    const found = request.authority === '' ? undefined : this.#hosts.find(name);
    if (found === undefined) return { kind: 'noHost', host: name };
    if (found.host.redirectsToHttps && !endsTls) return { kind: 'redirectsToHttps', host: found.host };
    return conclude(found.host, found.taken(request));
  }
}

class CompiledHost {
  readonly host: VirtualHost;
  readonly #routes: readonly { readonly route: BoundRoute; readonly judge: Judge }[];

  constructor(host: VirtualHost) {
    this.host = host;
    this.#routes = host.routes.map((route) => ({
      route,
      judge: route.match === null ? () => 1 : judgeOf(route.match),
    }));
  }

  taken(request: RoutedRequest): readonly Taken[] {
    const doubtful: Taken[] = [];
    for (const { route, judge } of this.#routes) {
      const outcome = judge(request);
      if (outcome === 1) return [...doubtful, { route, surely: true }];
      if (outcome === 2) doubtful.push({ route, surely: false });
    }
    return doubtful;
  }
}

/** Exact names by hash, suffixes by length, the longest first. */
class Domains<T> {
  readonly #exact = new Map<string, T>();
  readonly #suffixes = new Map<string, T>();
  readonly #lengths: readonly number[];

  /** Whether `.x` itself is below `*.x`: not for hosts, but for names of TLS connections. */
  readonly #whole: 'included' | 'excluded';

  constructor(entries: readonly (readonly [string, T])[], whole: 'included' | 'excluded') {
    this.#whole = whole;
    for (const [domain, value] of entries) {
      const [target, key] = domain.startsWith('*') ? [this.#suffixes, domain.slice(1)] : [this.#exact, domain];
      // of two chains with one name Envoy would refuse both; the first counts here as there
      if (!target.has(key)) target.set(key, value);
    }
    this.#lengths = [...new Set([...this.#suffixes.keys()].map(({ length }) => length))].toSorted((a, b) => b - a);
  }

  find(name: string): T | undefined {
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    for (const length of this.#lengths) {
      if (length > 0 && (length > name.length || (length === name.length && this.#whole === 'excluded'))) continue;
      const found = this.#suffixes.get(length === 0 ? '' : name.slice(-length));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function judgeOf(match: HttpMatch): Judge {
  const judges: Judge[] = [];
  const word = (test: StringMatch, read: (request: RoutedRequest) => string) => {
    if (test.kind !== 'any') judges.push(wordJudge(test, read));
  };
  if (match.ignoreUriCase && match.uri.kind !== 'regex') word(lowerCase(match.uri), ({ path }) => path.toLowerCase());
  else word(match.uri, ({ path }) => path);
  word(match.method, ({ method }) => method);
  word(match.authority, ({ authority }) => authority);
  if (match.scheme.kind !== 'any') judges.push(() => 2);
  for (const { name, match: own } of match.headers) judges.push(headerJudge(name, own));
  for (const { name, match: own } of match.withoutHeaders) judges.push(absenceJudge(name, own));
  for (const { name, match: own } of match.queryParams) judges.push(parameterJudge(name, own));
  return (request) => {
    let worst: 1 | 2 = 1;
    for (const judge of judges) {
      const outcome = judge(request);
      if (outcome === 0) return 0;
      if (outcome === 2) worst = 2;
    }
    return worst;
  };
}

function lowerCase(match: StringMatch): StringMatch {
  return match.kind === 'any' ? match : { kind: match.kind, value: match.value.toLowerCase() };
}

type WordTest = (word: string) => 0 | 1 | 2;

function testOf({ kind, value }: Exclude<StringMatch, { kind: 'any' }>): WordTest {
  if (kind === 'exact') return (word) => (word === value ? 1 : 0);
  if (kind === 'prefix') return (word) => (word.startsWith(value) ? 1 : 0);
  const expression = parseExpression(value);
  return expression === undefined ? () => 2 : (word) => (expression.accepts(word) ? 1 : 0);
}

function wordJudge(match: Exclude<StringMatch, { kind: 'any' }>, read: (request: RoutedRequest) => string): Judge {
  const test = testOf(match);
  return (request) => test(read(request));
}

type Reader = (request: RoutedRequest) => readonly string[] | null;

function headerJudge(name: string, match: StringMatch): Judge {
  return isUnstated(name) ? () => 2 : optionalJudge(match, (request) => headerOf(request, name));
}

function parameterJudge(name: string, match: StringMatch): Judge {
  return optionalJudge(match, ({ query }) => parameterOf(query, name));
}

function optionalJudge(match: StringMatch, read: Reader): Judge {
  if (match.kind === 'any' || asksForPresence(match)) return (request) => (read(request) === null ? 0 : 1);
  const test = testOf(match);
  return (request) => anyOf(test, read(request) ?? []);
}

function absenceJudge(name: string, match: StringMatch): Judge {
  if (isUnstated(name)) return () => 2;
  if (match.kind === 'any' || asksForPresence(match)) return (request) => (headerOf(request, name) === null ? 1 : 0);
  const test = testOf(match);
  return (request) => {
    const outcome = anyOf(test, headerOf(request, name) ?? NOTHING);
    return outcome === 2 ? 2 : outcome === 1 ? 0 : 1;
  };
}

const NOTHING: readonly string[] = [''];

function anyOf(test: WordTest, words: readonly string[]): 0 | 1 | 2 {
  let best: 0 | 2 = 0;
  for (const word of words) {
    const outcome = test(word);
    if (outcome === 1) return 1;
    if (outcome === 2) best = 2;
  }
  return best;
}
