/** One port of a mesh prepared for asking the symbolic engine about single requests. */
import { applicable, byAge } from '#policies/analysis/attachment.ts';
import type { Request } from '#policies/analysis/index.ts';
import { BudgetExceeded } from '#policies/analysis/symbolic/diagram.ts';
import { decideAtProxy } from '#policies/analysis/symbolic/proxy.ts';
import { encodeRequest } from '#policies/analysis/symbolic/sample.ts';
import { Universe } from '#policies/analysis/symbolic/universe.ts';
import { verifiers } from '#policies/analysis/token.ts';
import type { World } from '#policies/analysis/world.ts';

/** Answers whether a request with a bare certificate, or none, is allowed; undefined is *unknown*. */
export class SymbolicPorts {
  readonly #world: World;
  readonly #ports = new Map<string, ((request: Request) => boolean) | undefined>();

  constructor(world: World) {
    this.#world = world;
  }

  tryAllow(request: Request): boolean | undefined {
    const { namespace, workload, port } = request.destination;
    const key = `${namespace}/${workload}:${port}`;
    if (!this.#ports.has(key)) this.#ports.set(key, this.#prepare(request));
    return this.#ports.get(key)?.(request);
  }

  #prepare({ destination }: Request): ((request: Request) => boolean) | undefined {
    const { mesh, profile, issuerKeys } = this.#world;
    const workload = mesh.workloads.find(
      (each) => each.namespace === destination.namespace && each.name === destination.workload,
    );
    if (workload === undefined) throw new Error('no such workload');
    const { allowed } = decideAtProxy({ world: this.#world, workload, port: destination.port, ip: null });
    const selected = applicable(mesh.requestAuthentications, mesh, workload).toSorted(byAge);
    const rules = selected.flatMap((authentication) => authentication.rules);
    const reading = { config: mesh.config, profile, verifiers: verifiers(rules, issuerKeys) };
    try {
      const options = {
        config: mesh.config,
        headers: profile.repeatedHeaders,
        identities: [],
        budget: 60_000,
      } as const;
      const universe = new Universe([allowed], { ...options, peers: 'sets' });
      const node = universe.node(allowed);
      return (request) => {
        const atoms = encodeRequest(universe, request, reading);
        return universe.diagrams.evaluate(node, (level) => atoms[level] ?? 0);
      };
    } catch (error) {
      if (error instanceof BudgetExceeded) return undefined;
      throw error;
    }
  }
}
