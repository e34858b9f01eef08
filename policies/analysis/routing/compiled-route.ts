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
    );
  }

  /** The filter chain that takes a connection; undefined where none does. */
  tryFindChain(sni: string): RouteChain | undefined {
    return this.#chains.find(sni)?.chain;
  }

  /** What becomes of a request that the policies of the gateway let in. */
  route({ sni, request }: Connection): Conclusion {
    const chain = this.#chains.find(sni);
    return chain === undefined ? { kind: 'noChain', sni } : chain.route(request, sni);
  }
}

class CompiledChain {
  readonly chain: RouteChain;
  readonly #hosts: Domains<CompiledHost>;

  constructor(chain: RouteChain) {
    this.chain = chain;
    const hosts = chain.serves.kind === 'http' ? chain.serves.hosts : [];
    this.#hosts = new Domains(hosts.map((host) => [host.domain, new CompiledHost(host)]));
  }

  route(request: RoutedRequest | null, sni: string): Conclusion {
    const { serves, endsTls } = this.chain;
    if (serves.kind === 'bytes') return concludeBytes(serves.route);
    if (request === null) return { kind: 'noChain', sni };
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

  constructor(entries: readonly (readonly [string, T])[]) {
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
      if (length > 0 && length >= name.length) continue;
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
  for (const { name, match: own } of match.queryParams)
    judges.push(optionalJudge(own, (request) => parameterOf(request.query, name)));
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

function wordJudge(test: Exclude<StringMatch, { kind: 'any' }>, read: (request: RoutedRequest) => string): Judge {
  const { value } = test;
  if (test.kind === 'exact') return (request) => (read(request) === value ? 1 : 0);
  if (test.kind === 'prefix') return (request) => (read(request).startsWith(value) ? 1 : 0);
  const expression = parseExpression(value);
  return expression === undefined ? () => 2 : (request) => (expression.accepts(read(request)) ? 1 : 0);
}

function headerJudge(name: string, test: StringMatch): Judge {
  return isUnstated(name) ? () => 2 : optionalJudge(test, (request) => headerOf(request, name));
}

function optionalJudge(test: StringMatch, read: (request: RoutedRequest) => string | null): Judge {
  if (test.kind === 'any' || asksForPresence(test)) return (request) => (read(request) === null ? 0 : 1);
  const inner = wordJudge(test, (request) => read(request) ?? '');
  return (request) => (read(request) === null ? 0 : inner(request));
}

function absenceJudge(name: string, test: StringMatch): Judge {
  if (isUnstated(name)) return () => 2;
  if (test.kind === 'any' || asksForPresence(test)) return (request) => (headerOf(request, name) === null ? 1 : 0);
  const inner = wordJudge(test, (request) => headerOf(request, name) ?? '');
  return (request) => {
    const outcome = inner(request);
    return outcome === 2 ? 2 : outcome === 1 ? 0 : 1;
  };
}
