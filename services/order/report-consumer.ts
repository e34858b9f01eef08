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

/**
 * How a session ended: nothing could begin, the stream came to its end, it left reports out (`gap`), or it stayed silent
 * although the market has told of a report (`stalled`).
 */
type SessionEnd = 'heldElsewhere' | 'ended' | 'gap' | 'stalled';

/** What one session did. */
export interface Session {
  readonly end: SessionEnd;
  /** How many reports were taken in. */
  readonly reports: bigint;
}

/** A session that is going on: where it stands, and how to end it. */
interface OpenSession {
  lease: ReportLease;
  end: SessionEnd;
  readonly ending: AbortController;
  readonly over: AbortSignal;
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
    const over = AbortSignal.any([signal, ending.signal]);
    const session: OpenSession = { lease, end: 'ended', ending, over };
    const keeping = this.#keep(session);
    try {
      await this.#read(session);
    } catch (thrown) {
      if (session.end !== 'stalled') throw thrown;
    } finally {
      ending.abort();
      await keeping;
      await store.release(lease);
    }
    return { end: session.end, reports: session.lease.sequence - lease.sequence };
  }

  async #read(session: OpenSession): Promise<void> {
    const { execution, policy, log } = this.#props;
    const fromSequence = session.lease.sequence + 1n;
    const stream = execution.streamExecutionReports({ fromSequence }, { signal: session.over });
    for await (const batch of batchesOf(stream, policy.batch)) {
      const received = batch.map(({ report }) => required(report));
      const following = runAfter(session.lease.sequence, received);
      if (following.length > 0) session.lease = await this.#take(session.lease, following);
      const expected = session.lease.sequence + 1n;
      const ahead = received.find(({ sequence }) => sequence > expected);
      if (ahead === undefined) continue;
      log.warn({ expected, got: ahead.sequence }, 'execution reports are missing: asked for again');
      session.end = 'gap';
      return;
    }
  }

  async #take(lease: ReportLease, reports: readonly ExecutionReport[]): Promise<ReportLease> {
    const { store, watch, log } = this.#props;
    const intake = await store.take(lease, reports.map(readReport));
    for (const stored of intake.moved) watch.publish(stored);
    for (const key of intake.unknown) log.error({ key }, 'an execution report names an order that was not placed here');
    return intake.lease;
  }

  /** Renews the lease while the stream is quiet; ends the session when that fails, or when it is quiet for no reason. */
  async #keep(session: OpenSession): Promise<void> {
    const { store, clock, policy, log } = this.#props;
    for (;;) {
      const before = session.lease.sequence;
      await clock.pause(policy.holdMs / 3, session.over);
      if (session.over.aborted) return;
      try {
        const awaited = await store.renew(session.lease);
        if (awaited <= before || session.lease.sequence > before) continue;
        log.warn({ awaited, taken: before }, 'the stream of execution reports has stalled: asked for again');
        session.end = 'stalled';
      } catch (thrown) {
        log.warn({ err: thrown }, 'the lease of the execution reports could not be renewed');
      }
      session.ending.abort();
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
