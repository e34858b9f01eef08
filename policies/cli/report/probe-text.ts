/** What probing a cluster gave, for a person. */
import { callerName, cellName } from '../live/cell.ts';
import { describeResult } from '../live/classify.ts';
import { judgementsOf, type ProbedCell, type ProbeReport } from '../live/probe-report.ts';

const shown = 20;
const namesShown = 3;

/** A line a caller, then everything that does not hold, what could not be probed, and the counts. */
export function probeText(report: ProbeReport): string {
  const byCaller = Map.groupBy(report.cells, ({ cell }) => callerName(cell.caller));
  const width = Math.max(0, ...[...byCaller.keys()].map((name) => name.length));
  const open = openLines(report);
  return [
    ...[...byCaller].map(([name, cells]) => `${name.padEnd(width)}  ${tally(cells)}`),
    ...wayLines(report),
    ...chosenLines(report),
    ...open.slice(0, shown),
    ...(open.length > shown ? [`and ${open.length - shown} more (--format json shows all)`] : []),
    ...notProbedLines(report),
    ...(report.leftOut.length === 0 ? [] : [`outside the mesh, not looked at: ${report.leftOut.join(', ')}`]),
    countLine(report),
    '',
  ].join('\n');
}

function tally(cells: readonly Pick<ProbedCell, 'observed'>[]): string {
  const counts = Map.groupBy(cells, ({ observed }) => observed.cause);
  const parts = [...counts]
    .toSorted(([, left], [, right]) => right.length - left.length)
    .map(([cause, own]) => `${cause === 'application' ? 'reached' : cause} ${own.length}`);
  return `${cells.length} calls: ${parts.join(', ')}`;
}

function wayLines({ ways }: ProbeReport): readonly string[] {
  return [...Map.groupBy(ways, ({ way }) => way.kind)].map(([kind, own]) => {
    const causes = [...Map.groupBy(own, ({ observed }) => observed.cause)].map(
      ([cause, same]) => `${cause === 'application' ? 'reached' : cause} ${same.length}`,
    );
    return `${kind}: ${own.length} ways tried: ${causes.join(', ')}`;
  });
}

function chosenLines({ chosen = [] }: ProbeReport): readonly string[] {
  return [...Map.groupBy(chosen, ({ caller }) => caller)].map(([caller, own]) => `${caller}  ${tally(own)}`);
}

/** A line a reason, since one pod that is missing keeps many requests from being made. */
function notProbedLines({ notProbed }: ProbeReport): readonly string[] {
  return [...Map.groupBy(notProbed, ({ because }) => because)].map(([because, own]) => {
    const names = own.slice(0, namesShown).map(({ workload }) => workload);
    const rest = own.length > namesShown ? ` and ${own.length - namesShown} more` : '';
    return `not probed: ${names.join(', ')}${rest}: ${because}`;
  });
}

function openLines({ cells, ways, chosen = [] }: ProbeReport): readonly string[] {
  const lines = [
    ...cells.map(({ cell, judgement, result }) => ({ name: cellName(cell), judgement, result })),
    ...ways.map(({ caller, way, judgement, result }) => ({ name: `${caller} -> ${way.name}`, judgement, result })),
    ...chosen,
  ];
  return lines.flatMap(({ name, judgement, result }) =>
    judgement.kind === 'holds'
      ? []
      : [`${judgement.kind.padEnd(9)} ${name}`, `  ${judgement.because}`, `  answer: ${describeResult(result)}`],
  );
}

function countLine(report: ProbeReport): string {
  const judgements = judgementsOf(report);
  const count = (kind: string) => judgements.filter((each) => each.kind === kind).length;
  const besides = report.chosen !== undefined ? ' and the file' : report.intentChecked ? ' and the intent' : '';
  const against = `the cluster's objects${besides === '' ? ' (no intent given)' : besides}`;
  return `${judgements.length} probes against ${against}: ${count('holds')} hold, ${count('differs')} differ, ${count('undecided')} undecided (${report.seconds.toFixed(1)} s)`;
}
