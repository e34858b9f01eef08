/** Which VirtualServices serve a Gateway's servers, and with which routes. Source: istio `buildGatewayHTTPRouteConfig`, `BuildHTTPRoutesForVirtualService`. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import type { HttpMatch, HttpRoute, VirtualService } from '../../language/traffic.ts';
import { holdsLabels, tokenRulesOf } from '../attachment.ts';
import { type GivenHeaders, givenHeaders } from '../token-headers.ts';
import { isVisibleTo, routesOf } from './delegates.ts';
import { fullName, resolveDestination } from './destination.ts';
import { commonHosts, hostsFor, withoutScope } from './hosts.ts';
import { byCreation, type PortServer } from './servers.ts';
import type { BoundRoute, Forward, VirtualHost } from './table.ts';

/** The SNI names of a server's hosts; with `*` among them there is no test. Source: istio `GetSNIHostsForServer`. */
export function sniOf(hosts: readonly string[]): readonly string[] | null {
  const names = hosts.map((host) => withoutScope(host).toLowerCase());
  return names.includes('*') ? null : [...new Set(names)].toSorted();
}

/** A server of a Gateway: the Gateway's full name, and the server's port. */
interface ServerPlace {
  readonly gateway: string;
  readonly port: number;
}

/** Finds the VirtualServices of Gateways, and their routes. */
export class Binder {
  readonly mesh: Mesh;
  readonly workload: Workload;
  readonly assumptions = new Set<string>();
  readonly #given: GivenHeaders;
  readonly #bound = new Map<string, readonly VirtualService[]>();

  constructor(mesh: Mesh, workload: Workload) {
    this.mesh = mesh;
    this.workload = workload;
    this.#given = givenHeaders(tokenRulesOf(mesh, workload));
  }

  /** The VirtualServices bound to a Gateway that the pod's namespace sees: those exported to it, then public ones. */
  virtualServices(gateway: string): readonly VirtualService[] {
    const known = this.#bound.get(gateway);
    if (known !== undefined) return known;
    const viewer = this.workload.namespace;
    const sorted = this.mesh.virtualServices
      .filter((each) => each.hosts.length > 0 && isVisibleTo(each, viewer))
      .filter((each) => each.gateways.some((name) => gatewayName(name, each.namespace) === gateway))
      .toSorted(byCreation);
    const rank = ({ exportTo, namespace }: VirtualService) =>
      exportTo.length === 0 || exportTo.includes('*') ? 2 : namespace === viewer ? 0 : 1;
    const found = sorted.toSorted((left, right) => rank(left) - rank(right));
    this.#bound.set(gateway, found);
    return found;
  }

  /** The virtual hosts of servers that share one route configuration. */
  virtualHosts(servers: readonly PortServer[]): readonly VirtualHost[] {
    const hosts = new Map<string, VirtualHost>();
    const routes = new Map<string, readonly BoundRoute[]>();
    const owners = new Map<string, VirtualService>();
    for (const { gateway, server, hosts: own } of servers) {
      const name = `${gateway.namespace}/${gateway.name}`;
      for (const virtualService of this.virtualServices(name)) {
        const common = commonHosts(hostsFor(own, virtualService.namespace), fullHosts(virtualService));
        if (common.length === 0) continue;
        const key = `${name} ${virtualService.namespace}/${virtualService.name}`;
        const bound = routes.get(key) ?? this.#routes(virtualService, { gateway: name, port: server.port });
        routes.set(key, bound);
        if (bound.length === 0) continue;
        for (const domain of common.map((host) => host.toLowerCase())) {
          const known = hosts.get(domain);
          this.#noteOrder(owners, domain, virtualService);
          hosts.set(domain, {
            domain,
            redirectsToHttps: server.httpsRedirect || known?.redirectsToHttps === true,
            routes: [...(known?.routes ?? []), ...bound],
          });
        }
      }
      if (!server.httpsRedirect) continue;
      for (const domain of own.map((host) => host.toLowerCase()))
        hosts.set(domain, { domain, routes: hosts.get(domain)?.routes ?? [], redirectsToHttps: true });
    }
    return [...hosts.values()].map((host) => ({ ...host, routes: catchAllsLast(host.routes) }));
  }

  /** The routes of a VirtualService at a server; behind one that takes everything nothing is looked at. */
  #routes(virtualService: VirtualService, at: ServerPlace): readonly BoundRoute[] {
    const found: BoundRoute[] = [];
    for (const { route, owner, index } of routesOf(this.mesh, virtualService)) {
      const bind = (match: HttpMatch | null, matchIndex: number): BoundRoute => ({
        virtualService: owner,
        index,
        matchIndex,
        route,
        match: match === null ? null : this.#asRead(match),
        forwards: this.#forwards(owner, route, at.port),
      });
      if (route.matches.length === 0) {
        found.push(bind(null, -1));
        return found;
      }
      for (const [matchIndex, match] of route.matches.entries()) {
        if (!this.#concerns(match, { ...at, owner })) continue;
        const bound = bind(match, matchIndex);
        found.push(bound);
        if (isCatchAll(bound)) return found;
      }
    }
    return found;
  }

  /** Whether a match is for this proxy and server at all. Source: istio `sourceMatchHTTP`. */
  #concerns(match: HttpMatch, at: ServerPlace & { readonly owner: VirtualService }): boolean {
    if (!isForServer(match, at)) return false;
    if (match.gateways.length > 0) return true;
    const isFor = match.sourceNamespace === '' || match.sourceNamespace === this.workload.namespace;
    return isFor && holdsLabels(this.workload.labels, match.sourceLabels);
  }

  /**
   * A header that tokens give is another before the token is looked at than behind it, and a gateway looks for the route
   * again where one is accepted: it is read of the token, as claims are. Source: Envoy `jwt_authn`, `clear_route_cache`.
   */
  #asRead(match: HttpMatch): HttpMatch {
    if (this.#given.size === 0) return match;
    const ofToken = (entries: HttpMatch['headers']): HttpMatch['headers'] =>
      entries.map((entry) =>
        this.#given.has(entry.name) ? { ...entry, name: `@request.auth.headers[${entry.name}]` } : entry,
      );
    return { ...match, headers: ofToken(match.headers), withoutHeaders: ofToken(match.withoutHeaders) };
  }

  #forwards(owner: VirtualService, route: HttpRoute, serverPort: number): readonly Forward[] {
    if (route.answer !== null) return [];
    return [
      ...this.forwards(owner, route.destinations, serverPort),
      ...route.mirrors.map(
        (mirror): Forward => ({
          kind: 'copy',
          index: -1,
          target: resolveDestination(this.mesh, this.workload, mirror, { namespace: owner.namespace, serverPort }),
        }),
      ),
    ];
  }

  /** The destinations that get requests: the only one whatever its weight, else those with a weight. */
  forwards(
    { namespace }: VirtualService,
    destinations: HttpRoute['destinations'],
    serverPort: number,
  ): readonly Forward[] {
    return destinations.flatMap((destination, index): readonly Forward[] => {
      if (destinations.length > 1 && destination.weight === 0) return [];
      const target = resolveDestination(this.mesh, this.workload, destination, { namespace, serverPort });
      if (target.kind === 'unknown')
        this.assumptions.add(`\`${target.host}\`, which no Service of the manifests has, takes what routes send there`);
      return [{ kind: 'request', index, target }];
    });
  }

  #noteOrder(owners: Map<string, VirtualService>, domain: string, next: VirtualService): void {
    const first = owners.get(domain);
    if (first === undefined) owners.set(domain, next);
    else if (first !== next && first.createdAt === next.createdAt)
      this.assumptions.add(
        `VirtualServices \`${first.namespace}/${first.name}\` and \`${next.namespace}/${next.name}\` of \`${domain}\` are equally old`,
      );
  }
}

/** Whether the port and the Gateways that a match names, if it does, are those of a server. */
export function isForServer(
  { port, gateways }: Pick<HttpMatch, 'port' | 'gateways'>,
  at: ServerPlace & { readonly owner: VirtualService },
): boolean {
  if (port !== null && port !== 0 && port !== at.port) return false;
  return gateways.length === 0 || gateways.some((name) => gatewayName(name, at.owner.namespace) === at.gateway);
}

/** The full name of a Gateway in a VirtualService. Source: istio `resolveGatewayName`. */
export function gatewayName(name: string, namespace: string): string {
  if (name.includes('/')) return name.startsWith('./') ? `${namespace}${name.slice(1)}` : name;
  if (!name.includes('.')) return `${namespace}/${name}`;
  const [gateway, own] = name.split('.');
  return `${own}/${gateway}`;
}

/** The hosts of a VirtualService; short ones are Services of its namespace. */
export function fullHosts({ hosts, namespace }: VirtualService): readonly string[] {
  return hosts.map((host) => fullName(host, namespace));
}

/** Routes that take everything go last, over all VirtualServices of a host. Source: istio `SortVHostRoutes`. */
function catchAllsLast(routes: readonly BoundRoute[]): readonly BoundRoute[] {
  return [...routes.filter((route) => !isCatchAll(route)), ...routes.filter(isCatchAll)];
}

/** Source: istio `IsCatchAllRoute`. */
function isCatchAll({ match }: BoundRoute): boolean {
  if (match === null) return true;
  const { uri } = match;
  const anyPath =
    uri.kind === 'any' || (uri.kind === 'prefix' && uri.value === '/') || (uri.kind === 'regex' && uri.value === '.*');
  const asksElse = [match.method, match.authority, match.scheme].some(({ kind }) => kind !== 'any');
  return anyPath && !asksElse && match.headers.length + match.withoutHeaders.length + match.queryParams.length === 0;
}
