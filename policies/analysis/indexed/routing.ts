/** The routes of a gateway's port, prepared: what its policies let in still needs one. */
import type { Request } from '../request.ts';
import { CompiledRoutes } from '../routing/compiled-route.ts';
import { serverNameIn } from '../routing/hosts.ts';
import { connectionOf, settle } from '../routing/outcome.ts';
import type { RouteChain, RouteTable } from '../routing/table.ts';
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

  /** The filter chain that takes a request's connection; undefined where none does. */
  tryFindChain(request: Request): RouteChain | undefined {
    return this.#routes.tryFindChain(serverNameIn(request));
  }

  /** The verdict once the request is routed. */
  settle(request: Request, decided: Verdict): Verdict {
    return settle(this.#routes.route(connectionOf(request, this.#world)), decided, this.#table);
  }
}
