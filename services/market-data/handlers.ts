import type { MarketDataServiceService } from '../gen/trading/marketdata/v1/market_data.ts';
import { type Handlers, RpcError, status } from '../runtime/index.ts';
import { type Quote, QuoteBoard } from './quote-board.ts';
import { type FeedBounds, QuoteFeed } from './quote-feed.ts';

const symbolPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
const mostSymbols = 10_000;
const defaultBounds: FeedBounds = { mostWaiting: 64, mostReaders: 512 };

/** The gRPC face of market data. */
export function marketDataHandlers(bounds = defaultBounds): Handlers<typeof MarketDataServiceService> {
  const board = new QuoteBoard(mostSymbols);
  const feed = new QuoteFeed(bounds);
  return {
    publish: async ({ quote }) => {
      if (quote === undefined) throw new RpcError(status.INVALID_ARGUMENT, 'quote: expected an update, got nothing');
      checkQuote(quote);
      const posting = board.post(quote);
      if (posting === 'boardFull') {
        throw new RpcError(status.INVALID_ARGUMENT, `symbol: expected at most ${mostSymbols} different ones`);
      }
      if (posting === 'posted') feed.hand(quote);
      return {};
    },
    getQuote: async ({ symbol }) => {
      checkSymbol(symbol);
      const quote = board.latest(symbol);
      if (quote === undefined) throw new RpcError(status.NOT_FOUND, `nothing published for \`${symbol}\``);
      return { quote };
    },
    async *streamQuotes({ symbol }, call) {
      checkSymbol(symbol);
      for await (const quote of feed.follow(symbol, board.latest(symbol), call)) yield { quote };
    },
  };
}

function checkSymbol(symbol: string): void {
  if (symbolPattern.test(symbol)) return;
  throw new RpcError(
    status.INVALID_ARGUMENT,
    `symbol: expected ${symbolPattern.source}, got \`${symbol.slice(0, 80)}\``,
  );
}

function checkQuote(quote: Quote): void {
  checkSymbol(quote.symbol);
  const { instrumentSequence, bidPriceTicks, bidQuantity, askPriceTicks, askQuantity } = quote;
  if (instrumentSequence < 1n) {
    throw new RpcError(status.INVALID_ARGUMENT, 'instrument_sequence: expected at least 1, got 0');
  }
  for (const [field, amount] of Object.entries(quote)) {
    if (typeof amount === 'bigint' && amount < 0n) {
      throw new RpcError(status.INVALID_ARGUMENT, `${field}: expected at least 0, got ${amount}`);
    }
  }
  if (bidQuantity > 0n && askQuantity > 0n && bidPriceTicks >= askPriceTicks) {
    throw new RpcError(status.INVALID_ARGUMENT, 'quote: expected the bid below the ask');
  }
}
