/** The callers of a port, each with what it may call: in one version of a mesh, or in several at once. */
import type { Waypoint } from '../../language/ambient.ts';
import type { Mesh, Workload } from '../../language/mesh.ts';
import type { Profile } from '../profile.ts';
import type { Node } from '../symbolic/diagram.ts';
import type { Effort } from '../symbolic/effort.ts';
import { holds } from '../symbolic/formula.ts';
import type { ProxyDecision } from '../symbolic/proxy.ts';
import { type Attribute, Universe } from '../symbolic/universe.ts';
import type { WayDecision } from '../symbolic/waypoint.ts';
import type { MeshIndex } from './destinations.ts';
import { networkAdmits, type Way, wayBetween, wayThrough } from './way.ts';

/** Who calls. Patterns and unknown identities are bare certificates: no layer in front of the proxy is counted. */
export type ReachSource =
  | { readonly kind: 'workload'; readonly principal: string; readonly namespace: string; readonly workload: string }
  | { readonly kind: 'identity' | 'pattern'; readonly principal: string }
  /** A certificate with several SANs, which together may call what none of them may alone. */
  | { readonly kind: 'certificate'; readonly principal: string }
  | { readonly kind: 'plaintext'; readonly principal: null };

/** One version of the port: the mesh it stands in and what its proxy decides. */
export interface CallerSide {
  readonly index: MeshIndex;
  readonly workload: Workload;
  readonly decision: ProxyDecision;
  /** The workloads behind each identity of the mesh. */
  readonly identities: ReadonlyMap<string, readonly Workload[]>;
}

/** One caller; `nodes` holds what it may call in each version, the peer left out. */
export interface CallerCalls {
  readonly source: ReachSource;
  /** The atoms of the peer that it shows. */
  readonly peer: readonly number[];
  readonly nodes: readonly Node[];
}

/** Where and how callers are listed. */
export interface CallersPlace {
  readonly port: number;
  readonly profile: Profile;
  /** Identities that get an entry of their own though neither mesh nor rules name them. @default none */
  readonly identities?: readonly string[];
  /** A workload that is compromised sends what it likes, around its sidecar. @default 'configured' */
  readonly callers?: 'configured' | 'compromised';
  /** What the universes of the whole question share. @default - this one has its own */
  readonly effort?: Effort;
}

/** What the rules let an identity call when it shows its certificate, and when it shows nothing. */
interface IdentityCalls {
  readonly shown: readonly Node[];
  readonly plaintext: readonly Node[];
}

/** A port, and through which waypoint it is called. */
type PlacedWay = Parameters<typeof wayBetween>[2] & { readonly waypoint: Waypoint | null };

interface Split {
  readonly strangers: readonly CallerCalls[];
  readonly plaintext: readonly Node[];
  readonly candidates: readonly string[];
}

/** Lists the callers of one port in a universe that all its versions share. */
export class Callers {
  readonly universe: Universe;
  readonly #sides: readonly CallerSide[];
  readonly #nodes: readonly Node[];
  readonly #place: CallersPlace;
  /** For each version, the mesh as far as a call from a namespace can see it. */
  readonly #ways: readonly ((source: string) => Mesh)[];
  #known: Split | undefined;

  constructor(sides: readonly CallerSide[], place: CallersPlace) {
    this.#sides = sides;
    this.#place = place;
    this.#ways = sides.map(({ index, workload }) => index.waysTo(workload));
    const config = sides[0]?.index.mesh.config;
    if (config === undefined) throw new Error('callers of no version were asked for');
    const ways = sides.flatMap(({ decision }) => (decision.ways ?? []).map(({ allowed }) => allowed));
    this.universe = new Universe(
      [...sides.map(({ decision }) => decision.allowed), ...ways, holds({ on: 'certificate' })],
      {
        config,
        headers: place.profile.repeatedHeaders,
        peers: 'single',
        identities: place.identities ?? [],
        ...(place.effort === undefined ? {} : { effort: place.effort }),
      },
    );
    const possible = this.universe.possible();
    this.#nodes = sides.map(({ decision }) =>
      this.universe.diagrams.and(this.universe.node(decision.allowed), possible),
    );
  }

  /** The identities of the mesh that the rules of some version may let in; the others can call nothing. */
  candidates(): readonly string[] {
    return this.#split().candidates;
  }

  /** What the rules of each version let an identity call, whatever its workloads get past. */
  shownBy(identity: string): readonly Node[] {
    const peer = this.#peer();
    return peer === undefined ? this.#nodes : this.#fixed(peer, peer.variable.encode(identity));
  }

  /** What each version lets in without a certificate. */
  plaintext(): readonly Node[] {
    const peer = this.#peer();
    return peer === undefined ? this.#nodes : this.#fixed(peer, peer.variable.encode(null));
  }

  list(): readonly CallerCalls[] {
    const peer = this.#peer();
    const { never } = this.universe.diagrams;
    if (peer === undefined) return [];
    const { strangers, plaintext, candidates } = this.#split();
    const workloads = candidates.flatMap((identity) => {
      const atoms = peer.variable.encode(identity);
      return this.#workloads(identity, { atoms, shown: this.#fixed(peer, atoms), plaintext });
    });
    return [...strangers, ...workloads].filter(({ nodes }) => nodes.some((node) => node !== never));
  }

  #peer(): Extract<Attribute, { kind: 'word' }> | undefined {
    const peer = this.universe.attributes.find((attribute) => attribute.name === 'peer');
    return peer?.kind === 'word' ? peer : undefined;
  }

  /** Callers without a workload, and the identities of the mesh that are worth a look. */
  #split(): Split {
    this.#known ??= this.#newSplit();
    return this.#known;
  }

  #newSplit(): Split {
    const peer = this.#peer();
    const { never } = this.universe.diagrams;
    if (peer === undefined || this.#nodes.every((node) => node === never))
      return { strangers: [], plaintext: [], candidates: [] };
    const nothing = peer.variable.encode(null);
    const plaintext = this.#fixed(peer, nothing);
    const found: CallerCalls[] = [{ source: { kind: 'plaintext', principal: null }, peer: nothing, nodes: plaintext }];
    const asked = (this.#place.identities ?? []).filter((identity) => !this.#isKnown(identity));
    for (const principal of asked) {
      const atoms = peer.variable.encode(principal);
      found.push({ source: { kind: 'identity', principal }, peer: atoms, nodes: this.#fixed(peer, atoms) });
    }
    const named: string[] = [];
    let open = plaintext.some((node) => node !== never);
    for (const { atoms, nodes } of this.#classes(peer)) {
      const { exact, text } = peer.variable.describe(atoms);
      if (exact && (text === '' || asked.includes(text))) continue;
      if (exact && this.#isKnown(text)) {
        named.push(text);
        continue;
      }
      if (!exact) open = true;
      found.push({ source: { kind: exact ? 'identity' : 'pattern', principal: text }, peer: atoms, nodes });
    }
    // an identity that no test names belongs to a class of patterns: without an open one it may call nothing
    const candidates = open ? [...new Set(this.#sides.flatMap(({ identities }) => [...identities.keys()]))] : named;
    return { strangers: found, plaintext, candidates };
  }

  #isKnown(identity: string): boolean {
    return this.#sides.some(({ identities }) => identities.has(identity));
  }

  /** The workloads of an identity, with what passes egress, transport and NetworkPolicy. */
  #workloads(identity: string, calls: IdentityCalls & { readonly atoms: readonly number[] }): readonly CallerCalls[] {
    const { never } = this.universe.diagrams;
    if ([...calls.shown, ...calls.plaintext].every((node) => node === never)) return [];
    const found = new Map<string, Omit<CallerCalls, 'nodes'> & { readonly nodes: Node[] }>();
    this.#sides.forEach(({ index, workload, decision, identities }, version) => {
      const meshFrom = this.#ways[version] ?? index.waysTo(workload);
      for (const source of identities.get(identity) ?? []) {
        if (source.namespace === workload.namespace && source.name === workload.name) continue;
        const key = `${source.namespace}/${source.name}`;
        const entry = found.get(key) ?? {
          source: { kind: 'workload', principal: identity, namespace: source.namespace, workload: source.name },
          peer: calls.atoms,
          nodes: this.#nodes.map(() => never),
        };
        found.set(key, entry);
        const mesh = meshFrom(source.namespace);
        const to = { workload, port: this.#place.port, listener: decision.listener };
        const { ways } = decision;
        entry.nodes[version] =
          ways === undefined
            ? (this.#passing(mesh, source, { ...to, waypoint: null }, calls)[version] ?? never)
            : this.universe.diagrams.some(
                ways.map((way) => this.#byOneWay({ mesh, source, to, way }, { version, atoms: calls.atoms })),
              );
      }
    });
    return [...found.values()];
  }

  /** What gets through of the calls of one workload by one way: sent by its proxy, or by an intruder in its pod. */
  #passing(mesh: Mesh, source: Workload, to: PlacedWay, calls: IdentityCalls): readonly Node[] {
    const { diagrams } = this.universe;
    if (this.#place.callers === 'compromised') {
      if (!networkAdmits(mesh, source, to)) return [];
      return calls.shown.map((node, version) => diagrams.or(node, calls.plaintext[version] ?? diagrams.never));
    }
    const { waypoint } = to;
    const way = waypoint === null ? wayBetween(mesh, source, to) : wayThrough(mesh, source, { ...to, waypoint });
    return way.kind === 'open' ? this.#seen(way.shows, calls) : [];
  }

  /** What gets through by one of several ways: each has its own network and its own rules. */
  #byOneWay(
    {
      mesh,
      source,
      to,
      way,
    }: {
      readonly mesh: Mesh;
      readonly source: Workload;
      readonly to: Omit<PlacedWay, 'waypoint'>;
      readonly way: WayDecision;
    },
    { version, atoms }: { readonly version: number; readonly atoms: readonly number[] },
  ): Node {
    const { diagrams } = this.universe;
    const peer = this.#peer();
    if (peer === undefined) return diagrams.never;
    const allowed = diagrams.and(this.universe.node(way.allowed), this.universe.possible());
    const [shown, plaintext] = [atoms, peer.variable.encode(null)].map((shownAtoms) =>
      shownAtoms.reduce((node, atom, at) => diagrams.restrict(node, peer.first + at, atom), allowed),
    );
    const each = (node = diagrams.never) => this.#nodes.map(() => node);
    const calls = { shown: each(shown), plaintext: each(plaintext) };
    return this.#passing(mesh, source, { ...to, waypoint: way.waypoint }, calls)[version] ?? diagrams.never;
  }

  /** What a caller may call of which the proxy sees a certificate, nothing, or bytes that it cannot read. */
  #seen(shows: Extract<Way, { kind: 'open' }>['shows'], calls: IdentityCalls): readonly Node[] {
    if (shows === 'certificate') return calls.shown;
    const bytes = this.universe.attributes.find(({ name }) => name === 'bytes');
    if (shows === 'nothing' || bytes?.kind !== 'word') return calls.plaintext;
    const [raw = 0] = bytes.variable.encode('raw');
    return calls.plaintext.map((node) => this.universe.diagrams.restrict(node, bytes.first, raw));
  }

  #fixed(peer: Attribute, atoms: readonly number[]): readonly Node[] {
    return this.#nodes.map((start) =>
      atoms.reduce((node, atom, at) => this.universe.diagrams.restrict(node, peer.first + at, atom), start),
    );
  }

  /** The classes of peers that differ in what they may call in some version. */
  #classes(peer: Attribute): readonly { readonly atoms: readonly number[]; readonly nodes: readonly Node[] }[] {
    const { diagrams } = this.universe;
    const end = peer.first + peer.variable.levels.length;
    const found: { readonly atoms: readonly number[]; readonly nodes: readonly Node[] }[] = [];
    const visit = (nodes: readonly Node[], atoms: readonly number[]): void => {
      const level = Math.min(...nodes.map((node) => diagrams.level(node)));
      if (level >= end) {
        if (nodes.some((node) => node !== diagrams.never)) found.push({ atoms, nodes });
        return;
      }
      const listed = new Set(nodes.flatMap((node) => (diagrams.level(node) === level ? diagrams.values(node) : [])));
      for (const value of [0, ...listed]) {
        const next = nodes.map((node) => (diagrams.level(node) === level ? diagrams.child(node, value) : node));
        visit(next, atoms.with(level - peer.first, value));
      }
    };
    visit(
      this.#nodes,
      peer.variable.levels.map(() => 0),
    );
    return found;
  }
}
