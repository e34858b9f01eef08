/** One port of one workload, prepared: transport, NetworkPolicy and both chains. */
import type { NetworkPolicy, Workload } from '../../language/mesh.ts';
import { assumptionsOf } from '../assumptions.ts';
import { arriveAt, isTrusted, shownBy, trustedPrefixes } from '../connection.ts';
import { enforcementAt } from '../enforcement-point.ts';
import { type Listener, resolveListener } from '../listener.ts';
import { AddressGate, isolating } from '../network.ts';
import type { Request, WorkloadReference } from '../request.ts';
import { REFUSALS, VERDICT_CODES, type Verdict } from '../verdict.ts';
import { findWorkload, isolatedBy, type World } from '../world.ts';
import { Chain } from './chain.ts';
import { Ending } from './ending.ts';
import { isTrustedPeer, NO_PEER, type Peer, PeerTable } from './peer-table.ts';
import type { GatewayRoutes } from './routing.ts';
import { Way } from './way.ts';

/** A connection that a chain takes, or the ending of one that none takes. */
type Handshake =
  | { readonly kind: 'accepted'; readonly keepsIdentities: boolean }
  | { readonly kind: 'refused'; readonly ending: Ending };

/** What takes the connections of a port; the routes behind it are null but at gateways. */
export interface Door {
  readonly listener: Listener;
  readonly routes: GatewayRoutes | null;
}

/** Decides requests to one port. */
export class Port {
  readonly world: World;
  readonly target: Workload;
  readonly number: number;
  readonly listener: Listener;
  readonly assumptions: readonly string[];
  /** The policies that isolate the destination, and the ending of what they drop. */
  readonly ingress: readonly NetworkPolicy[];
  readonly dropped: Ending;
  readonly #addresses: AddressGate;
  readonly #unguarded: Ending;
  readonly #foreign: Ending;
  readonly #plaintext: Handshake;
  readonly #mtls: Handshake;
  readonly #peers: PeerTable;
  readonly #trusted: readonly string[];
  readonly #checksTrust: boolean;
  readonly #http: Chain;
  readonly #tcp: Chain;
  readonly #routes: GatewayRoutes | null;
  readonly #ways = new Map<string, Map<string, Way>>();

  constructor(
    world: World,
    target: Workload,
    number: number,
    { listener, routes }: Door = { listener: resolveListener(world.mesh, target, number), routes: null },
  ) {
    this.world = world;
    this.target = target;
    this.number = number;
    this.listener = listener;
    this.assumptions = assumptionsOf(world.mesh, target);
    this.ingress = isolating(world.mesh, target, 'ingress');
    this.#addresses = new AddressGate(this.ingress, target, number);
    this.dropped = this.ending(VERDICT_CODES.networkIngress, isolatedBy(this.ingress));
    const because = this.listener.kind === 'unguarded' ? this.listener.because : '';
    this.#unguarded = this.ending(VERDICT_CODES.allowedUnguarded, { detail: because });
    this.#foreign = this.ending(VERDICT_CODES.foreignTrustDomain);
    this.#trusted = trustedPrefixes(world.mesh.config);
    this.#peers = new PeerTable(this.#trusted);
    this.#checksTrust =
      this.listener.kind === 'sidecar' || (this.listener.kind === 'gateway' && this.listener.identity === 'mesh');
    this.#plaintext = this.#handshake({ kind: 'plaintext' });
    this.#mtls = this.#handshake({ kind: 'mtls', identities: [`${this.#trusted[0]}ns/any/sa/any`] });
    this.#routes = routes;
    const point = enforcementAt(world.mesh, target, world.profile);
    const place = { world, point, port: number, assumptions: this.assumptions, peers: this.#peers };
    this.#http = new Chain({ ...place, kind: 'http' });
    this.#tcp = new Chain({ ...place, kind: 'tcp' });
  }

  /** True iff this is the port of that number of that workload. */
  is(namespace: string, workload: string, port: number): boolean {
    return this.number === port && this.target.name === workload && this.target.namespace === namespace;
  }

  /** Decides through every layer. */
  decide(request: Request): Verdict {
    const caller = request.caller;
    if (caller.kind === 'workload') return this.#way(caller.reference).decide(request, 'allLayers');
    const peer = this.#peerOf(caller);
    const refusal = this.#refusal(caller, peer);
    if (refusal !== undefined) return refusal.of(request);
    if (request.sourceIp !== null && !this.#addresses.admits(request.sourceIp)) return this.dropped.of(request);
    return this.#decideStated(request, peer);
  }

  /** Decides what the proxy alone decides: handshake, token, policies; no NetworkPolicy, no egress of the caller. */
  decideAtProxy(request: Request): Verdict {
    const caller = request.caller;
    if (caller.kind === 'workload') return this.#way(caller.reference).decide(request, 'proxyOnly');
    const peer = this.#peerOf(caller);
    return this.#refusal(caller, peer)?.of(request) ?? this.#decideStated(request, peer);
  }

  /** Decides on the chain that takes the connection. */
  decideOnChain(chain: 'http' | 'tcp', request: Request, identities: readonly string[] | null): Verdict {
    if (this.listener.kind === 'unguarded') return this.#unguarded.of(request);
    const peer = identities === null ? NO_PEER : this.#peers.of(identities);
    const decided = (chain === 'http' ? this.#http : this.#tcp).decide(request, identities, peer);
    return this.#routes === null ? decided : this.#routes.settle(request, decided);
  }

  ending(
    code: ConstructorParameters<typeof Ending>[0],
    more: Omit<ConstructorParameters<typeof Ending>[1], 'listener' | 'assumptions'> = {},
  ): Ending {
    return new Ending(code, { ...more, listener: this.listener, assumptions: this.assumptions });
  }

  #decideStated(request: Request, peer: Peer): Verdict {
    if (this.listener.kind === 'unguarded') return this.#unguarded.of(request);
    const caller = request.caller;
    const keeps = this.#mtls.kind === 'accepted' && this.#mtls.keepsIdentities;
    const protocol = this.listener.protocol;
    const kind = protocol === 'auto' ? (request.http === null ? 'tcp' : 'http') : protocol;
    const chain = kind === 'http' ? this.#http : this.#tcp;
    const decided =
      caller.kind === 'mtls' && keeps
        ? chain.decide(request, shownBy(caller), peer)
        : chain.decide(request, null, NO_PEER);
    return this.#routes === null ? decided : this.#routes.settle(request, decided);
  }

  #peerOf(caller: Request['caller']): Peer {
    return caller.kind === 'mtls' ? this.#peers.of(shownBy(caller)) : NO_PEER;
  }

  #refusal(caller: Request['caller'], peer: Peer): Ending | undefined {
    const handshake = caller.kind === 'mtls' ? this.#mtls : this.#plaintext;
    if (handshake.kind === 'refused') return handshake.ending;
    if (caller.kind !== 'mtls' || !this.#checksTrust) return undefined;
    const trusted = caller.names === undefined ? isTrustedPeer(peer) : isTrusted(caller.identities, this.#trusted);
    return trusted ? undefined : this.#foreign;
  }

  #handshake(transport: Parameters<typeof arriveAt>[1]): Handshake {
    if (this.listener.kind === 'unguarded') return { kind: 'accepted', keepsIdentities: false };
    const arrival = arriveAt(this.listener, transport, { speaksHttp: true, config: this.world.mesh.config });
    if (arrival.kind === 'refused') return { kind: 'refused', ending: this.ending(REFUSALS[arrival.because]) };
    return { kind: 'accepted', keepsIdentities: arrival.identities !== null };
  }

  #way(reference: WorkloadReference): Way {
    let ways = this.#ways.get(reference.namespace);
    if (ways === undefined) {
      ways = new Map();
      this.#ways.set(reference.namespace, ways);
    }
    let way = ways.get(reference.workload);
    if (way === undefined) {
      way = new Way(this, findWorkload(this.world.mesh, reference));
      ways.set(reference.workload, way);
    }
    return way;
  }
}
