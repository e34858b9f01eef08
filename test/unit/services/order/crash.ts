import type { Callees } from '#services/order/callees.ts';
import type { Database, Transaction } from '#services/runtime/index.ts';

/** The process is gone. */
class Crash extends Error {}

/** Counts the steps of one process, and ends it at the step `at`: from there on nothing of it does anything any more. */
export class CrashPoint {
  readonly #at: number;
  steps = 0;

  constructor(at: number) {
    this.#at = at;
  }

  get hasCrashed(): boolean {
    return this.steps >= this.#at;
  }

  /** Runs one step, or throws instead. A crash while the step is under way loses its outcome. */
  async run<T>(step: () => Promise<T>): Promise<T> {
    this.tick();
    const outcome = await step();
    this.check();
    return outcome;
  }

  tick(): void {
    this.check();
    this.steps += 1;
    this.check();
  }

  check(): void {
    if (this.hasCrashed) throw new Crash(`at step ${this.steps}`);
  }
}

/** The database as a process sees it that may crash before every statement, and before and after every commit. */
export function crashingDatabase(database: Database, crash: CrashPoint): Database {
  const crashing = (tx: Transaction): Transaction => ({
    query: (sql, values) => crash.run(() => tx.query(sql, values)),
  });
  return {
    ...crashing(database),
    transaction: (body, options) =>
      crash.run(() =>
        database.transaction(async (tx) => {
          const outcome = await body(crashing(tx));
          crash.tick();
          return outcome;
        }, options),
      ),
  };
}

/** The callees as a process sees them that may crash before every call, and before it has read the answer. */
export function crashingCallees({ risk, execution, portfolio }: Callees, crash: CrashPoint): Callees {
  const unary =
    <Q, O, R>(method: (request: Q, options?: O) => Promise<R>) =>
    (request: Q, options?: O) =>
      crash.run(() => method(request, options));
  return {
    risk: { reserve: unary(risk.reserve), adjustReservation: unary(risk.adjustReservation) },
    execution: {
      submitTrade: unary(execution.submitTrade),
      cancelTrade: unary(execution.cancelTrade),
      async *streamExecutionReports(request, options) {
        crash.tick();
        for await (const message of execution.streamExecutionReports(request, options)) {
          crash.tick();
          yield message;
        }
      },
    },
    portfolio: { settleTrade: unary(portfolio.settleTrade) },
  };
}
