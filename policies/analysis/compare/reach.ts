/** The exact relation of who can call what, all layers combined. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import type { Profile } from '../profile.ts';
import { BudgetExceeded, type Node } from '../symbolic/diagram.ts';
import { type Formula, holds } from '../symbolic/formula.ts';
import { decideAtProxy, type ProxyDecision } from '../symbolic/proxy.ts';
import { type Attribute, Universe } from '../symbolic/universe.ts';
import { type CallClass, callsOf } from './calls.ts';
import { isGateway, MeshIndex, portsOf } from './destinations.ts';
import { wayBetween } from './way.ts';

/** Who calls. Patterns and unknown identities are bare certificates: no layer in front of the proxy is counted. */
export type ReachSource =
  | { readonly kind: 'workload'; readonly principal: string; readonly namespace: string; readonly workload: string }
  | { readonly kind: 'identity' | 'pattern'; readonly principal: string }
  | { readonly kind: 'plaintext'; readonly principal: null };

/** One class of calls that is allowed. `port` is `other` for the ports that nothing names. */
export interface ReachGrant {
  readonly source: ReachSource;
  readonly destination: { readonly namespace: string; readonly workload: string; readonly port: number | 'other' };
  readonly http: CallClass['http'];
  /** Whether method and path are exact values rather than patterns. */
  readonly exact: boolean;
  readonly conditions: readonly string[];
}

/** What can be reached, and what could not be decided. */
export interface Reach {
  readonly grants: readonly ReachGrant[];
  readonly assumptions: readonly string[];
  readonly unknown: readonly string[];
}

/** Lists every allowed call of a mesh; `progress` is called after each workload. */
export function reach(mesh: Mesh, options: { readonly profile: Profile; readonly progress?: () => void }): Reach {
  const index = new MeshIndex(mesh);
  const identities = identitiesOf(mesh);
  const grants: ReachGrant[] = [];
  const assumptions = new Set<string>();
  const unknown: string[] = [];
  for (const workload of mesh.workloads) {
    const slice = index.slice(workload.namespace);
    const ports = portsOf(slice, workload, []);
    for (const port of [...ports.named, ports.other]) {
      const world = { mesh: slice, profile: options.profile, issuerKeys: new Map() };
      const decision = decideAtProxy({ world, workload, port, ip: null });
      if (decision.listener.kind === 'unguarded' && isGateway(mesh, workload)) continue;
      for (const assumption of decision.assumptions) assumptions.add(assumption);
      const label = port === ports.other ? ('other' as const) : port;
      try {
        const place = new ReachPlace(index, { workload, port, label, decision, profile: options.profile });
        grants.push(...place.grants(identities));
      } catch (error) {
        if (!(error instanceof BudgetExceeded)) throw error;
        unknown.push(`\`${workload.namespace}/${workload.name}\` port ${label}: ${error.message}`);
      }
    }
    options.progress?.();
  }
  return { grants, assumptions: [...assumptions].toSorted(), unknown };
}

/** The workloads behind each identity of the mesh. */
export function identitiesOf(mesh: Mesh): ReadonlyMap<string, readonly Workload[]> {
  const found = new Map<string, Workload[]>();
  for (const workload of mesh.workloads) {
    const identity = `spiffe://${mesh.config.trustDomain}/ns/${workload.namespace}/sa/${workload.serviceAccount}`;
    found.set(identity, [...(found.get(identity) ?? []), workload]);
  }
  return found;
}

interface PlaceProps {
  readonly workload: Workload;
  readonly port: number;
  readonly label: number | 'other';
  readonly decision: ProxyDecision;
  readonly profile: Profile;
}

class ReachPlace {
  readonly #index: MeshIndex;
  readonly #props: PlaceProps;
  readonly #universe: Universe;
  readonly #node: Node;
  readonly #calls = new Map<Node, readonly CallClass[]>();

  constructor(index: MeshIndex, props: PlaceProps) {
    this.#index = index;
    this.#props = props;
    const certificate: Formula = holds({ on: 'certificate' });
    this.#universe = new Universe([props.decision.allowed, certificate], {
      config: index.mesh.config,
      headers: props.profile.repeatedHeaders,
      peers: 'single',
      identities: [],
    });
    const { diagrams } = this.#universe;
    this.#node = diagrams.and(this.#universe.node(props.decision.allowed), this.#universe.possible());
  }

  grants(identities: ReadonlyMap<string, readonly Workload[]>): readonly ReachGrant[] {
    const peer = this.#universe.attributes.find((attribute) => attribute.name === 'peer');
    if (peer === undefined || peer.kind !== 'word' || this.#node === this.#universe.diagrams.never) return [];
    const plaintext = this.#fixed(peer, peer.variable.encode(null));
    const found = [...this.#of({ kind: 'plaintext', principal: null }, plaintext)];
    for (const { atoms, child } of this.#classes(peer)) {
      const { exact, text } = peer.variable.describe(atoms);
      if (text === '' && exact) continue;
      if (!exact || !identities.has(text))
        found.push(...this.#of({ kind: exact ? 'identity' : 'pattern', principal: text }, child));
    }
    for (const [identity, workloads] of identities) {
      const child = this.#fixed(peer, peer.variable.encode(identity));
      for (const source of workloads) found.push(...this.#ofWorkload(source, identity, { child, plaintext }));
    }
    return found;
  }

  #ofWorkload(
    source: Workload,
    principal: string,
    nodes: { readonly child: Node; readonly plaintext: Node },
  ): readonly ReachGrant[] {
    const { never } = this.#universe.diagrams;
    if (nodes.child === never && nodes.plaintext === never) return [];
    const { workload, port, decision } = this.#props;
    if (source === workload) return [];
    const mesh = this.#index.slice(workload.namespace, source.namespace);
    const way = wayBetween(mesh, source, { workload, port, listener: decision.listener });
    if (way.kind === 'closed') return [];
    const node = way.shows === 'certificate' ? nodes.child : nodes.plaintext;
    return this.#of({ kind: 'workload', principal, namespace: source.namespace, workload: source.name }, node);
  }

  #fixed(peer: Attribute, atoms: readonly number[]): Node {
    return atoms.reduce((node, atom, at) => this.#universe.diagrams.restrict(node, peer.first + at, atom), this.#node);
  }

  /** The classes of peers that differ in what they may call. */
  #classes(peer: Attribute): readonly { readonly atoms: readonly number[]; readonly child: Node }[] {
    const { diagrams } = this.#universe;
    const found: { readonly atoms: readonly number[]; readonly child: Node }[] = [];
    const visit = (node: Node, atoms: readonly number[]): void => {
      const at = diagrams.level(node) - peer.first;
      if (node <= 1 || at >= peer.variable.levels.length) {
        if (node !== diagrams.never) found.push({ atoms, child: node });
        return;
      }
      visit(diagrams.fallback(node), atoms.with(at, 0));
      diagrams.values(node).forEach((value, index) => {
        visit(diagrams.children(node)[index] ?? diagrams.never, atoms.with(at, value));
      });
    };
    visit(
      this.#node,
      peer.variable.levels.map(() => 0),
    );
    return found;
  }

  #of(source: ReachSource, node: Node): readonly ReachGrant[] {
    const { workload, label } = this.#props;
    const known = this.#calls.get(node) ?? callsOf(this.#universe, node);
    this.#calls.set(node, known);
    return known.map(({ http, exact, conditions }) => ({
      source,
      destination: { namespace: workload.namespace, workload: workload.name, port: label },
      http,
      exact,
      conditions,
    }));
  }
}
