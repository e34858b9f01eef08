/**
 * Orders under way while something breaks. Every order is sent until the platform acknowledges it, as a client would
 * that knows its order ids: the same id again, so that an order whose answer was lost must not be placed twice.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Instrument, PlannedOrder, Trader } from '#infra/local/demo-plan.ts';
import type { TradingDesk } from '#infra/local/trading-desk.ts';

/** One try of one order. */
export interface Attempt {
  readonly atMs: number;
  readonly tookMs: number;
  /** The HTTP status, null when no answer came. */
  readonly status: number | null;
  /** Shape: `ORDER_STATUS_FILLED`; null when the answer holds no order. */
  readonly state: string | null;
}

/** How orders are sent. */
export interface TrafficOptions {
  readonly desk: TradingDesk;
  readonly traders: readonly Trader[];
  readonly instrument: Instrument;
  /** Prefix of the client order ids; unique among all traffic of one market. */
  readonly name: string;
  /** Pause of each client between its orders, in milliseconds. */
  readonly everyMs: number;
}

const retryEveryMs = 200;
const quantities = 40;

/** The orders of a few clients, one at a time each. */
export class Traffic {
  /** Every try, in the order of its end. */
  readonly attempts: Attempt[] = [];
  /** Orders that the platform acknowledged (HTTP 200). */
  readonly acknowledged: PlannedOrder[] = [];
  /** Orders that no answer has settled yet, or that were refused for good. */
  readonly refused: { readonly order: PlannedOrder; readonly status: number }[] = [];
  readonly #options: TrafficOptions;
  readonly #clients: readonly Promise<void>[];
  #stopping = false;
  #count = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#clients = options.traders.map((trader, index) => this.#client(trader, index));
  }

  /** Tries begun since `sinceMs` (monotonic) that did not reach the market: no acknowledgement, or rejected. */
  failedSince(sinceMs: number): readonly Attempt[] {
    return this.attempts.filter((attempt) => attempt.atMs >= sinceMs && !passed(attempt));
  }

  /** What became of the tries since `sinceMs`, in words: `42 passed, 3 failed (2 HTTP 503, 1 no answer)`. */
  describeSince(sinceMs: number): string {
    const kinds = Object.groupBy(this.failedSince(sinceMs), ({ status, state }) => {
      if (status === null) return 'no answer';
      return status === 200 ? (state ?? 'no order') : `HTTP ${status}`;
    });
    const failed = Object.entries(kinds).map(([kind, tries = []]) => `${tries.length} ${kind}`);
    const count = this.failedSince(sinceMs).length;
    return `${this.passedSince(sinceMs)} passed, ${count} failed${count === 0 ? '' : ` (${failed.join(', ')})`}`;
  }

  /** How many tries begun since `sinceMs` (monotonic) reached the market. */
  passedSince(sinceMs: number): number {
    return this.attempts.filter((attempt) => attempt.atMs >= sinceMs && passed(attempt)).length;
  }

  /** Ends once each client's present order has its answer; an order that has none is sent until then. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
  }

  async #client(trader: Trader, index: number): Promise<void> {
    while (!this.#stopping) {
      await this.#settle(this.#next(trader, index));
      await pause(this.#options.everyMs);
    }
  }

  /**
   * Buyers and sellers meet at one price, so that most orders trade at once. Quantities go round, since the same terms
   * twice within half a second are a repetition that risk refuses.
   */
  #next(trader: Trader, index: number): PlannedOrder {
    const { instrument, name } = this.#options;
    this.#count += 1;
    return {
      trader,
      clientOrderId: `${name}-${this.#count}`,
      instrument,
      side: index % 2 === 0 ? 'SIDE_BUY' : 'SIDE_SELL',
      orderType: 'ORDER_TYPE_LIMIT',
      timeInForce: 'TIME_IN_FORCE_DAY',
      quantity: 1 + (this.#count % quantities),
      priceTicks: instrument.referencePriceTicks,
      twist: 'none',
    };
  }

  async #settle(order: PlannedOrder): Promise<void> {
    for (;;) {
      const status = await this.#try(order);
      if (status === 200) {
        this.acknowledged.push(order);
        return;
      }
      if (status !== null && status >= 400 && status < 500 && status !== 408 && status !== 429) {
        this.refused.push({ order, status });
        return;
      }
      await pause(retryEveryMs);
    }
  }

  async #try(order: PlannedOrder): Promise<number | null> {
    const atMs = performance.now();
    const answer = await this.#options.desk.place(order).catch(() => undefined);
    const status = answer?.status ?? null;
    this.attempts.push({ atMs, tookMs: performance.now() - atMs, status, state: stateIn(answer?.body) });
    return status;
  }
}

const passed = ({ status, state }: Attempt): boolean => status === 200 && state !== 'ORDER_STATUS_REJECTED';

const stateIn = (body: unknown): string | null =>
  (body as { readonly order?: { readonly status?: string } } | undefined)?.order?.status ?? null;
