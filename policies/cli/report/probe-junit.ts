/** What probing a cluster gave, as JUnit XML: a suite a caller, a case a call. */
import { callerName, cellName } from '../live/cell.ts';
import type { Judgement } from '../live/judge.ts';
import type { ProbeReport } from '../live/probe-report.ts';
import { type JUnitSuite, junit } from './junit.ts';

/** The whole report; workloads that could not be probed are skipped cases. */
export function probeJunit(report: ProbeReport): string {
  const suites = [...Map.groupBy(report.cells, ({ cell }) => callerName(cell.caller))].map(
    ([name, cells]): JUnitSuite => ({
      name,
      cases: cells.map(({ cell, judgement }) => ({ name: cellName(cell), ...outcome(judgement) })),
    }),
  );
  const ways = report.ways.map(({ caller, way, judgement }) => ({
    name: `${caller} -> ${way.name}`,
    ...outcome(judgement),
  }));
  const chosen = report.chosen?.map(({ name, judgement }) => ({ name, ...outcome(judgement) }));
  const notProbed = report.notProbed.map(({ workload, because }) => ({ name: workload, skipped: because }));
  return junit('meshwright probe', [
    ...suites,
    ...(chosen === undefined ? [{ name: 'ways around', cases: ways }] : [{ name: 'requests', cases: chosen }]),
    { name: 'not probed', cases: notProbed },
  ]);
}

const outcome = (judgement: Judgement) =>
  judgement.kind === 'holds' ? {} : { failure: { type: judgement.kind, message: judgement.because } };
