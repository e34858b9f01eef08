/** A difference held against a budget, as JUnit XML: a test case for each limit. */
import type { BudgetLine } from '../../analysis/compare/judge-budget.ts';
import { countedText, type DifferenceReport, limitText } from './difference.ts';
import { type JUnitCase, junit } from './junit.ts';

/** One suite; what could not be decided fails. Without a budget there is nothing to fail but that. */
export function diffJunit({ difference, verdict }: DifferenceReport): string {
  const undecided: JUnitCase = {
    name: 'every port is decided',
    ...(difference.unknown.length === 0
      ? {}
      : { failure: { type: 'unknown', message: difference.unknown.join('\n') } }),
  };
  return junit('meshwright diff', [
    { name: 'diff', cases: [undecided, ...(verdict === null ? [] : verdict.lines.map(caseOf))] },
  ]);
}

function caseOf(line: BudgetLine): JUnitCase {
  const name = `budget: ${line.limit}`;
  if (!line.exceeded) return { name };
  const message = [limitText(line), ...line.counted.map(countedText)].join('\n');
  return { name, failure: { type: 'exceeded', message } };
}
