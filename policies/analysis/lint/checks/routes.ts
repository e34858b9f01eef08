/** Routes and servers of gateways that lead nowhere, or to where nobody expects. Source: threats.md 6 and 7; ISTIO-SECURITY-2026-002. */
import type { Workload } from '../../../language/mesh.ts';
import type { VirtualService } from '../../../language/traffic.ts';
import { isGateway } from '../../attachment.ts';
import { portsOf } from '../../compare/destinations.ts';
import { fullHosts, gatewayName } from '../../routing/binder.ts';
import { commonHosts, hostsFor } from '../../routing/hosts.ts';
import { nameOf } from '../../routing/outcome.ts';
import { routeTableOf } from '../../routing/route-table.ts';
import { serversOn } from '../../routing/servers.ts';
import type { BoundRoute, Forward, RouteTable, VirtualHost } from '../../routing/table.ts';
import { unreachableRoutes } from '../../symbolic/unreachable-routes.ts';
import { atObject, type Context, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

interface GatewayPort {
  readonly workload: Workload;
  readonly port: number;
  readonly table: RouteTable;
}

const known = new WeakMap<Context['mesh'], readonly GatewayPort[]>();

/** The ports of gateways on which a server listens. */
function gatewayPorts({ mesh }: Context): readonly GatewayPort[] {
  const found = known.get(mesh) ?? newGatewayPorts(mesh);
  known.set(mesh, found);
  return found;
}

function newGatewayPorts(mesh: Context['mesh']): readonly GatewayPort[] {
  if (mesh.gateways.length === 0) return [];
  return mesh.workloads
    .filter((workload) => isGateway(mesh, workload))
    .flatMap((workload) =>
      portsOf(mesh, workload, []).named.flatMap((port) => {
        const table = routeTableOf(mesh, workload, port);
        return table === null ? [] : [{ workload, port, table }];
      }),
    );
}

function virtualHosts(context: Context): readonly VirtualHost[] {
  return gatewayPorts(context).flatMap(({ table }) =>
    table.chains.flatMap(({ serves }) => (serves.kind === 'http' ? serves.hosts : [])),
  );
}

function* deadEnds(context: Context): Generator<Sighting> {
  const told = new Set<string>();
  for (const { virtualService, index, forwards } of routesOf(context))
    for (const { kind, target } of forwards) {
      const what = kind === 'copy' ? 'a mirror of route' : 'route';
      const message =
        target.kind === 'nowhere'
          ? target.because
          : target.kind === 'unknown'
            ? `no Service and no ServiceEntry has the host \`${target.host}\``
            : undefined;
      const text = `${what} ${index}: ${message}`;
      const key = JSON.stringify([virtualService.namespace, virtualService.name, text]);
      if (message === undefined || told.has(key)) continue;
      told.add(key);
      const sighting = atObject('VirtualService', virtualService, text);
      yield target.kind === 'unknown' ? { ...sighting, severity: 'warning' } : sighting;
    }
}

interface Leading {
  readonly virtualService: VirtualService;
  readonly index: number;
  readonly forwards: readonly Forward[];
}

function routesOf(context: Context): readonly Leading[] {
  return gatewayPorts(context).flatMap(({ table }) =>
    table.chains.flatMap(({ serves }): readonly Leading[] => {
      if (serves.kind === 'http') return serves.hosts.flatMap(({ routes }) => routes);
      const { virtualService, index, forwards } = serves.route;
      return virtualService === null ? [] : [{ virtualService, index, forwards }];
    }),
  );
}

function* unknownGateways({ mesh }: Context): Generator<Sighting> {
  const names = new Set(mesh.gateways.map(({ namespace, name }) => `${namespace}/${name}`));
  for (const route of mesh.virtualServices)
    for (const gateway of route.gateways)
      if (gateway !== 'mesh' && !names.has(gatewayName(gateway, route.namespace)))
        yield atObject('VirtualService', route, `no Gateway is called \`${gatewayName(gateway, route.namespace)}\``);
}

function* serversWithoutRoutes(context: Context): Generator<Sighting> {
  const { mesh } = context;
  for (const { workload, port } of gatewayPorts(context))
    for (const { gateway, server, hosts, speaks } of serversOn(mesh, workload, port)) {
      if (server.httpsRedirect || speaks === 'autoPassthrough') continue;
      const name = `${gateway.namespace}/${gateway.name}`;
      const serves = mesh.virtualServices.some(
        (route) =>
          route.gateways.some((each) => gatewayName(each, route.namespace) === name) &&
          commonHosts(hostsFor(hosts, route.namespace), fullHosts(route)).length > 0,
      );
      if (!serves)
        yield atObject(
          'Gateway',
          gateway,
          `port ${server.port}: no VirtualService serves ${hosts.map((host) => `\`${host}\``).join(', ')}`,
        );
    }
}

/** Told only of routes that no host of theirs ever takes. */
function* unreachable(context: Context): Generator<Sighting> {
  const { config } = context.mesh;
  const [dead, live] = [new Map<string, BoundRoute>(), new Set<string>()];
  for (const host of virtualHosts(context)) {
    const idle = new Set(unreachableRoutes(host, config, context.profile));
    for (const route of host.routes)
      if (idle.has(route)) dead.set(nameOf(route), route);
      else live.add(nameOf(route));
  }
  for (const [name, { virtualService, index }] of dead)
    if (!live.has(name))
      yield atObject(
        'VirtualService',
        virtualService,
        `route ${index} takes no request: earlier routes of the host take them all`,
      );
}

function* sharedHosts(context: Context): Generator<Sighting> {
  const told = new Set<string>();
  for (const { domain, routes } of virtualHosts(context)) {
    const [first, ...others] = [...new Map(routes.map(({ virtualService: own }) => [own.namespace, own])).values()];
    for (const other of others) {
      const key = JSON.stringify([domain, other.namespace, other.name]);
      if (first === undefined || told.has(key)) continue;
      told.add(key);
      const message = `serves \`${domain}\`, which \`${first.namespace}/${first.name}\` of another namespace serves too`;
      yield atObject('VirtualService', other, message);
    }
  }
}

/** Checks of routes at gateways. */
export const ROUTES: readonly MeshCheck[] = [
  {
    code: 'routing/leads-nowhere',
    severity: 'error',
    title: 'a route of a gateway leads nowhere',
    resolution:
      'The Service of the destination has no such port, no DestinationRule gives it the subset, or no Service and no ServiceEntry has the host (then a warning, since other manifests may hold it): the gateway answers 503. Short names are completed with the namespace of the VirtualService; name the port where the Service has several.',
    find: deadEnds,
  },
  {
    code: 'routing/unknown-gateway',
    severity: 'warning',
    title: 'a VirtualService is bound to a Gateway that does not exist',
    resolution:
      'Its routes serve nobody. A name without a slash is meant in the namespace of the VirtualService; a Gateway of another namespace is written `namespace/name`. Where the Gateway stands in manifests of somebody else, give them to the analysis too.',
    find: unknownGateways,
  },
  {
    code: 'routing/unreachable-route',
    severity: 'warning',
    title: 'a route takes no request since earlier ones take them all',
    resolution:
      'Envoy takes the first route that matches, and prefixes are not compared by segments: `/api` also takes `/apis`. Put the narrower route first, or remove the one that never counts. Decided exactly over hosts, paths, methods and headers, for each host that the VirtualService serves.',
    find: unreachable,
  },
  {
    code: 'routing/shared-host',
    severity: 'warning',
    title: 'VirtualServices of two namespaces serve one host at a gateway',
    resolution:
      'Their routes are put together by age, so that whoever may create a VirtualService in one namespace can take requests of the other (ISTIO-SECURITY-2026-002). Scope the hosts of the Gateway with a namespace, `team/shop.example`, so that only that team serves them.',
    find: sharedHosts,
  },
  {
    code: 'gateway/server-without-routes',
    severity: 'warning',
    title: 'no VirtualService serves the hosts of a Gateway server',
    resolution:
      'The server takes connections and answers 404 to all of them, or nothing listens where it passes bytes on. Bind a VirtualService that shares a host with it, in a namespace that the host names, or remove the server: a door that leads nowhere is still a door.',
    find: serversWithoutRoutes,
  },
];
