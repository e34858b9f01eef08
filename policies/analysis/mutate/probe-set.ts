/** The smallest set of requests that tells every mutant from the original, by greedy choice. */
import type { Witness } from './witness.ts';

/** Chosen requests with what each kills that none before it did. */
export interface ProbeSet {
  readonly probes: readonly Witness[];
  /** Mutants that some request separates and no chosen one does. */
  readonly missed: ReadonlySet<number>;
}

/** Chooses among witnesses, at most `limit`; the one that kills most of the rest comes first. */
export function chooseProbes(witnesses: readonly Witness[], limit: number): ProbeSet {
  const usable = witnesses.filter(({ isDeployable }) => isDeployable);
  const rest = new Set(usable.flatMap(({ kills }) => [...kills]));
  const chosen: Witness[] = [];
  while (rest.size > 0) {
    const best = bestOf(usable, rest);
    if (best === undefined) break;
    chosen.push(best);
    for (const mutant of best.kills) rest.delete(mutant);
  }
  const probes = withoutNeedless(chosen).slice(0, limit);
  const killed = new Set(probes.flatMap(({ kills }) => [...kills]));
  const missed = usable.flatMap(({ kills }) => [...kills]).filter((mutant) => !killed.has(mutant));
  return { probes, missed: new Set(missed) };
}

function bestOf(witnesses: readonly Witness[], rest: ReadonlySet<number>): Witness | undefined {
  let best: Witness | undefined;
  let most = 0;
  for (const witness of witnesses) {
    let count = 0;
    for (const mutant of witness.kills) if (rest.has(mutant)) count += 1;
    if (count > most) [best, most] = [witness, count];
  }
  return best;
}

/** Drops what later choices made needless, the weakest first. */
function withoutNeedless(chosen: readonly Witness[]): readonly Witness[] {
  const times = new Map<number, number>();
  for (const { kills } of chosen) for (const mutant of kills) times.set(mutant, (times.get(mutant) ?? 0) + 1);
  const needless = new Set<Witness>();
  for (const witness of chosen.toReversed()) {
    if ([...witness.kills].some((mutant) => times.get(mutant) === 1)) continue;
    needless.add(witness);
    for (const mutant of witness.kills) times.set(mutant, (times.get(mutant) ?? 0) - 1);
  }
  return chosen.filter((witness) => !needless.has(witness));
}
