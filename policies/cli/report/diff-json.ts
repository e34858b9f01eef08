/** A difference for programs, version 1 (`difference.schema.json`). */
import type { BudgetVerdict } from '../../analysis/compare/judge-budget.ts';
import { countedText, type DifferenceReport } from './difference.ts';

/** The whole difference, unchanged grants included. */
export function diffJson({ difference, before, after, verdict }: DifferenceReport): string {
  const { changes, weakened, paths, outside, unknown, same } = difference;
  const budget = verdict === null ? null : budgetOf(verdict);
  const json = { version: 1, before, after, changes, weakened, paths, outside, unknown, same, budget };
  return `${JSON.stringify(json, null, 2)}\n`;
}

function budgetOf({ lines, excused, idle }: BudgetVerdict) {
  return {
    exceeded: lines.some((line) => line.exceeded),
    limits: lines.map(({ limit, most, counted, exceeded }) => ({
      limit,
      most,
      got: counted.length,
      exceeded,
      counted: counted.map(countedText),
    })),
    excused: excused.map(({ what, reason }) => ({ what: countedText(what), reason })),
    idle: idle.map(({ at, reason, why }) => ({ file: at.file, line: at.line, reason, why })),
  };
}
