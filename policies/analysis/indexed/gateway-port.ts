/** A port of a gateway whose servers ask different things of their connections: one prepared port for each. */
import type { Workload } from '../../language/mesh.ts';
import type { Request } from '../request.ts';
import { CompiledRoutes } from '../routing/compiled-route.ts';
import { connectionOf } from '../routing/outcome.ts';
import { routeTableOf } from '../routing/route-table.ts';
import type { RouteTable } from '../routing/table.ts';
import type { Verdict } from '../verdict.ts';
import type { World } from '../world.ts';
import type { DecidingPort } from './decider.ts';
import { Port } from './port.ts';

/** Prepares a port before which no ztunnel stands. */
export function newGatewayPort(world: World, target: Workload, number: number): DecidingPort {
  const table = routeTableOf(world.mesh, target, number);
  if (table === null) return new Port(world, target, number);
  const port = new Port(world, target, number, table.otherwise);
  const own = JSON.stringify(port.listener);
  const differs = table.chains.some(({ listener }) => JSON.stringify(listener) !== own);
  return differs ? new GatewayPort(port, table) : port;
}

/** Decides by the server that the SNI of a connection chooses. */
class GatewayPort implements DecidingPort {
  /** Where no server takes the connection. */
  readonly #port: Port;
  readonly #routes: CompiledRoutes;
  readonly #doors: ReadonlyMap<string, Port>;

  constructor(port: Port, table: RouteTable) {
    const { world, target, number } = port;
    this.#port = port;
    this.#routes = new CompiledRoutes(table);
    const listeners = new Map(table.chains.map(({ listener }) => [JSON.stringify(listener), listener]));
    this.#doors = new Map([...listeners].map(([key, listener]) => [key, new Port(world, target, number, listener)]));
  }

  is(namespace: string, workload: string, port: number): boolean {
    return this.#port.is(namespace, workload, port);
  }

  decide(request: Request): Verdict {
    return this.#doorOf(request).decide(request);
  }

  decideAtProxy(request: Request): Verdict {
    return this.#doorOf(request).decideAtProxy(request);
  }

  #doorOf(request: Request): Port {
    const chain = this.#routes.tryFindChain(connectionOf(request, this.#port.world).sni);
    return (chain === undefined ? undefined : this.#doors.get(JSON.stringify(chain.listener))) ?? this.#port;
  }
}
