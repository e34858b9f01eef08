/** Plays the demo's plan against the platform's HTTP API and checks afterwards that nothing was lost, doubled or made up. */

import { instruments, type PlannedOrder, traders } from './demo-plan.ts';
import type { TradingApi } from './trading-api.ts';
import { deskWorkers, type MintToken, orderIn, TradingDesk } from './trading-desk.ts';

/** What the session did, in orders. */
export interface SessionFigures {
  readonly placed: number;
  readonly filled: number;
  readonly resting: number;
  readonly canceled: number;
  readonly refusedByRisk: number;
  readonly duplicates: number;
  readonly elapsedMs: number;
  /** The orders that traded at once, newest first, each with the trace that the client began. */
  readonly tracedOrders: readonly { readonly traceId: string; readonly clientOrderId: string }[];
}

/** A session of one platform: set-up by an operator, orders by traders, the final check. */
export class DemoSession {
  private readonly desk: TradingDesk;
  private plan: readonly PlannedOrder[] = [];

  constructor(api: TradingApi, mint: MintToken, seed: number) {
    this.desk = new TradingDesk(api, mint, { run: String(seed), traders, instruments });
  }

  /** Lists the instruments, sets their limits and funds the accounts. */
  setUp(): Promise<void> {
    return this.desk.setUp();
  }

  /** Sends every order of the plan, a bounded number at a time, and reports progress after each. */
  async trade(plan: readonly PlannedOrder[], progress: (done: number) => void): Promise<SessionFigures> {
    this.plan = plan;
    const startedAt = performance.now();
    const queue = plan.values();
    let done = 0;
    let duplicates = 0;
    const tracedOrders: { traceId: string; clientOrderId: string }[] = [];
    const work = async () => {
      for (const planned of queue) {
        const answer = await this.desk.place(planned);
        const order = orderIn(answer, `placing ${planned.clientOrderId}`);
        if (order.status === 'ORDER_STATUS_FILLED')
          tracedOrders.unshift({ traceId: answer.traceId, clientOrderId: planned.clientOrderId });
        if (planned.twist === 'duplicate') duplicates += await this.duplicate(planned);
        if (planned.twist === 'cancel') await this.desk.cancel(planned);
        if (planned.twist === 'refused' && order.status !== 'ORDER_STATUS_REJECTED')
          throw new Error(`${planned.clientOrderId}: expected risk to refuse it, got ${order.status}`);
        done += 1;
        progress(done);
      }
    };
    await Promise.all(Array.from({ length: deskWorkers }, work));
    if (tracedOrders.length === 0) throw new Error('no order of the session traded at once');
    const elapsedMs = performance.now() - startedAt;
    return { ...(await this.countByStatus()), placed: plan.length, duplicates, elapsedMs, tracedOrders };
  }

  /** Waits until settlement has caught up with the fills; resolves to what is still out of balance at the deadline. */
  settle(): Promise<readonly string[]> {
    return this.desk.settle(this.plan);
  }

  private async duplicate(planned: PlannedOrder): Promise<number> {
    orderIn(await this.desk.place(planned), `repeating ${planned.clientOrderId}`);
    const other = await this.desk.place({ ...planned, quantity: planned.quantity + 1 });
    if (other.status !== 409)
      throw new Error(`${planned.clientOrderId} with other terms: expected HTTP 409, got ${other.status}`);
    return 1;
  }

  private async countByStatus(): Promise<Pick<SessionFigures, 'filled' | 'resting' | 'canceled' | 'refusedByRisk'>> {
    const finals = await this.desk.readAll(this.plan);
    const count = (...statuses: readonly string[]) =>
      [...finals.values()].filter(({ status }) => statuses.includes(status)).length;
    return {
      filled: count('ORDER_STATUS_FILLED'),
      resting: count('ORDER_STATUS_NEW', 'ORDER_STATUS_PARTIALLY_FILLED'),
      canceled: count('ORDER_STATUS_CANCELED', 'ORDER_STATUS_EXPIRED'),
      refusedByRisk: count('ORDER_STATUS_REJECTED'),
    };
  }
}
