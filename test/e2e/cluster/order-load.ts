/** A bounded load of orders through the public door, to see whether anything that happens meanwhile loses a call. */
import { setTimeout as pause } from 'node:timers/promises';
import type { PlannedOrder, Trader } from '#infra/local/demo-plan.ts';
import type { TradingApi } from '#infra/local/trading-api.ts';
import { type MintToken, TradingDesk } from '#infra/local/trading-desk.ts';

/** What the load saw. */
export interface LoadSeen {
  readonly calls: number;
  readonly seconds: number;
  readonly slowestMs: number;
  /** Every call that did not come back with 200, with the moment since the beginning. */
  readonly lost: readonly string[];
}

const workers = 4;
const pauseMs = 60;

/** Orders that rest: a buyer who bids below the market, so that nothing trades and each call is alike. */
export class OrderLoad {
  readonly #desk: TradingDesk;
  readonly #trader: Trader;
  readonly #symbol: string;
  readonly #lost: string[] = [];
  readonly #mostCalls: number;
  #calls = 0;
  #slowestMs = 0;
  #isOver = false;
  #startedAt = 0;
  #running: Promise<unknown> = Promise.resolve();

  /** `mostCalls` ends the load by itself. */
  constructor(
    api: TradingApi,
    mint: MintToken,
    { run, mostCalls }: { readonly run: string; readonly mostCalls: number },
  ) {
    this.#mostCalls = mostCalls;
    this.#symbol = run;
    this.#trader = { subject: `load-${run}`, account: `load-${run}` };
    const instruments = [{ symbol: run, referencePriceTicks: 1000, tickValueMinor: 1 }];
    this.#desk = new TradingDesk(api, mint, { run, traders: [this.#trader], instruments });
  }

  /** Lists and funds what the load trades, then begins. */
  async start(): Promise<void> {
    await this.#desk.setUp();
    this.#startedAt = performance.now();
    this.#running = Promise.all(Array.from({ length: workers }, (_, worker) => this.#work(worker)));
  }

  /** Waits until `count` further calls began, or the load has ended by itself. */
  async calls(count: number): Promise<void> {
    const enough = Math.min(this.#calls + count, this.#mostCalls);
    while (this.#calls < enough) await pause(pauseMs);
  }

  /** Ends the load and tells what it saw. */
  async stop(): Promise<LoadSeen> {
    this.#isOver = true;
    await this.#running;
    return this.seen();
  }

  /** What it saw until now. */
  seen(): LoadSeen {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    return { calls: this.#calls, seconds, slowestMs: this.#slowestMs, lost: [...this.#lost] };
  }

  async #work(worker: number): Promise<void> {
    for (let number = 0; !this.#isOver && this.#calls < this.#mostCalls; number += 1) {
      this.#calls += 1;
      const sentAt = performance.now();
      const order = this.#order(`${worker}-${number}`);
      const outcome = await this.#desk.place(order).then(
        ({ status, body }) => (status === 200 ? undefined : `${status} ${JSON.stringify(body).slice(0, 160)}`),
        (error: Error) => error.message,
      );
      const tookMs = performance.now() - sentAt;
      this.#slowestMs = Math.max(this.#slowestMs, tookMs);
      const atMs = sentAt - this.#startedAt;
      if (outcome !== undefined)
        this.#lost.push(`+${(atMs / 1000).toFixed(1)} s after ${tookMs.toFixed(0)} ms: ${outcome}`);
      await pause(pauseMs);
    }
  }

  #order(name: string): PlannedOrder {
    return {
      trader: this.#trader,
      clientOrderId: `load-${this.#symbol}-${name}`,
      instrument: { symbol: this.#symbol, referencePriceTicks: 1000, tickValueMinor: 1 },
      side: 'SIDE_BUY',
      orderType: 'ORDER_TYPE_LIMIT',
      timeInForce: 'TIME_IN_FORCE_DAY',
      quantity: 1,
      priceTicks: 990,
      twist: 'none',
    };
  }
}
