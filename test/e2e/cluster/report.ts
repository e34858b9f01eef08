/** What a run saw, as JUnit and JSON, and whether it is a success. */
import { callerName, cellName } from '#policies/cli/live/cell.ts';
import { describeResult } from '#policies/cli/live/classify.ts';
import type { Judgement } from '#policies/cli/live/judge.ts';
import type { ProbedCell } from '#policies/cli/live/probe-report.ts';
import { type JUnitCase, type JUnitSuite, junit } from '#policies/cli/report/junit.ts';
import { depths } from './layers.ts';
import type { Phase } from './phases.ts';
import type { SuiteResult } from './run.ts';

const outcome = (judgement: Judgement): Pick<JUnitCase, 'failure'> =>
  judgement.kind === 'holds' ? {} : { failure: { type: judgement.kind, message: judgement.because } };

const failing = (name: string, holds: boolean, message: string): JUnitCase =>
  holds ? { name } : { name, failure: { type: 'differs', message } };

function phaseSuites({ name, cells }: Phase): readonly JUnitSuite[] {
  const byCaller = Map.groupBy(cells, ({ cell }) => callerName(cell.caller));
  return [...byCaller].map(([caller, own]) => ({
    name: `${name}: ${caller}`,
    cases: own.map(({ cell, judgement }) => ({ name: cellName(cell), ...outcome(judgement) })),
  }));
}

/** Every suite of the run. */
export function suitesOf(result: SuiteResult): readonly JUnitSuite[] {
  return [
    { name: 'the seed sentence', cases: result.seed.map(seedCase) },
    {
      name: 'who signed every certificate, for whom, for how long',
      cases: result.identities.map(({ pod, spiffeId, issuer, faults }) =>
        failing(`${pod}: ${spiffeId} by ${issuer}`, faults.length === 0, faults.join('; ')),
      ),
    },
    ...result.phases.flatMap(phaseSuites),
    {
      name: 'ways around the Services',
      cases: result.ways.map(({ caller, way, judgement }) => ({
        name: `${caller} -> ${way.name}`,
        ...outcome(judgement),
      })),
    },
    {
      name: 'no inner layer is hidden by an outer one',
      cases: result.hidden.map((name) => failing(name, false, 'no policy and no token check was seen to refuse it')),
    },
    {
      name: 'the suite turns red',
      cases: result.selfTests.map(({ name, turnedRed }) => failing(name, turnedRed, 'nobody noticed')),
    },
    {
      name: 'drift',
      cases: [
        failing(
          `a policy edited by hand is refuted and named: ${result.handEdit.object}`,
          result.handEdit.holds,
          JSON.stringify(result.handEdit),
        ),
      ],
    },
    {
      name: 'one order is one trace',
      cases: [failing(result.trace.line, result.trace.faults.length === 0, result.trace.faults.join('; '))],
    },
    {
      name: 'everything came back',
      cases: result.notRestored.map((name) => failing(name, false, 'is not as it was before the run')),
    },
    {
      name: 'not called from',
      cases: result.notProbed.map(({ workload, because }) => ({ name: workload, skipped: because })),
    },
  ];
}

function seedCase({ caller, outcome: came, layers, holds }: SuiteResult['seed'][number]): JUnitCase {
  const name = `${caller} -> SubmitTrade on execution: ${came}${layers.length === 0 ? '' : ` by ${layers.join(', ')}`}`;
  return failing(name, holds, `expected otherwise, got: ${came}`);
}

/** Failed cases of a run; none means that everything held. */
export const failuresOf = (result: SuiteResult): readonly JUnitCase[] =>
  suitesOf(result).flatMap(({ cases }) => cases.filter(({ failure }) => failure !== undefined));

/** The run as JUnit XML. */
export const suiteJunit = (result: SuiteResult): string => junit('meshwright e2e', suitesOf(result));

function cellJson({ cell, observed, judgement, result, expected }: ProbedCell): object {
  return {
    cell: cellName(cell),
    identity: cell.caller.identity,
    observed: { ...observed, answer: describeResult(result) },
    decided: expected.decided.verdict,
    stoppedBy: expected.stoppedBy,
    declared: expected.declared,
    judgement: judgement.kind,
    because: judgement.kind === 'holds' ? null : judgement.because,
  };
}

/** The run as JSON, version 1. */
export function suiteJson(result: SuiteResult): string {
  const { phases, layers, ways, ...rest } = result;
  const json = {
    version: 1,
    ...rest,
    failures: failuresOf(result).length,
    layersSeen: depths(layers),
    phases: phases.map(({ name, seconds, cells }) => ({ name, seconds, cells: cells.map(cellJson) })),
    ways: ways.map(({ caller, way, observed, judgement }) => ({
      caller,
      way: way.name,
      observed,
      judgement: judgement.kind,
    })),
    layers: layers.map(({ cell, layers: seen }) => ({ cell: cellName(cell), layers: seen })),
  };
  return `${JSON.stringify(json, null, 1)}\n`;
}
