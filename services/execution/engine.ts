import type { CallContext, Logger, TraceContext } from '../runtime/index.ts';
import { type Clock, tradingDay } from './clock.ts';
import type {
  ActionAnswer,
  CancelAnswer,
  CancelRequest,
  Market,
  RecordedAction,
  Report,
  SubmitAnswer,
} from './market.ts';
import { type OrderTerms, orderKey } from './order.ts';
import { type QuotePublisher, topOfBook } from './quote-publisher.ts';
import { type FeedBounds, type FeedReader, ReportFeed } from './report-feed.ts';
import { Fenced, type JournalStore, type Lease } from './store.ts';
import { type Command, notTheWriter, Writer } from './writer.ts';

/** What an engine is made of. */
export interface EngineProps {
  readonly store: JournalStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly publisher: QuotePublisher;
  /** The name under which this instance holds the lease; unique to it. */
  readonly holder: string;
  /** Told each time that this instance becomes the writer or ceases to be. */
  readonly servingChanged: (isServing: boolean) => void;
  readonly feedBounds: FeedBounds;
}

/** A dead writer is replaced after at most this time plus one retry: milliseconds. */
const leaseMs = 3000;
const renewMs = 1000;
const retryMs = 250;
/** Tops of books are told again this often, in renewals, so that a market-data that has started anew learns them. */
const renewalsPerRefresh = 5;

/** One instance of the market: waits until it may write, rebuilds the books from the journal, then serves until it is replaced. */
export class Engine {
  readonly #props: EngineProps;
  readonly #feed: ReportFeed;
  #writer: Writer | undefined;
  /** The traces of the orders that are being submitted, by order. */
  readonly #traces = new Map<string, TraceContext>();

  constructor(props: EngineProps) {
    this.#props = props;
    this.#feed = new ReportFeed((from) => props.store.reports(from), props.feedBounds);
  }

  /** Resolves when the journal holds the order and everything that its arrival caused. Errors: UNAVAILABLE. */
  async submit(terms: OrderTerms, { signal, trace }: Pick<CallContext, 'signal' | 'trace'>): Promise<SubmitAnswer> {
    const key = orderKey(terms);
    if (trace !== undefined) this.#traces.set(key, trace);
    try {
      return await this.#run({ keys: { orders: [terms] }, apply: (draft) => draft.submit(terms), signal });
    } finally {
      this.#traces.delete(key);
    }
  }

  /** Resolves when the journal holds the answer. Errors: UNAVAILABLE. */
  cancel(request: CancelRequest, signal: AbortSignal): Promise<CancelAnswer> {
    const keys = { orders: [request], cancels: [request] };
    return this.#run({ keys, apply: (draft) => draft.cancel(request), signal });
  }

  /** Resolves when the journal holds the action. Errors: UNAVAILABLE. */
  act(action: RecordedAction, signal: AbortSignal): Promise<ActionAnswer> {
    return this.#run({ keys: { actions: [action.requestId] }, apply: (draft) => draft.act(action), signal });
  }

  /** The journal from a sequence on. Errors: see `ReportFeed.read`. */
  reports(from: bigint, reader: FeedReader): AsyncIterable<Report> {
    return this.#feed.read(from, reader);
  }

  /** Serves whenever it may, until `stopping` aborts; then gives the lease back. Never rejects. */
  async live(stopping: AbortSignal): Promise<void> {
    const { log, clock } = this.#props;
    while (!stopping.aborted) {
      try {
        await this.#serveOnce(stopping);
      } catch (thrown) {
        log.warn({ err: thrown }, 'not the writer');
      }
      await clock.pause(retryMs, stopping);
    }
  }

  #run<T>(command: Command<T>): Promise<T> {
    return this.#writer?.run(command) ?? Promise.reject(notTheWriter());
  }

  async #serveOnce(stopping: AbortSignal): Promise<void> {
    const { store, log, holder } = this.#props;
    const lease = await store.acquire(holder, leaseMs);
    if (lease === undefined) return;
    const term = new AbortController();
    const over = AbortSignal.any([term.signal, stopping]);
    const renewing = this.#renew(lease, over);
    try {
      const market = await Promise.race([store.rebuild(lease), renewing]);
      // The lease may be renewed to its end only by a stop: then there is nothing to serve any more.
      if (market === undefined) return;
      log.info({ token: String(lease.token), sequence: String(market.sequence) }, 'the journal is replayed');
      await this.#serve(lease, market, renewing);
    } finally {
      term.abort();
      await renewing.catch(() => {});
      if (stopping.aborted) await store.release(lease.token);
    }
  }

  async #serve({ token }: Lease, market: Market, renewing: Promise<void>): Promise<void> {
    const { store, clock, servingChanged } = this.#props;
    const committed = (next: Market, reports: readonly Report[]) => this.#announce(next, reports);
    const writer = new Writer({ store, token, market, clock, committed });
    this.#feed.open(market.sequence);
    try {
      await this.#beginDay(writer);
      this.#writer = writer;
      this.#announceAll(writer.market);
      servingChanged(true);
      const reason = await Promise.race([writer.ended, renewing]);
      if (reason !== undefined) throw reason;
    } finally {
      servingChanged(false);
      this.#writer = undefined;
      writer.end(undefined);
      this.#feed.close();
    }
  }

  /** Keeps the lease until `over` aborts. Errors: throws `Fenced` when another writer has taken over, and what the database throws. */
  async #renew({ token }: Lease, over: AbortSignal): Promise<void> {
    const { store, clock } = this.#props;
    for (let renewal = 1; ; renewal += 1) {
      await clock.pause(renewMs, over);
      if (over.aborted) return;
      if (!(await store.renew(token, leaseMs))) throw new Fenced();
      const writer = this.#writer;
      if (writer === undefined) continue;
      await this.#beginDay(writer);
      if (renewal % renewalsPerRefresh === 0) this.#announceAll(writer.market);
    }
  }

  async #beginDay(writer: Writer): Promise<void> {
    const day = tradingDay(this.#props.clock.nowUnixUs());
    if (day > writer.market.day) await writer.run({ keys: {}, apply: (draft) => draft.beginDay(day) });
  }

  #announce(market: Market, reports: readonly Report[]): void {
    this.#feed.append(reports);
    const causes = new Map<string, TraceContext | undefined>();
    for (const { symbol, outcome } of reports) causes.set(symbol, this.#traces.get(orderKey(outcome.order.terms)));
    for (const [symbol, trace] of causes) this.#offer(market, symbol, trace);
  }

  #announceAll(market: Market): void {
    for (const symbol of market.instruments.keys()) this.#offer(market, symbol);
  }

  #offer(market: Market, symbol: string, trace?: TraceContext): void {
    const top = topOfBook(market, symbol);
    if (top !== undefined) this.#props.publisher.offer(trace === undefined ? top : { ...top, trace });
  }
}
