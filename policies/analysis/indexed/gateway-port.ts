/** A port of a gateway whose servers ask different things of their connections: one prepared port for each. */
import type { Workload } from '../../language/mesh.ts';
import type { Request } from '../request.ts';
import { routeTableOf } from '../routing/route-table.ts';
import type { RouteChain } from '../routing/table.ts';
import type { Verdict } from '../verdict.ts';
import type { World } from '../world.ts';
import type { DecidingPort } from './decider.ts';
import { Port } from './port.ts';
import { GatewayRoutes } from './routing.ts';

/** Prepares a port before which no ztunnel stands. */
export function newGatewayPort(world: World, target: Workload, number: number): DecidingPort {
  const table = routeTableOf(world.mesh, target, number);
  if (table === null) return new Port(world, target, number);
  const routes = new GatewayRoutes(world, table);
  const otherwise = new Port(world, target, number, { listener: table.otherwise, routes });
  const ports = new Map([[JSON.stringify(table.otherwise), otherwise]]);
  const doors = new Map<RouteChain, Port>();
  for (const chain of table.chains) {
    const { listener } = chain;
    const key = JSON.stringify(listener);
    const port = ports.get(key) ?? new Port(world, target, number, { listener, routes });
    ports.set(key, port);
    doors.set(chain, port);
  }
  return ports.size === 1 ? otherwise : new GatewayPort(otherwise, routes, doors);
}

/** Decides by the server that the SNI of a connection chooses. */
class GatewayPort implements DecidingPort {
  /** Where no server takes the connection. */
  readonly #otherwise: Port;
  readonly #routes: GatewayRoutes;
  readonly #doors: ReadonlyMap<RouteChain, Port>;

  constructor(otherwise: Port, routes: GatewayRoutes, doors: ReadonlyMap<RouteChain, Port>) {
    this.#otherwise = otherwise;
    this.#routes = routes;
    this.#doors = doors;
  }

  is(namespace: string, workload: string, port: number): boolean {
    return this.#otherwise.is(namespace, workload, port);
  }

  decide(request: Request): Verdict {
    return this.#doorOf(request).decide(request);
  }

  decideAtProxy(request: Request): Verdict {
    return this.#doorOf(request).decideAtProxy(request);
  }

  #doorOf(request: Request): Port {
    const chain = this.#routes.tryFindChain(request);
    return (chain === undefined ? undefined : this.#doors.get(chain)) ?? this.#otherwise;
  }
}
