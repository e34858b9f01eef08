/**
 * What NetworkPolicies alone admit to and from one pod, over peers that may be any pod: of any namespace, known or not,
 * with any labels. Labels and namespaces are levels of a diagram, so that equal relations are the same node.
 */
import type {
  LabelExpression,
  LabelSelector,
  Mesh,
  NetworkPolicy,
  NetworkPort,
  NetworkRule,
  Workload,
} from '../../language/mesh.ts';
import { selects } from '../attachment.ts';
import { isolating } from '../network.ts';
import { Diagrams, type Node } from '../symbolic/diagram.ts';

/** One version of a pod and the mesh around it. */
export interface NetworkEnd {
  readonly mesh: Mesh;
  readonly workload: Workload;
}

type Direction = 'ingress' | 'egress';

/** True iff both versions admit the same pods on the same ports of every protocol. Addresses are compared elsewhere. */
export function isSameNetwork(before: NetworkEnd, after: NetworkEnd, direction: Direction): boolean {
  const ends = [before, after].map((end) => ({ ...end, policies: isolating(end.mesh, end.workload, direction) }));
  const space = new PeerSpace(ends, direction);
  return portsAt(ends, direction).every((port) => {
    const [left, right] = ends.map(({ mesh, workload, policies }) =>
      space.admitted(policies, { mesh, admits: (entry) => isPort(entry, port, workload) }),
    );
    return left === right;
  });
}

/** A port: a number, or for named ports of pods that are not known the name. */
interface Port {
  readonly protocol: NetworkPort['protocol'];
  readonly is: number | string;
}

const rulesOf = (policies: readonly NetworkPolicy[], direction: Direction): readonly NetworkRule[] =>
  policies.flatMap((policy) => {
    const side = policy[direction];
    return side.kind === 'isolated' ? side.rules : [];
  });

/** A port of each class that no rule separates. */
function portsAt(
  ends: readonly (NetworkEnd & { readonly policies: readonly NetworkPolicy[] })[],
  direction: Direction,
): readonly Port[] {
  const entries = ends
    .flatMap(({ policies }) => rulesOf(policies, direction))
    .flatMap(({ ports }) => (ports.kind === 'some' ? ports.ports : []));
  const numbers = new Set<number>([1, 65_535]);
  const names = new Set<string>();
  for (const entry of entries) {
    if (entry.kind === 'range')
      for (const edge of [entry.from - 1, entry.from, entry.to, entry.to + 1]) numbers.add(edge);
    if (entry.kind === 'named') names.add(entry.name);
  }
  for (const { workload } of ends) for (const { number } of workload.ports) numbers.add(number);
  return (['TCP', 'UDP', 'SCTP'] as const).flatMap((protocol) =>
    [...[...numbers].filter((number) => number >= 1 && number <= 65_535), ...names].map((is) => ({ protocol, is })),
  );
}

function isPort(entry: NetworkPort, { protocol, is }: Port, workload: Workload): boolean {
  if (entry.protocol !== protocol) return false;
  switch (entry.kind) {
    case 'anyNumber':
      return true;
    case 'range':
      return typeof is === 'number' && entry.from <= is && is <= entry.to;
    case 'named':
      return is === entry.name || workload.ports.some(({ name, number }) => name === entry.name && number === is);
  }
}

const NAME_LABEL = 'kubernetes.io/metadata.name';
/** Atom 0 of a label is any value that no selector names. */
const ABSENT = 1;

/** Pods as assignments: namespace, then labels of namespaces that are not declared, then labels of the pod. */
class PeerSpace {
  readonly #diagrams = new Diagrams(200_000);
  readonly #direction: Direction;
  readonly #namespaces: readonly string[];
  readonly #levels = new Map<string, { readonly level: number; readonly values: readonly string[] }>();

  constructor(
    versions: readonly { readonly mesh: Mesh; readonly policies: readonly NetworkPolicy[] }[],
    direction: Direction,
  ) {
    this.#direction = direction;
    const peers = versions
      .flatMap(({ policies }) => rulesOf(policies, direction))
      .flatMap((rule) => (rule.peers.kind === 'some' ? rule.peers.peers : []))
      .flatMap((peer) => (peer.kind === 'pods' ? [peer] : []));
    const values = new Map<string, Set<string>>();
    const mention = (kind: 'namespace' | 'pod', selector: LabelSelector) => {
      for (const { key, values: named } of partsOf(selector)) {
        const known = values.get(`${kind} ${key}`) ?? new Set();
        values.set(`${kind} ${key}`, known);
        for (const value of named) known.add(value);
      }
    };
    for (const { namespaces, pods } of peers) {
      if (namespaces.kind === 'selected') mention('namespace', namespaces.selector);
      mention('pod', pods);
    }
    const named = values.get(`namespace ${NAME_LABEL}`) ?? [];
    const declared = versions.flatMap(({ mesh, policies }) => [
      ...mesh.namespaces.map(({ name }) => name),
      ...policies.map(({ namespace }) => namespace),
    ]);
    this.#namespaces = [...new Set([...declared, ...named])];
    for (const key of [...values.keys()].toSorted())
      this.#levels.set(key, { level: this.#levels.size + 1, values: [...(values.get(key) ?? [])] });
  }

  /** The pods that the policies admit where a port is admitted. */
  admitted(
    policies: readonly NetworkPolicy[],
    { mesh, admits }: { readonly mesh: Mesh; readonly admits: (entry: NetworkPort) => boolean },
  ): Node {
    const { always } = this.#diagrams;
    if (policies.length === 0) return always;
    const nodes = policies.flatMap((policy) =>
      rulesOf([policy], this.#direction)
        .filter(({ ports }) => ports.kind === 'all' || ports.ports.some(admits))
        .map((rule) => this.#rule(rule, policy, mesh)),
    );
    return this.#diagrams.some(nodes);
  }

  #rule({ peers }: NetworkRule, policy: NetworkPolicy, mesh: Mesh): Node {
    const diagrams = this.#diagrams;
    if (peers.kind === 'all') return diagrams.always;
    return diagrams.some(
      peers.peers.map((peer) => {
        if (peer.kind === 'block')
          return peer.block.bits === 0 && peer.except.length === 0 ? diagrams.always : diagrams.never;
        const inside =
          peer.namespaces.kind === 'own'
            ? this.#namespace((name) => (name === policy.namespace ? diagrams.always : diagrams.never))
            : this.#selected(peer.namespaces.selector, mesh);
        return diagrams.and(inside, this.#labels('pod', partsOf(peer.pods)));
      }),
    );
  }

  #namespace(child: (name: string | null) => Node): Node {
    const atoms = this.#namespaces.map((_, index) => index + 1);
    return this.#diagrams.node(0, child(null), atoms, this.#namespaces.map(child));
  }

  /** A declared namespace has the labels it declares, any other has its name and whatever else. */
  #selected(selector: LabelSelector, mesh: Mesh): Node {
    const { always, never } = this.#diagrams;
    return this.#namespace((name) => {
      const declared = mesh.namespaces.find((namespace) => namespace.name === name);
      if (declared !== undefined)
        return selects(selector, { ...declared.labels, [NAME_LABEL]: declared.name }) ? always : never;
      const parts = partsOf(selector);
      const byName = parts.filter(({ key }) => key === NAME_LABEL);
      if (!selects({ labels: {}, expressions: byName }, { [NAME_LABEL]: name ?? '\0' })) return never;
      return this.#labels(
        'namespace',
        parts.filter(({ key }) => key !== NAME_LABEL),
      );
    });
  }

  #labels(kind: 'namespace' | 'pod', parts: readonly LabelExpression[]): Node {
    return this.#diagrams.all(parts.map((part) => this.#label(kind, part)));
  }

  #label(kind: 'namespace' | 'pod', { key, operator, values }: LabelExpression): Node {
    const { always, never } = this.#diagrams;
    const found = this.#levels.get(`${kind} ${key}`);
    if (found === undefined) throw new Error(`label \`${key}\` has no level`);
    const atoms = values.map((value) => found.values.indexOf(value) + 2).toSorted((left, right) => left - right);
    const node = (otherwise: Node, named: readonly number[]) =>
      this.#diagrams.node(
        found.level,
        otherwise,
        named,
        named.map(() => (otherwise === never ? always : never)),
      );
    switch (operator) {
      case 'In':
        return node(never, atoms);
      case 'NotIn':
        return node(always, atoms);
      case 'Exists':
        return node(always, [ABSENT]);
      case 'DoesNotExist':
        return node(never, [ABSENT]);
    }
  }
}

/** The requirements of a selector, equalities as expressions. */
function partsOf(selector: LabelSelector): readonly LabelExpression[] {
  const equal = Object.entries(selector.labels).map(
    ([key, value]): LabelExpression => ({ key, operator: 'In', values: [value] }),
  );
  return [...equal, ...selector.expressions];
}
