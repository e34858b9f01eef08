/** What `mutate` found as JUnit XML: a suite a group of operators, a case an operator, failing with what survives. */
import type { Mutation, Trial } from '../../analysis/mutate/mutation.ts';
import { type JUnitCase, type JUnitSuite, junit } from './junit.ts';
import { byGroup, survivorsOf } from './mutation.ts';

/** The whole result; an operator of which nothing was to be noticed is skipped. */
export function mutationJunit(mutation: Mutation): string {
  const survivors = new Set(survivorsOf(mutation));
  const suites = [...byGroup(mutation.trials)].map(([name, trials]): JUnitSuite => {
    const operators = Map.groupBy(trials, ({ mutant }) => mutant.operator.code);
    return { name, cases: [...operators.values()].map((own) => caseOf(own, survivors)) };
  });
  return junit('meshwright mutate', suites);
}

function caseOf(trials: readonly Trial[], survivors: ReadonlySet<Trial>): JUnitCase {
  const { code, title } = trials[0]?.mutant.operator ?? { code: '', title: '' };
  const name = `${code} ${title}: ${trials.length} ${trials.length === 1 ? 'mutant' : 'mutants'}`;
  const left = trials.filter((trial) => survivors.has(trial));
  if (left.length > 0) {
    const isUndecided = left.every(({ fate }) => fate.kind === 'unknown');
    return {
      name,
      failure: { type: isUndecided ? 'unknown' : 'survived', message: left.map(survivorText).join('\n') },
    };
  }
  return trials.some(({ verify }) => verify !== null) ? { name } : { name, skipped: becauseOf(trials) };
}

function survivorText({ mutant, fate, witness }: Trial): string {
  const { id, object, at, what } = mutant;
  const place = `${id} ${object} (${at.file}:${at.line}): ${what}`;
  if (witness !== null)
    return `${place}; original ${witness.original.verdict}, mutant ${witness.mutant.verdict}; request ${JSON.stringify(witness.request)}`;
  if (fate.kind === 'hidden') return `${place}; changes ${fate.layers.join(', ')}; no request shows it`;
  return fate.kind === 'unknown' ? `${place}; not decided: ${fate.because}` : place;
}

/** Why there was nothing to notice. */
function becauseOf(trials: readonly Trial[]): string {
  const fates = Map.groupBy(trials, ({ fate }) => fate.kind);
  return [...fates].map(([kind, own]) => `${own.length} ${FATES[kind]}`).join(', ');
}

const FATES: Readonly<Record<Trial['fate']['kind'], string>> = {
  rejected: 'refused at admission',
  equivalent: 'proven equivalent',
  different: 'different',
  hidden: 'hidden',
  unknown: 'not decided',
};
