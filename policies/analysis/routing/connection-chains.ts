/** Filter chains of servers that route connections as they are. Source: istio `createGatewayTCPFilterChainOpts`. */
import type { Service } from '../../language/mesh.ts';
import type { ConnectionMatch, ConnectionRoute, VirtualService } from '../../language/traffic.ts';
import { gatewayListener } from '../listener.ts';
import { hostOf, rulesFor } from '../outbound.ts';
import { type Binder, fullHosts, isForServer, sniOf } from './binder.ts';
import { resolveDestination } from './destination.ts';
import { isCoveredBy, withoutScope } from './hosts.ts';
import { destinationServerName } from './rewrite.ts';
import type { PortServer } from './servers.ts';
import type { RouteChain } from './table.ts';

/** The chains of one server; none where no route fits, and then nothing listens. */
export function connectionChains(binder: Binder, server: PortServer): readonly RouteChain[] {
  if (server.speaks === 'autoPassthrough') return automaticChains(binder, server);
  return server.speaks === 'passthrough' ? passthroughChains(binder, server) : bytesChain(binder, server);
}

/** The first `tcp` route that fits takes every connection. */
function bytesChain(binder: Binder, server: PortServer): readonly RouteChain[] {
  for (const { virtualService, gateway } of boundTo(binder, server)) {
    for (const [index, route] of virtualService.tcp.entries()) {
      const fits =
        route.matches.length === 0 || route.matches.some((match) => isFor(match, server, { virtualService, gateway }));
      if (!fits || route.destinations.length === 0) continue;
      const endsTls = server.speaks === 'tls';
      return [chain(binder, { server, virtualService, route, index }, endsTls ? sniOf(server.hosts) : null)];
    }
  }
  return [];
}

/** One chain for each match of a `tls` route, by its SNI names; names that a chain has already are not given again. */
function passthroughChains(binder: Binder, server: PortServer): readonly RouteChain[] {
  const taken = new Set<string>();
  return boundTo(binder, server).flatMap(({ virtualService, gateway }) =>
    virtualService.tls.flatMap((route, index) => {
      if (route.destinations.length === 0) return [];
      return route.matches.flatMap((match) => {
        if (!isFor(match, server, { virtualService, gateway })) return [];
        if (match.sniHosts.some((name) => taken.has(name))) return [];
        for (const name of match.sniHosts) taken.add(name);
        return [chain(binder, { server, virtualService, route, index }, sniOf(match.sniHosts))];
      });
    }),
  );
}

/** Every Service that the server's hosts cover, each port and subset under the SNI of the mesh. */
function automaticChains({ mesh, workload }: Binder, server: PortServer): readonly RouteChain[] {
  const hosts = server.hosts.map(withoutScope);
  const places = mesh.services.flatMap((service) =>
    service.ports
      .filter(({ transport }) => transport === 'TCP')
      .flatMap(({ number }) =>
        subsetsOf({ mesh, workload }, service).map((subset) => ({ host: hostOf(service), number, subset })),
      ),
  );
  return places
    .filter(({ host }) => hosts.some((own) => isCoveredBy(host, own)))
    .map(({ host, number, subset }): RouteChain => {
      const name = { host, port: number, subset };
      const from = { namespace: server.gateway.namespace, serverPort: server.server.port };
      const target = resolveDestination(mesh, workload, name, from);
      const route = {
        virtualService: null,
        index: 0,
        forwards: [{ kind: 'request', index: 0, target, by: 'client' }],
      } as const;
      const sni = [destinationServerName(name).toLowerCase()];
      return { sni, listener: gatewayListener(server), endsTls: false, serves: { kind: 'bytes', route } };
    });
}

/** The subsets of a Service; null stands for all of its pods. */
function subsetsOf(
  { mesh, workload }: Pick<Binder, 'mesh' | 'workload'>,
  service: Service,
): readonly (string | null)[] {
  const named = rulesFor(mesh, workload, service).flatMap(({ subsets }) => subsets.map(({ name }) => name));
  return [null, ...new Set(named)];
}

interface Bound {
  readonly virtualService: VirtualService;
  readonly gateway: string;
}

/** The VirtualServices of the server's Gateway that share a host with it. */
function boundTo(binder: Binder, { gateway, hosts }: PortServer): readonly Bound[] {
  const name = `${gateway.namespace}/${gateway.name}`;
  return binder
    .virtualServices(name)
    .filter((virtualService) =>
      fullHosts(virtualService).some((own) => hosts.some((host) => overlaps(host, own, virtualService))),
    )
    .map((virtualService) => ({ virtualService, gateway: name }));
}

function overlaps(serverHost: string, own: string, { namespace }: VirtualService): boolean {
  const [scope, name] = serverHost.split('/');
  if (name !== undefined && scope !== namespace) return false;
  const host = name ?? serverHost;
  return isCoveredBy(host, own) || isCoveredBy(own, host);
}

function isFor(match: ConnectionMatch, { server }: PortServer, { virtualService, gateway }: Bound): boolean {
  return isForServer(match, { port: server.port, gateway, owner: virtualService });
}

function chain(
  binder: Binder,
  {
    server,
    virtualService,
    route,
    index,
  }: {
    readonly server: PortServer;
    readonly virtualService: VirtualService;
    readonly route: ConnectionRoute;
    readonly index: number;
  },
  sni: readonly string[] | null,
): RouteChain {
  const forwards = binder.forwards(virtualService, route.destinations, server.server.port);
  return {
    sni,
    listener: gatewayListener(server),
    endsTls: server.speaks === 'tls',
    serves: { kind: 'bytes', route: { virtualService, index, forwards } },
  };
}
