/**
 * What a port of a gateway does with what its policies let in. Resolved once from the objects, as istiod does; requests
 * are tested against it by two evaluators and the symbolic engine.
 */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { Binder, sniOf } from './binder.ts';
import { connectionChains } from './connection-chains.ts';
import { type PortServer, serversOn } from './servers.ts';
import type { RouteChain, RouteTable } from './table.ts';

/** What a port of a workload routes; null where no server of a Gateway listens there. */
export function routeTableOf(mesh: Mesh, workload: Workload, port: number): RouteTable | null {
  if (mesh.gateways.length === 0) return null;
  const servers = serversOn(mesh, workload, port);
  const [first] = servers;
  if (first === undefined) return null;
  const binder = new Binder(mesh, workload);
  const chains =
    first.speaks === 'http'
      ? [{ sni: null, endsTls: false, serves: { kind: 'http' as const, hosts: binder.virtualHosts(servers) } }]
      : servers.flatMap((server) => chainsOf(binder, server));
  return { chains, assumptions: [...binder.assumptions].toSorted() };
}

function chainsOf(binder: Binder, server: PortServer): readonly RouteChain[] {
  if (server.speaks !== 'https') return connectionChains(binder, server);
  const sni = sniOf(server.hosts);
  return [{ sni, endsTls: true, serves: { kind: 'http', hosts: binder.virtualHosts([server]) } }];
}
