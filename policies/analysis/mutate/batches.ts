/** Which mutants share a universe: as many as the automaton of peers can take at once. */
import { type Formula, testsOf } from '../symbolic/formula.ts';
import { keyOf } from '../symbolic/variable.ts';

/** A dozen take a second or two where a rule names eight callers, two dozen a minute. */
const MOST_PATTERNS = 12;

/** Cuts a list of mutants where peer patterns that need an automaton would be too many: its states multiply. */
export function batchesOf(
  mutants: readonly number[],
  allowed: (mutant: number) => Formula,
): readonly (readonly number[])[] {
  const batches: number[][] = [];
  let patterns = new Set<string>();
  for (const mutant of mutants) {
    const own = automatonPatterns(allowed(mutant));
    const more = new Set([...patterns, ...own]);
    const last = batches.at(-1);
    if (last !== undefined && more.size <= MOST_PATTERNS) {
      last.push(mutant);
      patterns = more;
    } else {
      batches.push([mutant]);
      patterns = new Set(own);
    }
  }
  return batches;
}

/** The peer patterns that are neither an identity nor the beginning of one. */
function automatonPatterns(allowed: Formula): readonly string[] {
  const patterns = testsOf([allowed]).flatMap((test) =>
    test.on === 'peer' ? [test.pattern] : test.on === 'peers' ? test.patterns : [],
  );
  return patterns.filter(({ kind }) => kind !== 'principal' && kind !== 'anyTrustDomain').map(keyOf);
}
