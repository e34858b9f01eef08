import type { ExecutionReport } from '../gen/trading/execution/v1/execution.ts';
import type { Logger } from '../runtime/index.ts';
import { batchesOf } from './batches.ts';
import type { Callees } from './callees.ts';
import type { Clock } from './clock.ts';
import type { OrderPolicy } from './policy.ts';
import { readReport } from './report.ts';
import type { ReportLease, ReportStore } from './report-store.ts';
import type { OrderWatch } from './watch.ts';

/** What the consumer works with. */
export interface ReportConsumerProps {
  readonly store: ReportStore;
  readonly execution: Pick<Callees['execution'], 'streamExecutionReports'>;
  readonly watch: OrderWatch;
  readonly clock: Clock;
  readonly policy: OrderPolicy;
  readonly log: Logger;
}

/** How a session ended: nothing could begin, the stream came to its end, or it left reports out. */
export type SessionEnd = 'heldElsewhere' | 'ended' | 'gap';

/** What one session did. */
export interface Session {
  readonly end: SessionEnd;
  /** How many reports were taken in. */
  readonly reports: bigint;
}

/**
 * Takes the journal of execution reports in, each entry once and in order, on whichever replica holds the lease.
 * Where it goes on is read from the database, where the cursor moves together with what the reports did.
 */
export class ReportConsumer {
  readonly #props: ReportConsumerProps;

  constructor(props: ReportConsumerProps) {
    this.#props = props;
  }

  /**
   * Takes the lease and reads one stream to its end. Errors: throws what broke the session (the stream, the database, a
   * lease that was lost); all of it is cured by another session.
   */
  async consume(signal: AbortSignal): Promise<Session> {
    const { store } = this.#props;
    const lease = await store.tryAcquire();
    if (lease === undefined) return { end: 'heldElsewhere', reports: 0n };
    const ending = new AbortController();
    const keeping = this.#keep(lease, ending, signal);
    try {
      return await this.#read(lease, AbortSignal.any([signal, ending.signal]));
    } finally {
      ending.abort();
      await keeping;
      await store.release(lease);
    }
  }

  async #read(acquired: ReportLease, signal: AbortSignal): Promise<Session> {
    const { execution, policy, log } = this.#props;
    let lease = acquired;
    const taken = () => lease.sequence - acquired.sequence;
    const stream = execution.streamExecutionReports({ fromSequence: lease.sequence + 1n }, { signal });
    for await (const batch of batchesOf(stream, policy.batch)) {
      const received = batch.map(({ report }) => required(report));
      const following = runAfter(lease.sequence, received);
      if (following.length > 0) lease = await this.#take(lease, following);
      const ahead = received.find(({ sequence }) => sequence > lease.sequence);
      if (ahead !== undefined) {
        log.warn(
          { expected: lease.sequence + 1n, got: ahead.sequence },
          'execution reports are missing: asked for again',
        );
        return { end: 'gap', reports: taken() };
      }
    }
    return { end: 'ended', reports: taken() };
  }

  async #take(lease: ReportLease, reports: readonly ExecutionReport[]): Promise<ReportLease> {
    const { store, watch, log } = this.#props;
    const intake = await store.take(lease, reports.map(readReport));
    for (const stored of intake.moved) watch.publish(stored);
    for (const key of intake.unknown) log.error({ key }, 'an execution report names an order that was not placed here');
    return intake.lease;
  }

  /** Renews the lease while the stream is quiet; ends the session when that fails. */
  async #keep(lease: ReportLease, ending: AbortController, signal: AbortSignal): Promise<void> {
    const { store, clock, policy, log } = this.#props;
    const over = AbortSignal.any([signal, ending.signal]);
    for (;;) {
      await clock.pause(policy.holdMs / 3, over);
      if (over.aborted) return;
      try {
        await store.renew(lease);
      } catch (thrown) {
        log.warn({ err: thrown }, 'the lease of the execution reports could not be renewed');
        ending.abort();
      }
    }
  }
}

/** The reports that follow `sequence` without a gap; those that are known already are left out. */
function runAfter(sequence: bigint, received: readonly ExecutionReport[]): readonly ExecutionReport[] {
  const run: ExecutionReport[] = [];
  for (const report of received) {
    if (report.sequence === sequence + BigInt(run.length) + 1n) run.push(report);
  }
  return run;
}

function required(report: ExecutionReport | undefined): ExecutionReport {
  if (report === undefined) throw new Error('the stream sent a message without a report');
  return report;
}
