import { RpcError, status } from '../runtime/index.ts';
import type { Quote } from './quote-board.ts';

/** Who follows quotes: can be cut off, and says when it has gone. */
export interface QuoteReader {
  readonly signal: AbortSignal;
  end(error: RpcError): void;
}

/** Bounds of a feed. */
export interface FeedBounds {
  /** How many quotes wait for one reader before it is cut off. */
  readonly mostWaiting: number;
  readonly mostReaders: number;
}

interface Subscription {
  readonly reader: QuoteReader;
  readonly waiting: Quote[];
  wake: () => void;
}

/**
 * Hands every new quote of a symbol to whoever follows it. Each reader has a buffer with a bound; a reader that lets it fill is
 * cut off, for leaving quotes out would hide that it sees an old market. So memory does not grow with slow readers.
 */
export class QuoteFeed {
  readonly #bounds: FeedBounds;
  readonly #bySymbol = new Map<string, Set<Subscription>>();
  #readers = 0;

  constructor(bounds: FeedBounds) {
    this.#bounds = bounds;
  }

  /** Hands a quote to the readers of its symbol. */
  hand(quote: Quote): void {
    for (const subscription of [...(this.#bySymbol.get(quote.symbol) ?? [])]) this.#add(subscription, quote);
  }

  /**
   * `first`, if there is one, then every quote of `symbol` that is handed out from now on, until the reader goes.
   * Errors: `RpcError` RESOURCE_EXHAUSTED when there are too many readers, or this one is too slow.
   */
  async *follow(symbol: string, first: Quote | undefined, reader: QuoteReader): AsyncGenerator<Quote, void, undefined> {
    if (this.#readers >= this.#bounds.mostReaders) throw new RpcError(status.RESOURCE_EXHAUSTED, 'too many readers');
    const subscription: Subscription = { reader, waiting: first === undefined ? [] : [first], wake: () => {} };
    const wake = () => subscription.wake();
    this.#enter(symbol, subscription);
    reader.signal.addEventListener('abort', wake);
    try {
      for (;;) {
        reader.signal.throwIfAborted();
        const next = subscription.waiting.shift();
        if (next !== undefined) yield next;
        else await nextWake(subscription);
      }
    } finally {
      reader.signal.removeEventListener('abort', wake);
      this.#leave(symbol, subscription);
    }
  }

  #add(subscription: Subscription, quote: Quote): void {
    const { waiting, reader } = subscription;
    if (waiting.length >= this.#bounds.mostWaiting) {
      waiting.length = 0;
      reader.end(new RpcError(status.RESOURCE_EXHAUSTED, 'the reader is too slow'));
      return;
    }
    waiting.push(quote);
    subscription.wake();
  }

  #enter(symbol: string, subscription: Subscription): void {
    const others = this.#bySymbol.get(symbol) ?? new Set();
    this.#bySymbol.set(symbol, others.add(subscription));
    this.#readers += 1;
  }

  #leave(symbol: string, subscription: Subscription): void {
    const others = this.#bySymbol.get(symbol);
    others?.delete(subscription);
    if (others?.size === 0) this.#bySymbol.delete(symbol);
    this.#readers -= 1;
  }
}

function nextWake(subscription: Subscription): Promise<void> {
  return new Promise((resolve) => {
    subscription.wake = resolve;
  });
}
