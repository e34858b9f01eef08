/** The result of probing a cluster: what every report is written from. */

import type { ProbeResult } from '../../probe/protocol.ts';
import type { BoundaryWay } from './boundary.ts';
import type { Cell } from './cell.ts';
import type { Classified } from './classify.ts';
import type { Expectation } from './expectation.ts';
import type { Judgement } from './judge.ts';

/** One probed cell. */
export interface ProbedCell {
  readonly cell: Cell;
  readonly result: ProbeResult;
  readonly observed: Classified;
  readonly expected: Expectation;
  readonly judgement: Judgement;
}

/** One probed way around the Services. */
export interface ProbedWay {
  /** Shape: `trading/risk`. */
  readonly caller: string;
  readonly way: BoundaryWay;
  readonly result: ProbeResult;
  readonly observed: Classified;
  readonly judgement: Judgement;
}

/** One request of a file that was sent. */
export interface ProbedRequest {
  /** Shape: `probe-7: trading/risk -> trading/execution:50053 POST /…/SubmitTrade`. */
  readonly name: string;
  readonly id: string;
  /** Shape: `trading/risk`. */
  readonly caller: string;
  /** The request as the pod sent it, in the format of `meshwright decide`. */
  readonly request: object;
  readonly result: ProbeResult;
  readonly observed: Classified;
  readonly expected: Expectation;
  readonly judgement: Judgement;
}

/** Everything that was seen of one cluster. */
export interface ProbeReport {
  readonly context: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly intentChecked: boolean;
  readonly cells: readonly ProbedCell[];
  readonly ways: readonly ProbedWay[];
  /** The requests of a file, where one was given. @default - none */
  readonly chosen?: readonly ProbedRequest[];
  /** Workloads that could not be called from, with the reason. */
  readonly notProbed: readonly { readonly workload: string; readonly because: string }[];
  /** Namespaces that take no part in the mesh. */
  readonly leftOut: readonly string[];
}

/** Every judgement of a report. */
export const judgementsOf = ({ cells, ways, chosen = [] }: ProbeReport): readonly Judgement[] =>
  [...cells, ...ways, ...chosen].map(({ judgement }) => judgement);
