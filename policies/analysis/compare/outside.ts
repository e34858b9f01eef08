/** What anybody outside reaches through gateways, end to end: outside -> gateway -> destination, with what each asks for. */
import type { Mesh } from '../../language/mesh.ts';
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

/** Lists the ways from outside through every gateway. */
export function outsideWays(mesh: Mesh, profile: Profile): OutsideWays {
  const ways: OutsideWay[] = [];
  const unknown: string[] = [];
  const effort = new Effort();
  for (const workload of mesh.workloads) {
    if (!isGateway(mesh, workload)) continue;
    for (const port of portsOf(mesh, workload, []).named) {
      const outside = { peer: { workload: null, ip: null }, target: workload, port };
      if (!admits(mesh, isolating(mesh, workload, 'ingress'), 'ingress', outside)) continue;
      const gateway = { namespace: workload.namespace, workload: workload.name, port };
      for (const passage of passagesThrough({ mesh, profile, issuerKeys: new Map() }, workload, port)) {
        try {
          for (const way of waysOf(gateway, passage, mesh, { profile, effort })) ways.push(way);
        } catch (error) {
          if (!(error instanceof BudgetExceeded)) throw error;
          unknown.push(`ways through \`${workload.namespace}/${workload.name}\` port ${port}: ${error.message}`);
        }
      }
    }
  }
  return { ways, unknown };
}

interface Asked {
  readonly profile: Profile;
  readonly effort: Effort;
}

/** The ways of one passage, one for each class of calls of somebody without a certificate of the mesh. */
function waysOf(
  gateway: OutsideWay['gateway'],
  { through, token, route, forward, place }: Passage,
  { config }: Mesh,
  { profile, effort }: Asked,
): readonly OutsideWay[] {
  if (through.kind === 'never') return [];
  const formulas = [through, token.accepted, holds({ on: 'token', is: 'present' })];
  const options = { config, headers: profile.repeatedHeaders, peers: 'single', identities: [], effort } as const;
  const universe = new Universe(formulas, options);
  const node = stranger(universe, universe.diagrams.and(universe.node(through), universe.possible()));
  const via =
    route === null
      ? null
      : { virtualService: `${route.virtualService.namespace}/${route.virtualService.name}`, route: route.index };
  const destination = destinationOf(forward, place);
  return callsOf(universe, node, token).map(({ http, exact, conditions }) => ({
    gateway,
    http,
    exact,
    conditions,
    kind: forward.kind,
    via,
    destination,
  }));
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
