/** The top of one book and its last trade; absent sides have quantity 0. Prices in ticks, quantities in units. */
export interface Quote {
  readonly symbol: string;
  readonly instrumentSequence: bigint;
  readonly bidPriceTicks: bigint;
  readonly bidQuantity: bigint;
  readonly askPriceTicks: bigint;
  readonly askQuantity: bigint;
  readonly lastPriceTicks: bigint;
  readonly lastQuantity: bigint;
  readonly publishedAtUnixUs: bigint;
}

/** What became of an update. `notNewer`: one at least as new is known. `boardFull`: there is no place for another symbol. */
export type Posting = 'posted' | 'notNewer' | 'boardFull';

/** The latest quote of each symbol, for at most `mostSymbols` of them; the higher instrument sequence wins, whenever it comes. */
export class QuoteBoard {
  readonly #mostSymbols: number;
  readonly #quotes = new Map<string, Quote>();

  constructor(mostSymbols: number) {
    this.#mostSymbols = mostSymbols;
  }

  /** Takes one update. */
  post(quote: Quote): Posting {
    const latest = this.#quotes.get(quote.symbol);
    if (latest === undefined && this.#quotes.size >= this.#mostSymbols) return 'boardFull';
    if (latest !== undefined && latest.instrumentSequence >= quote.instrumentSequence) return 'notNewer';
    this.#quotes.set(quote.symbol, quote);
    return 'posted';
  }

  /** The latest quote of a symbol, undefined when nothing has been published. */
  latest(symbol: string): Quote | undefined {
    return this.#quotes.get(symbol);
  }
}
