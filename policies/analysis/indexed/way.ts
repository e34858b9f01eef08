/** The way from one workload of the mesh to one port, resolved once: egress, transport, NetworkPolicy. */
import type { NetworkPolicy, Workload } from '../../language/mesh.ts';
import { injectionAssumptions } from '../assumptions.ts';
import { type Arrival, arriveAt } from '../connection.ts';
import { admits, isolating } from '../network.ts';
import { type Departure, depart } from '../outbound.ts';
import type { Request } from '../request.ts';
import { REFUSALS, VERDICT_CODES, type Verdict } from '../verdict.ts';
import { isolatedBy } from '../world.ts';
import type { Ending } from './ending.ts';
import { ExtraAssumptions } from './extra-assumptions.ts';
import type { Port } from './port.ts';

/** Which layers take part: all of them, or those that the destination's proxy enforces. */
export type Scope = 'allLayers' | 'proxyOnly';

/** How the handshake of this way ends. */
type End =
  | { readonly kind: 'arrives'; readonly arrival: Extract<Arrival, { kind: 'accepted' }> }
  | { readonly kind: 'stops'; readonly ending: Ending };

/** Decides the requests of one caller to one port. */
export class Way {
  readonly #port: Port;
  readonly #source: Workload;
  readonly #egress: readonly NetworkPolicy[];
  readonly #heldBack: Ending;
  readonly #blocked: Ending | null;
  readonly #http: End;
  readonly #tcp: End;
  readonly #assumptions: ExtraAssumptions;
  /** The port of the connection itself. */
  readonly #wire: number;

  constructor(port: Port, source: Workload) {
    const { mesh } = port.world;
    this.#port = port;
    this.#source = source;
    this.#assumptions = new ExtraAssumptions(injectionAssumptions(mesh, source));
    this.#egress = isolating(mesh, source, 'egress');
    this.#heldBack = port.ending(VERDICT_CODES.networkEgress, isolatedBy(this.#egress));
    const departure = depart(mesh, source, { workload: port.target, port: port.number, listener: port.listener });
    this.#wire = departure.kind === 'sends' ? departure.port : port.number;
    this.#blocked =
      departure.kind === 'blocked'
        ? port.ending(VERDICT_CODES.egressHostNotImported, { detail: departure.host })
        : null;
    this.#http = this.#end(departure, true);
    this.#tcp = this.#end(departure, false);
  }

  /** Decides one request of this caller. */
  decide(request: Request, scope: Scope): Verdict {
    return this.#assumptions.add(this.#decide(request, scope));
  }

  #decide(request: Request, scope: Scope): Verdict {
    const all = scope === 'allLayers';
    if (all && !this.#admits(this.#egress, 'egress', request)) return this.#heldBack.of(request);
    if (all && this.#blocked !== null) return this.#blocked.of(request);
    const end = request.http === null ? this.#tcp : this.#http;
    if (end.kind === 'stops') return end.ending.of(request);
    if (all && !this.#admits(this.#port.ingress, 'ingress', request)) return this.#port.dropped.of(request);
    return this.#port.decideOnChain(end.arrival.chain, request, end.arrival.identities);
  }

  #admits(policies: readonly NetworkPolicy[], direction: 'ingress' | 'egress', request: Request): boolean {
    if (policies.length === 0) return true;
    const { target, world } = this.#port;
    const peer =
      direction === 'egress'
        ? { workload: target, ip: request.destination.ip }
        : { workload: this.#source, ip: request.sourceIp };
    return admits(world.mesh, policies, direction, { peer, target, port: this.#wire });
  }

  #end(departure: Departure, speaksHttp: boolean): End {
    const { listener, world } = this.#port;
    const plaintext = { kind: 'arrives', arrival: { kind: 'accepted', chain: 'tcp', identities: null } } as const;
    if (departure.kind === 'blocked') return plaintext;
    if (listener.kind === 'unguarded') {
      if (departure.transport.kind === 'plaintext') return plaintext;
      return { kind: 'stops', ending: this.#port.ending(VERDICT_CODES.tlsIntoPlaintext) };
    }
    const arrival = arriveAt(listener, departure.transport, { speaksHttp, config: world.mesh.config });
    if (arrival.kind === 'accepted') return { kind: 'arrives', arrival };
    return { kind: 'stops', ending: this.#port.ending(REFUSALS[arrival.because]) };
  }
}
