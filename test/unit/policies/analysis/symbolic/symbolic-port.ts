/** One port of a mesh prepared for asking the symbolic engine about single requests. */
import { tokenRulesBefore } from '#policies/analysis/enforcement-point.ts';
import type { Request } from '#policies/analysis/index.ts';
import { BudgetExceeded } from '#policies/analysis/symbolic/diagram.ts';
import { decideAtProxy } from '#policies/analysis/symbolic/proxy.ts';
import { encodeRequest } from '#policies/analysis/symbolic/sample.ts';
import { Universe } from '#policies/analysis/symbolic/universe.ts';
import { verifiers } from '#policies/analysis/token.ts';
import type { World } from '#policies/analysis/world.ts';
import type { Waypoint } from '#policies/language/ambient.ts';

/** The request as it comes in through a waypoint, or (null) straight to the workload; undefined where the way is closed. */
type Passing = (waypoint: Waypoint | null) => Request | undefined;

/** Answers whether a request with a bare certificate, or none, is allowed; undefined is *unknown*. */
export class SymbolicPorts {
  readonly #world: World;
  readonly #ports = new Map<string, ((passing: Passing) => boolean) | undefined>();

  constructor(world: World) {
    this.#world = world;
  }

  tryAllow(request: Request): boolean | undefined {
    return this.tryAllowWays(request, () => request);
  }

  /** As `tryAllow`, where each way in is passed by a request of its own, or closed (undefined). */
  tryAllowWays(request: Request, passing: Passing): boolean | undefined {
    const { namespace, workload, port } = request.destination;
    const key = `${namespace}/${workload}:${port}`;
    if (!this.#ports.has(key)) this.#ports.set(key, this.#prepare(request));
    return this.#ports.get(key)?.(passing);
  }

  #prepare({ destination }: Request): ((passing: Passing) => boolean) | undefined {
    const { mesh, profile, issuerKeys } = this.#world;
    const workload = mesh.workloads.find(
      (each) => each.namespace === destination.namespace && each.name === destination.workload,
    );
    if (workload === undefined) throw new Error('no such workload');
    const decision = decideAtProxy({ world: this.#world, workload, port: destination.port, ip: null });
    const rules = tokenRulesBefore(mesh, workload, destination.port);
    const reading = { config: mesh.config, profile, verifiers: verifiers(rules, issuerKeys) };
    try {
      const options = {
        config: mesh.config,
        headers: profile.repeatedHeaders,
        identities: [],
        budget: 60_000,
      } as const;
      const ways = decision.ways ?? [{ waypoint: null, allowed: decision.allowed }];
      const universe = new Universe([decision.allowed, ...ways.map(({ allowed }) => allowed)], {
        ...options,
        peers: 'sets',
      });
      const joined = universe.diagrams.some(ways.map(({ allowed }) => universe.node(allowed)));
      if (joined !== universe.node(decision.allowed)) throw new Error('the ways are not the whole decision');
      return (passing) =>
        ways.some(({ waypoint, allowed }) => {
          const request = passing(waypoint);
          if (request === undefined) return false;
          const atoms = encodeRequest(universe, request, reading);
          return universe.diagrams.evaluate(universe.node(allowed), (level) => atoms[level] ?? 0);
        });
    } catch (error) {
      if (error instanceof BudgetExceeded) return undefined;
      throw error;
    }
  }
}
