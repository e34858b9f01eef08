/** One port of an ambient workload, prepared: its ztunnel and the waypoints before it. Twin of `../ambient/ways.ts`. */
import type { Workload } from '../../language/mesh.ts';
import { entrancesOf } from '../ambient/waypoints.ts';
import { injectionAssumptions } from '../assumptions.ts';
import { isolating } from '../network.ts';
import { depart, wirePort } from '../outbound.ts';
import type { Request, WorkloadReference } from '../request.ts';
import type { Verdict } from '../verdict.ts';
import { findWorkload, type World } from '../world.ts';
import { type Sender, WaypointWay, ZtunnelHop } from './ambient-way.ts';
import { ExtraAssumptions } from './extra-assumptions.ts';

type Scope = 'allLayers' | 'proxyOnly';

/** Decides requests to one port of an ambient workload. */
export class AmbientPort {
  readonly #world: World;
  readonly #target: Workload;
  readonly #number: number;
  readonly #direct: ZtunnelHop;
  readonly #through: readonly WaypointWay[];
  readonly #senders = new Map<string, { readonly sender: Sender; readonly assumptions: ExtraAssumptions }>();

  constructor(world: World, target: Workload, number: number) {
    this.#world = world;
    this.#target = target;
    this.#number = number;
    const place = { world, target, port: number };
    this.#direct = new ZtunnelHop(place, '');
    this.#through = entrancesOf(world.mesh, target, number).map((entrance) => new WaypointWay(place, entrance));
  }

  is(namespace: string, workload: string, port: number): boolean {
    return this.#number === port && this.#target.name === workload && this.#target.namespace === namespace;
  }

  decide(request: Request): Verdict {
    return this.#decideAs(request, 'allLayers');
  }

  decideAtProxy(request: Request): Verdict {
    return this.#decideAs(request, 'proxyOnly');
  }

  #decideAs(request: Request, scope: Scope): Verdict {
    const { caller } = request;
    if (caller.kind === 'workload') {
      const { sender, assumptions } = this.#senderOf(caller.reference);
      return assumptions.add(this.#decideWays(request, sender, scope));
    }
    const transport = caller.kind === 'mtls' ? caller : ({ kind: 'plaintext' } as const);
    const port = wirePort(transport, { port: this.#number, listener: this.#direct.listener });
    return this.#decideWays(request, { source: null, egress: [], blocked: null, transport, port }, scope);
  }

  /** Whoever calls chooses the way: the first that is open, else the first. */
  #decideWays(request: Request, sender: Sender, scope: Scope): Verdict {
    let first: Verdict | null = null;
    if (sender.transport.kind === 'mtls') {
      for (const way of this.#through) {
        const verdict = way.decide(request, sender, scope);
        if (verdict.allowed) return verdict;
        first ??= verdict;
      }
    }
    const verdict = this.#direct.decide(request, sender, scope);
    return verdict.allowed || first === null ? verdict : first;
  }

  #senderOf(reference: WorkloadReference) {
    const key = `${reference.namespace}/${reference.workload}`;
    const known = this.#senders.get(key);
    if (known !== undefined) return known;
    const { mesh } = this.#world;
    const source = findWorkload(mesh, reference);
    const departure = depart(mesh, source, {
      workload: this.#target,
      port: this.#number,
      listener: this.#direct.listener,
    });
    const egress = isolating(mesh, source, 'egress');
    const sender: Sender =
      departure.kind === 'blocked'
        ? { source, egress, blocked: departure.host, transport: { kind: 'plaintext' }, port: this.#number }
        : { source, egress, blocked: null, transport: departure.transport, port: departure.port };
    const made = { sender, assumptions: new ExtraAssumptions(injectionAssumptions(mesh, source)) };
    this.#senders.set(key, made);
    return made;
  }
}
