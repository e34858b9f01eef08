/** The hops to one port of an ambient workload, prepared: straight to its ztunnel, or through a waypoint. */
import type { NetworkPolicy, Workload } from '../../language/mesh.ts';
import { HBONE } from '../ambient/capture.ts';
import { type Entrance, identityOf, podOf, waypointText } from '../ambient/waypoints.ts';
import { arriveAtZtunnel } from '../ambient/ztunnel.ts';
import { assumptionsOf } from '../assumptions.ts';
import { arriveAt, type Transport, trustedPrefixes } from '../connection.ts';
import { enforcementAt, enforcementAtWaypoint } from '../enforcement-point.ts';
import { type Listener, resolveListener } from '../listener.ts';
import { admits, isolating } from '../network.ts';
import type { Request } from '../request.ts';
import { REFUSALS, VERDICT_CODES, type Verdict, type VerdictCode } from '../verdict.ts';
import { isolatedBy, type World } from '../world.ts';
import { Chain } from './chain.ts';
import { Ending } from './ending.ts';
import { NO_PEER, PeerTable } from './peer-table.ts';

/** Who sends, and how. */
export interface Sender {
  /** Null when the caller is no workload. */
  readonly source: Workload | null;
  readonly egress: readonly NetworkPolicy[];
  /** The host that the caller's sidecar does not know. */
  readonly blocked: string | null;
  readonly transport: Transport;
  /** The port of the connection itself. */
  readonly port: number;
}

/** A port of an ambient workload. */
export interface AmbientPlace {
  readonly world: World;
  readonly target: Workload;
  readonly port: number;
}

type Scope = 'allLayers' | 'proxyOnly';
type Guarded = Exclude<Listener, { kind: 'unguarded' }>;

/** One hop's endings, made when they are first needed. */
class Endings {
  readonly #made = new Map<string, Ending>();
  readonly #parts: { readonly listener: Guarded; readonly assumptions: readonly string[] };
  readonly #via: string;

  constructor(parts: { readonly listener: Guarded; readonly assumptions: readonly string[] }, via: string) {
    this.#parts = parts;
    this.#via = via;
  }

  of(code: VerdictCode, more: ReturnType<typeof isolatedBy> = { detail: '' }): Ending {
    const detail = [more.detail, this.#via].filter((text) => text !== '').join(', ');
    const key = `${code} ${detail}`;
    const made = this.#made.get(key) ?? new Ending(code, { ...more, ...this.#parts, detail });
    this.#made.set(key, made);
    return made;
  }
}

/** Whether NetworkPolicies let a connection out of the sender's pod and into the receiver's. */
function stoppedOnTheWay(
  direction: 'ingress' | 'egress',
  policies: readonly NetworkPolicy[],
  hop: {
    readonly world: World;
    readonly endings: Endings;
    readonly peer: Parameters<typeof admits>[3]['peer'];
    readonly target: Workload;
    readonly port: number;
  },
): Ending | undefined {
  const { world, endings, peer, target, port } = hop;
  if (policies.length === 0 || admits(world.mesh, policies, direction, { peer, target, port })) return undefined;
  const code = direction === 'egress' ? VERDICT_CODES.networkEgress : VERDICT_CODES.networkIngress;
  return endings.of(code, isolatedBy(policies));
}

/** The hop to the workload's own ztunnel. */
export class ZtunnelHop {
  readonly listener: Extract<Listener, { kind: 'ztunnel' }>;
  readonly #place: AmbientPlace;
  readonly #ingress: readonly NetworkPolicy[];
  readonly #chain: Chain;
  readonly #peers = new PeerTable([]);
  readonly #endings: Endings;

  constructor(place: AmbientPlace, via: string) {
    const { world, target, port } = place;
    const listener = resolveListener(world.mesh, target, port);
    if (listener.kind !== 'ztunnel') throw new Error(`\`${target.namespace}/${target.name}\` is not ambient`);
    const assumptions = assumptionsOf(world.mesh, target);
    this.listener = listener;
    this.#place = place;
    this.#ingress = isolating(world.mesh, target, 'ingress');
    this.#endings = new Endings({ listener, assumptions }, via);
    const point = enforcementAt(world.mesh, target, world.profile);
    this.#chain = new Chain({ world, point, port, kind: 'tcp', assumptions, peers: this.#peers, via });
  }

  decide(request: Request, { source, egress, blocked, transport, port }: Sender, scope: Scope): Verdict {
    const { world, target } = this.#place;
    const hop = { world, endings: this.#endings, target, port };
    const all = scope === 'allLayers';
    const outward = { ...hop, peer: { workload: target, ip: request.destination.ip } };
    const heldBack = all ? stoppedOnTheWay('egress', egress, outward) : undefined;
    if (heldBack !== undefined) return heldBack.of(request);
    if (blocked !== null)
      return all
        ? this.#endings.of(VERDICT_CODES.egressHostNotImported, { detail: blocked }).of(request)
        : this.#chain.decide(request, null, NO_PEER);
    const arrival = arriveAtZtunnel(this.listener, transport, world.mesh.config);
    if (arrival.kind === 'refused') return this.#endings.of(REFUSALS[arrival.because]).of(request);
    const isKnown = source !== null || request.sourceIp !== null;
    const inward = { ...hop, peer: { workload: source, ip: request.sourceIp } };
    const dropped = all && isKnown ? stoppedOnTheWay('ingress', this.#ingress, inward) : undefined;
    if (dropped !== undefined) return dropped.of(request);
    const { identities } = arrival;
    return this.#chain.decide(request, identities, identities === null ? NO_PEER : this.#peers.of(identities));
  }
}

/** The way through one waypoint: its policies see the caller, the ztunnel behind it sees the waypoint. */
export class WaypointWay {
  readonly #world: World;
  readonly #pod: Workload;
  readonly #entrance: Entrance;
  readonly #listener: Extract<Listener, { kind: 'sidecar' }>;
  readonly #ingress: readonly NetworkPolicy[];
  readonly #http: Chain;
  readonly #tcp: Chain;
  readonly #peers: PeerTable;
  readonly #endings: Endings;
  readonly #last: ZtunnelHop;
  readonly #itself: Sender;

  constructor(place: AmbientPlace, entrance: Entrance) {
    const { world, target } = place;
    const { mesh } = world;
    const via = `through ${waypointText(entrance.waypoint)}`;
    const assumptions = assumptionsOf(mesh, target);
    this.#world = world;
    this.#entrance = entrance;
    this.#pod = podOf(mesh, entrance.waypoint);
    this.#listener = { kind: 'sidecar', protocol: entrance.protocol, mode: 'STRICT' };
    this.#ingress = isolating(mesh, this.#pod, 'ingress');
    this.#peers = new PeerTable(trustedPrefixes(mesh.config));
    this.#endings = new Endings({ listener: this.#listener, assumptions }, via);
    const point = enforcementAtWaypoint(mesh, entrance, world.profile);
    const at = { world, point, port: entrance.port, assumptions, peers: this.#peers, via };
    this.#http = new Chain({ ...at, kind: 'http' });
    this.#tcp = new Chain({ ...at, kind: 'tcp' });
    this.#last = new ZtunnelHop(place, `from ${waypointText(entrance.waypoint)}`);
    this.#itself = {
      source: this.#pod,
      egress: isolating(mesh, this.#pod, 'egress'),
      blocked: null,
      transport: { kind: 'mtls', identities: [identityOf(mesh, entrance.waypoint)] },
      port: HBONE,
    };
  }

  decide(request: Request, sender: Sender, scope: Scope): Verdict {
    const seen = this.#decideAtWaypoint(request, sender, scope);
    if (!seen.allowed) return seen;
    const last = this.#last.decide({ ...request, sourceIp: null, remoteIp: null }, this.#itself, scope);
    return last.allowed ? seen : last;
  }

  #decideAtWaypoint(request: Request, { source, egress, transport }: Sender, scope: Scope): Verdict {
    const hop = { world: this.#world, endings: this.#endings, target: this.#pod, port: HBONE };
    const all = scope === 'allLayers';
    const outward = { ...hop, peer: { workload: this.#pod, ip: null } };
    const heldBack = all ? stoppedOnTheWay('egress', egress, outward) : undefined;
    if (heldBack !== undefined) return heldBack.of(request);
    const call = { speaksHttp: request.http !== null, config: this.#world.mesh.config };
    const arrival = arriveAt(this.#listener, transport, call);
    if (arrival.kind === 'refused') return this.#endings.of(REFUSALS[arrival.because]).of(request);
    const isKnown = source !== null || request.sourceIp !== null;
    const inward = { ...hop, peer: { workload: source, ip: request.sourceIp } };
    const dropped = all && isKnown ? stoppedOnTheWay('ingress', this.#ingress, inward) : undefined;
    if (dropped !== undefined) return dropped.of(request);
    const { namespace, name } = this.#entrance.waypoint;
    const destination = { namespace, workload: name, port: this.#entrance.port, ip: null };
    const identities = arrival.identities ?? [];
    const chain = arrival.chain === 'http' ? this.#http : this.#tcp;
    return chain.decide({ ...request, sni: '', destination }, identities, this.#peers.of(identities));
  }
}
