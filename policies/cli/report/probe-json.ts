/** What probing a cluster gave, as JSON, version 1 (`probe.schema.json`). */
import { callerName } from '../live/cell.ts';
import { describeResult } from '../live/classify.ts';
import {
  judgementsOf,
  type ProbedCell,
  type ProbedRequest,
  type ProbedWay,
  type ProbeReport,
} from '../live/probe-report.ts';

/** The whole report, ending with a line break. */
export function probeJson(report: ProbeReport): string {
  const judgements = judgementsOf(report);
  const count = (kind: string) => judgements.filter((each) => each.kind === kind).length;
  const json = {
    version: 1,
    context: report.context,
    startedAt: report.startedAt,
    seconds: report.seconds,
    intentChecked: report.intentChecked,
    counts: { holds: count('holds'), differs: count('differs'), undecided: count('undecided') },
    cells: report.cells.map(cellJson),
    ways: report.ways.map(wayJson),
    ...(report.chosen === undefined ? {} : { requests: report.chosen.map(requestJson) }),
    notProbed: report.notProbed,
    leftOut: report.leftOut,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

const because = ({ judgement }: Pick<ProbedCell, 'judgement'>): string | null =>
  judgement.kind === 'holds' ? null : judgement.because;

function cellJson(probed: ProbedCell): object {
  const { cell, observed, expected, judgement, result } = probed;
  const { namespace, workload, port, host, servicePort, protocol, http } = cell.target;
  return {
    caller: callerName(cell.caller),
    identity: cell.caller.identity,
    target: { namespace, workload, port, host, servicePort, protocol, http },
    token: cell.target.user === null ? null : cell.token,
    observed: { ...observed, answer: describeResult(result) },
    decided: { verdict: expected.decided.verdict, layer: expected.decided.layer, policy: expected.decided.policy },
    stoppedBy: expected.stoppedBy,
    declared: expected.declared,
    judgement: judgement.kind,
    because: because(probed),
  };
}

function requestJson(probed: ProbedRequest): object {
  const { id, caller, request, observed, expected, judgement, result } = probed;
  return {
    id,
    caller,
    request,
    observed: { ...observed, answer: describeResult(result) },
    decided: { verdict: expected.decided.verdict, layer: expected.decided.layer, policy: expected.decided.policy },
    stoppedBy: expected.stoppedBy,
    expected: expected.declared === null ? null : expected.declared ? 'allow' : 'deny',
    judgement: judgement.kind,
    because: because(probed),
  };
}

function wayJson(probed: ProbedWay): object {
  const { caller, way, observed, judgement, result } = probed;
  return {
    caller,
    way: way.name,
    kind: way.kind,
    observed: { ...observed, answer: describeResult(result) },
    judgement: judgement.kind,
    because: because(probed),
  };
}
