/** A layer that protects less than before, whether or not a call is allowed for it. */

/** Which layer became weaker. */
export type WeakeningKind =
  | 'trust-domain'
  | 'path-normalization'
  | 'data-plane'
  | 'interception'
  | 'mtls-mode'
  | 'gateway-tls'
  | 'network-isolation'
  | 'network-policy'
  | 'token'
  | 'token-keys'
  | 'egress-guard'
  | 'default-deny'
  | 'external-authorization'
  | 'defence-in-depth';

/** One layer of one workload, or of the mesh, that became weaker. */
export interface Weakening {
  readonly kind: WeakeningKind;
  /** `namespace/name`; null for the mesh. */
  readonly workload: string | null;
  /** Empty where ports do not matter. */
  readonly ports: readonly (number | 'other')[];
  readonly message: string;
}

/** A weakening of a workload as a whole. */
export function weakening(kind: WeakeningKind, workload: string | null, message: string): Weakening {
  return { kind, workload, ports: [], message };
}

/** Weakenings that say the same of several ports become one. */
export function withPortsMerged(found: readonly Weakening[]): readonly Weakening[] {
  const groups = Map.groupBy(found, ({ kind, workload, message }) => JSON.stringify([kind, workload, message]));
  return [...groups.values()].flatMap((group) =>
    group.slice(0, 1).map((first) => ({ ...first, ports: group.flatMap(({ ports }) => ports) })),
  );
}

/** Names in one line, the first few of many. */
export function listed(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).map((name) => `\`${name}\``);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

const MOST_PAIRS = 1_000_000;

/** Bounds how many pairs of workloads are looked at; what is left out is told. */
export class PairBudget {
  #left = MOST_PAIRS;
  readonly #leftOut: string[] = [];

  /** True iff that many pairs may still be looked at for a workload; they then count as spent. */
  spend(pairs: number, workload: string): boolean {
    if (pairs <= this.#left) {
      this.#left -= pairs;
      return true;
    }
    this.#leftOut.push(workload);
    return false;
  }

  /** What was not looked at, in words. */
  leftOut(): readonly string[] {
    if (this.#leftOut.length === 0) return [];
    return [
      `layers lost per call: ${listed(this.#leftOut)} left out, since more than ${MOST_PAIRS} pairs of workloads differ`,
    ];
  }
}
