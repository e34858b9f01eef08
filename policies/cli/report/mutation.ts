/** What every report of `mutate` counts alike. */
import type { Mutation, Trial } from '../../analysis/mutate/mutation.ts';

/** The counts of a run. */
export interface MutationScore {
  readonly mutants: number;
  readonly rejected: number;
  readonly equivalent: number;
  readonly unknown: number;
  /** Different, hidden or unknown: what should be noticed. */
  readonly live: number;
  readonly killedByVerify: number;
  /** Of those that some request shows. */
  readonly different: number;
  readonly killedByProbes: number;
  /** By the first three probes a grant; null without grants. */
  readonly killedByThreeAGrant: number | null;
}

/** Counts trials. */
export function scoreOf({ trials, grants }: Pick<Mutation, 'trials' | 'grants'>): MutationScore {
  const of = (...kinds: readonly Trial['fate']['kind'][]) => trials.filter(({ fate }) => kinds.includes(fate.kind));
  const live = of('different', 'hidden', 'unknown');
  const different = of('different');
  return {
    mutants: trials.length,
    rejected: of('rejected').length,
    equivalent: of('equivalent').length,
    unknown: of('unknown').length,
    live: live.length,
    killedByVerify: live.filter(({ verify }) => verify !== null).length,
    different: different.length,
    killedByProbes: different.filter(({ probe }) => probe !== null).length,
    killedByThreeAGrant:
      grants === null ? null : different.filter(({ probe }) => probe !== null && probe <= 3 * grants).length,
  };
}

const GROUPS: Readonly<Record<string, string>> = {
  S: 'structure',
  A: 'attachment',
  I: 'source',
  O: 'operation',
  C: 'condition',
  P: 'transport',
  K: 'Kubernetes',
  p: 'pairs',
};

/** Trials by what their operators change: structure, attachment, source and so on. */
export function byGroup(trials: readonly Trial[]): ReadonlyMap<string, readonly Trial[]> {
  return Map.groupBy(trials, ({ mutant: { operator } }) => {
    const letter = operator.code[0] ?? '';
    return GROUPS[letter] ?? letter;
  });
}

/** The mutants that should be noticed by `verify` and are not. */
export function survivorsOf({ trials }: Mutation): readonly Trial[] {
  return trials.filter(({ fate, verify }) => ['different', 'hidden', 'unknown'].includes(fate.kind) && verify === null);
}

/** The probe set as JSON Lines: requests of `meshwright decide`, each with the verdict that is expected. */
export function probeLines({ probes }: Mutation): string {
  return probes.map(({ request, expected }) => `${JSON.stringify({ ...request, expected })}\n`).join('');
}
