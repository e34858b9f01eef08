/**
 * Certificates with several SANs that may call what none of their SANs may alone, in one version of a mesh or in two:
 * no workload holds one, and whoever gets one is a caller of its own.
 */
import { plainAssignment, tryFindCheapest } from '../symbolic/cheapest.ts';
import type { BudgetExceeded, Node } from '../symbolic/diagram.ts';
import { holds } from '../symbolic/formula.ts';
import { oneIdentityTellsApart } from '../symbolic/one-identity.ts';
import { type Attribute, Universe } from '../symbolic/universe.ts';
import type { CallerCalls, CallerSide, CallersPlace } from './callers.ts';

/** What callers of several SANs may call, with the universe that their calls are written in. */
export interface JointCalls {
  readonly universe: Universe;
  readonly callers: readonly CallerCalls[];
}

/**
 * The calls that matter, each with the plainest certificate that makes it: in one version those that are let in where
 * none of its SANs alone is, in two those that changed where those of no SAN alone did. Errors: throws `BudgetExceeded`.
 */
export function jointCalls(sides: readonly CallerSide[], place: CallersPlace): JointCalls | undefined {
  const config = sides[0]?.index.mesh.config;
  const decisions = sides.map(({ decision }) => decision.allowed);
  if (config === undefined || oneIdentityTellsApart(decisions)) return undefined;
  const universe = new Universe([...decisions, holds({ on: 'certificate' })], {
    config,
    headers: place.profile.repeatedHeaders,
    peers: 'sets',
    identities: [],
    ...(place.effort === undefined ? {} : { effort: place.effort }),
  });
  const peer = universe.attributes.find(({ name }) => name === 'peer');
  if (peer?.kind !== 'certificate') return undefined;
  return {
    universe,
    callers: new Sets(
      universe,
      peer,
      decisions.map((decision) => universe.node(decision)),
    ).list(),
  };
}

/** Says that certificates with several SANs were too much for a port. */
export function jointlyUnknown(workload: string, label: number | 'other', { message }: BudgetExceeded): string {
  return `\`${workload}\` port ${label}, certificates with several SANs: ${message}`;
}

class Sets {
  readonly #universe: Universe;
  readonly #peer: Attribute;
  readonly #nodes: readonly Node[];

  constructor(universe: Universe, peer: Attribute, nodes: readonly Node[]) {
    this.#universe = universe;
    this.#peer = peer;
    const possible = universe.possible();
    this.#nodes = nodes.map((node) => universe.diagrams.and(node, possible));
  }

  list(): readonly CallerCalls[] {
    const { diagrams } = this.#universe;
    const found: CallerCalls[] = [];
    let rest = this.#beyondSingle();
    while (rest !== diagrams.never) {
      const next = tryFindCheapest(this.#universe, rest, plainAssignment(this.#universe));
      if (next === undefined) break;
      const own = this.#peer.variable.levels.map((_, index) => next.assignment[this.#peer.first + index] ?? 0);
      const calls = this.#exactly(rest, own);
      found.push({
        source: { kind: 'certificate', principal: this.#peer.variable.describe(own).text },
        peer: own,
        nodes: this.#nodes.map((node) => diagrams.and(this.#exactly(node, own), calls)),
      });
      rest = diagrams.minus(rest, calls);
    }
    return found;
  }

  /** The requests of certificates on which the versions differ, but for calls on which a single SAN shows it. */
  #beyondSingle(): Node {
    const { diagrams } = this.#universe;
    const [one = diagrams.never, other = diagrams.never] = this.#nodes;
    const differing = diagrams.minus(diagrams.xor(one, other), this.#withoutCertificate());
    const { levels } = this.#peer.variable;
    const nobody = levels.map(() => 0);
    const single = levels.flatMap((_, index) => {
      if (index === 0) return [];
      const alone = nobody.with(index, 1);
      return [diagrams.and(this.#holding(alone), this.#exactly(differing, alone))];
    });
    return diagrams.minus(differing, diagrams.some([this.#exactly(differing, nobody), ...single]));
  }

  #withoutCertificate(): Node {
    return this.#universe.diagrams.node(
      this.#peer.first,
      this.#universe.diagrams.never,
      [1],
      [this.#universe.diagrams.always],
    );
  }

  /** The calls of `node` that the certificate with these atoms makes. */
  #exactly(node: Node, atoms: readonly number[]): Node {
    const { diagrams } = this.#universe;
    return atoms.reduce((left, atom, index) => diagrams.restrict(left, this.#peer.first + index, atom), node);
  }

  /** The certificates that hold at least these. */
  #holding(atoms: readonly number[]): Node {
    const { diagrams } = this.#universe;
    return diagrams.all(
      atoms.flatMap((atom, index) =>
        atom === 1 ? [diagrams.node(this.#peer.first + index, diagrams.never, [1], [diagrams.always])] : [],
      ),
    );
  }
}
