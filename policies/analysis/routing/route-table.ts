/**
 * What a port of a gateway does with what its policies let in. Resolved once from the objects, as istiod does; requests
 * are tested against it by two evaluators and the symbolic engine.
 */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { gatewayListener } from '../listener.ts';
import { Binder, sniOf } from './binder.ts';
import { connectionChains } from './connection-chains.ts';
import { withoutScope } from './hosts.ts';
import { type PortServer, serversOn } from './servers.ts';
import { namesOf, type RouteChain, type RouteTable } from './table.ts';

/** What a port of a workload routes; null where no server of a Gateway listens there. */
export function routeTableOf(mesh: Mesh, workload: Workload, port: number): RouteTable | null {
  if (mesh.gateways.length === 0) return null;
  const servers = serversOn(mesh, workload, port);
  const [first] = servers;
  if (first === undefined) return null;
  const binder = new Binder(mesh, workload);
  const chains =
    first.speaks === 'http'
      ? [plaintextChain(binder, first, servers)]
      : withoutClashes(
          servers.flatMap((server) => chainsOf(binder, server)),
          binder.assumptions,
        );
  const listener = gatewayListener(first);
  const otherwise = listener.kind === 'gateway' ? listener : CLOSED;
  return { chains, otherwise, assumptions: [...binder.assumptions].toSorted() };
}

const CLOSED = { kind: 'gateway', protocol: 'tcp', identity: 'none' } as const;

function plaintextChain(binder: Binder, first: PortServer, servers: readonly PortServer[]): RouteChain {
  const serves = { kind: 'http', hosts: binder.virtualHosts(servers) } as const;
  return { sni: null, listener: gatewayListener(first), endsTls: false, serves };
}

function chainsOf(binder: Binder, server: PortServer): readonly RouteChain[] {
  if (server.speaks !== 'https') return connectionChains(binder, server);
  const sni = sniOf(server.hosts);
  if (sni !== null && new Set(server.hosts.map(withoutScope)).size > sni.length)
    binder.assumptions.add('hosts of one server that differ in letter case, which Envoy refuses together, are one');
  const serves = { kind: 'http', hosts: binder.virtualHosts([server]) } as const;
  return [{ sni, listener: gatewayListener(server), endsTls: true, serves }];
}

/** Envoy refuses a listener of which two chains take one name, and keeps what it had: the first chain counts. */
function withoutClashes(chains: readonly RouteChain[], assumptions: Set<string>): readonly RouteChain[] {
  const taken = new Set<string>();
  return chains.flatMap((chain): readonly RouteChain[] => {
    const names = namesOf(chain);
    const own = names.filter((name) => !taken.has(name));
    for (const name of names) {
      if (taken.has(name))
        assumptions.add(`of two servers for \`${name}\` on one port, which Envoy refuses together, the first counts`);
      taken.add(name);
    }
    if (own.length === 0) return [];
    return [chain.sni === null ? chain : { ...chain, sni: own }];
  });
}
