import type { Logger, TraceContext } from '../runtime/index.ts';
import { topOf } from './book.ts';
import type { Clock } from './clock.ts';
import type { Market } from './market.ts';

/** The top of one book and its last trade. A side without orders has quantity 0 and price 0, and so has an instrument without trades. */
export interface TopOfBook {
  readonly symbol: string;
  readonly instrumentSequence: bigint;
  readonly bid: PriceAndQuantity;
  readonly ask: PriceAndQuantity;
  readonly last: PriceAndQuantity;
  /** The trace of the order that moved the book last, so that its publication is seen there. */
  readonly trace?: TraceContext;
}

/** A price in ticks with the units at it. */
interface PriceAndQuantity {
  readonly priceTicks: bigint;
  readonly quantity: bigint;
}

/** Sends one top of book; may reject, and is called again later. */
type SendTop = (top: TopOfBook) => Promise<void>;

/** What a publisher is made of. */
export interface PublisherProps {
  readonly send: SendTop;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted when nothing more is to be sent. */
  readonly stopping: AbortSignal;
}

const nobody: PriceAndQuantity = { priceTicks: 0n, quantity: 0n };
const leastPauseMs = 100;
const mostPauseMs = 2000;

/** The top of a book, undefined while nothing has ever happened on it. */
export function topOfBook({ instruments }: Market, symbol: string): TopOfBook | undefined {
  const instrument = instruments.get(symbol);
  if (instrument === undefined || instrument.listing.kind === 'unlisted' || instrument.sequence === 0n)
    return undefined;
  const { book, sequence, lastTrade } = instrument;
  return {
    symbol,
    instrumentSequence: sequence,
    bid: topOf(book, 'buy') ?? nobody,
    ask: topOf(book, 'sell') ?? nobody,
    last: lastTrade.kind === 'trade' ? lastTrade : nobody,
  };
}

/**
 * Tells the world the top of each book, in the background: the market never waits for it. At most one top of an instrument waits
 * to be sent, the newest; one that could not be sent is sent again, unless a newer one has come.
 */
export class QuotePublisher {
  readonly #props: PublisherProps;
  readonly #waiting = new Map<string, TopOfBook>();
  #isSending = false;

  constructor(props: PublisherProps) {
    this.#props = props;
  }

  /** Takes the newest top of an instrument. */
  offer(top: TopOfBook): void {
    this.#waiting.set(top.symbol, top);
    if (!this.#isSending) void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    const { clock, log, stopping } = this.#props;
    this.#isSending = true;
    let pauseMs = leastPauseMs;
    for (let top = this.#take(); top !== undefined; top = this.#take()) {
      const failure = await this.#trySend(top);
      if (failure === undefined) {
        pauseMs = leastPauseMs;
        continue;
      }
      if (pauseMs === leastPauseMs) log.warn({ err: failure }, 'the top of a book is not published yet');
      if (!this.#waiting.has(top.symbol)) this.#waiting.set(top.symbol, top);
      await clock.pause(pauseMs, stopping);
      pauseMs = Math.min(2 * pauseMs, mostPauseMs);
    }
    this.#isSending = false;
  }

  async #trySend(top: TopOfBook): Promise<unknown> {
    try {
      await this.#props.send(top);
      return undefined;
    } catch (thrown) {
      return thrown ?? new Error('sending failed without a reason');
    }
  }

  #take(): TopOfBook | undefined {
    if (this.#props.stopping.aborted) return undefined;
    const [next] = this.#waiting.values();
    if (next !== undefined) this.#waiting.delete(next.symbol);
    return next;
  }
}
