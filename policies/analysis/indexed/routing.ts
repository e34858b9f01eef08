/** The routes of a gateway's port, prepared: what its policies let in still needs one. */
import type { Workload } from '../../language/mesh.ts';
import type { Listener } from '../listener.ts';
import type { Request } from '../request.ts';
import { CompiledRoutes } from '../routing/compiled-route.ts';
import { connectionOf, settle } from '../routing/outcome.ts';
import { routeTableOf } from '../routing/route-table.ts';
import type { RouteTable } from '../routing/table.ts';
import type { Verdict } from '../verdict.ts';
import type { World } from '../world.ts';

/** Settles the verdicts of one port of a gateway. */
export class GatewayRoutes {
  readonly #world: World;
  readonly #table: RouteTable;
  readonly #routes: CompiledRoutes;

  constructor(world: World, table: RouteTable) {
    this.#world = world;
    this.#table = table;
    this.#routes = new CompiledRoutes(table);
  }

  /** The verdict once the request is routed. */
  settle(request: Request, decided: Verdict): Verdict {
    return settle(this.#routes.route(connectionOf(request, this.#world)), decided, this.#table);
  }
}

/** The routes of a port; null where no server of a Gateway listens. */
export function gatewayRoutes(world: World, target: Workload, port: number, listener: Listener): GatewayRoutes | null {
  const table = listener.kind === 'gateway' ? routeTableOf(world.mesh, target, port) : null;
  return table === null ? null : new GatewayRoutes(world, table);
}
