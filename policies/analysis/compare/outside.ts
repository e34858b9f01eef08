/** What anybody outside reaches through gateways, end to end: outside -> gateway -> destination, with what each asks for. */
import type { Mesh, MeshConfig } from '../../language/mesh.ts';
import { isGateway } from '../attachment.ts';
import { admits, isolating } from '../network.ts';
import { hostOf } from '../outbound.ts';
import type { Profile } from '../profile.ts';
import type { Forward } from '../routing/table.ts';
import { BudgetExceeded, type Node } from '../symbolic/diagram.ts';
import { Effort } from '../symbolic/effort.ts';
import { holds } from '../symbolic/formula.ts';
import { Universe } from '../symbolic/universe.ts';
import { type CallClass, callsOf } from './calls.ts';
import { portsOf } from './destinations.ts';
import { type Passage, passagesThrough } from './passages.ts';

/** Calls of somebody outside that a gateway lets in, sends on, and whose destination lets them in too. */
export interface OutsideWay {
  readonly gateway: { readonly namespace: string; readonly workload: string; readonly port: number };
  /** As the client sends it; null for bytes. */
  readonly http: CallClass['http'];
  readonly exact: boolean;
  /** What the gateway and the destination ask for besides, in words of the client's request. */
  readonly conditions: readonly string[];
  /** `copy`: only a mirror of the request gets there. */
  readonly kind: Forward['kind'];
  /** `namespace/name` of the VirtualService and the place of the route in it; null where no route is asked. */
  readonly via: { readonly virtualService: string; readonly route: number } | null;
  readonly destination:
    | { readonly kind: 'workload'; readonly namespace: string; readonly workload: string; readonly port: number }
    /** Outside of the manifests, where nothing is known of rules. */
    | { readonly kind: 'host'; readonly host: string; readonly port: number };
}

/** The ways of a mesh, and what could not be decided. */
export interface OutsideWays {
  readonly ways: readonly OutsideWay[];
  readonly unknown: readonly string[];
}

/** A way through a gateway that the network leaves open to any address, with what of it a listed way says. */
export interface OutsidePassage {
  readonly ends: Omit<OutsideWay, 'http' | 'exact' | 'conditions'>;
  readonly passage: Passage;
}

/** Every way through every gateway of a mesh, not yet asked which calls go it. */
export function outsidePassages(mesh: Mesh, profile: Profile): readonly OutsidePassage[] {
  return mesh.workloads.flatMap((workload) => {
    if (!isGateway(mesh, workload)) return [];
    return portsOf(mesh, workload, []).named.flatMap((port) => {
      const outside = { peer: { workload: null, ip: null }, target: workload, port };
      if (!admits(mesh, isolating(mesh, workload, 'ingress'), 'ingress', outside)) return [];
      const gateway = { namespace: workload.namespace, workload: workload.name, port };
      return passagesThrough({ mesh, profile, issuerKeys: new Map() }, workload, port)
        .filter(({ through }) => through.kind !== 'never')
        .map((passage) => ({ ends: endsOf(gateway, passage), passage }));
    });
  });
}

function endsOf(gateway: OutsideWay['gateway'], { route, forward, place }: Passage): OutsidePassage['ends'] {
  const via =
    route === null
      ? null
      : { virtualService: `${route.virtualService.namespace}/${route.virtualService.name}`, route: route.index };
  return { gateway, kind: forward.kind, via, destination: destinationOf(forward, place) };
}

/** Lists the ways from outside through every gateway. */
export function outsideWays(mesh: Mesh, profile: Profile): OutsideWays {
  return waysOf(outsidePassages(mesh, profile), { config: mesh.config, profile, effort: new Effort() });
}

/** The ways of some passages, and the passages of which they could be decided. */
export function waysOf(
  passages: readonly OutsidePassage[],
  how: Asked,
): OutsideWays & { readonly decided: readonly OutsidePassage[] } {
  const ways: OutsideWay[] = [];
  const unknown: string[] = [];
  const decided: OutsidePassage[] = [];
  for (const each of passages) {
    const { ends, passage } = each;
    try {
      for (const way of waysOfPassage(ends, passage, how)) ways.push(way);
      decided.push(each);
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error;
      unknown.push(undecidedWays(ends, error));
    }
  }
  return { ways, unknown, decided };
}

/** That the ways through a port of a gateway were too much to decide. */
export function undecidedWays({ gateway }: Pick<OutsideWay, 'gateway'>, { message }: BudgetExceeded): string {
  return `ways through \`${gateway.namespace}/${gateway.workload}\` port ${gateway.port}: ${message}`;
}

/** How passages are asked which calls go them. */
export interface Asked {
  readonly config: MeshConfig;
  readonly profile: Profile;
  readonly effort: Effort;
}

/** The ways of one passage, one for each class of calls of somebody without a certificate of the mesh. */
function waysOfPassage(ends: OutsidePassage['ends'], passage: Passage, how: Asked): readonly OutsideWay[] {
  const universe = outsideUniverse([passage], how);
  return callsOf(universe, strangersOn(universe, passage), passage.token).map(({ http, exact, conditions }) => ({
    ...ends,
    http,
    exact,
    conditions,
  }));
}

/** A universe in which the calls of some passages are told apart. */
export function outsideUniverse(passages: readonly Passage[], { config, profile, effort }: Asked): Universe {
  const formulas = passages.flatMap(({ through, token }) => [through, token.accepted]);
  const options = { config, headers: profile.repeatedHeaders, peers: 'single', identities: [], effort } as const;
  return new Universe([...formulas, holds({ on: 'token', is: 'present' })], options);
}

/** The calls of a passage that somebody outside can make. */
export function strangersOn(universe: Universe, { through }: Passage): Node {
  return stranger(universe, universe.diagrams.and(universe.node(through), universe.possible()));
}

function destinationOf({ target }: Passage['forward'], place: Passage['place']): OutsideWay['destination'] {
  if (place !== null) {
    const { workload, port } = place;
    return { kind: 'workload', namespace: workload.namespace, workload: workload.name, port };
  }
  if (target.kind === 'nowhere') throw new Error('a passage leads somewhere');
  return { kind: 'host', host: target.kind === 'service' ? hostOf(target.service) : target.host, port: target.port };
}

/** What a caller may send that shows no certificate; where one is asked for, that of nobody whom rules name. */
function stranger(universe: Universe, node: Node): Node {
  const peer = universe.attributes.find(({ name }) => name === 'peer');
  if (peer?.kind !== 'word') return node;
  const fixed = (atoms: readonly number[]) =>
    atoms.reduce((left, atom, at) => universe.diagrams.restrict(left, peer.first + at, atom), node);
  const plain = fixed(peer.variable.encode(null));
  return plain === universe.diagrams.never ? fixed(peer.variable.levels.map(() => 0)) : plain;
}
