/** The smallest set of requests that tells every mutant from the original, by greedy choice. */
import type { Witness } from './witness.ts';

/**
 * A few of the witnesses that kill as much as all of them, none of them needless, each where it adds most to those
 * before it: the first `n` are the best set of that size that greed finds. What takes more than the pods of the
 * manifests comes last, and only for mutants that nothing else kills.
 */
export function chooseProbes(witnesses: readonly Witness[]): readonly Witness[] {
  const chosen: Witness[] = [];
  const killed = new Set<number>();
  for (const takes of ['ownPods', 'stranger', 'madeCertificate'] as const) {
    const left = witnesses
      .filter((witness) => witness.takes === takes)
      .map((witness) => ({ witness, kills: new Set([...witness.kills].filter((mutant) => !killed.has(mutant))) }));
    for (const { witness, kills } of byGain(withoutNeedless(byGain(left)))) {
      chosen.push(witness);
      for (const mutant of kills) killed.add(mutant);
    }
  }
  return chosen;
}

interface Candidate {
  readonly witness: Witness;
  /** The mutants that nothing simpler kills. */
  readonly kills: ReadonlySet<number>;
}

function byGain(witnesses: readonly Candidate[]): readonly Candidate[] {
  const rest = new Set(witnesses.flatMap(({ kills }) => [...kills]));
  const ordered: Candidate[] = [];
  for (let best = bestOf(witnesses, rest); best !== undefined; best = bestOf(witnesses, rest)) {
    ordered.push(best);
    for (const mutant of best.kills) rest.delete(mutant);
  }
  return ordered;
}

function bestOf(witnesses: readonly Candidate[], rest: ReadonlySet<number>): Candidate | undefined {
  let best: Candidate | undefined;
  let most = 0;
  for (const witness of witnesses) {
    let count = 0;
    for (const mutant of witness.kills) if (rest.has(mutant)) count += 1;
    if (count > most) [best, most] = [witness, count];
  }
  return best;
}

/** Drops what later choices made needless, the weakest first. */
function withoutNeedless(chosen: readonly Candidate[]): readonly Candidate[] {
  const times = new Map<number, number>();
  for (const { kills } of chosen) for (const mutant of kills) times.set(mutant, (times.get(mutant) ?? 0) + 1);
  const needless = new Set<Candidate>();
  for (const witness of chosen.toReversed()) {
    if ([...witness.kills].some((mutant) => times.get(mutant) === 1)) continue;
    needless.add(witness);
    for (const mutant of witness.kills) times.set(mutant, (times.get(mutant) ?? 0) - 1);
  }
  return chosen.filter((witness) => !needless.has(witness));
}
