import { ExecutionServiceService } from '../gen/trading/execution/v1/execution.ts';
import { MarketDataServiceService } from '../gen/trading/marketdata/v1/market_data.ts';
import type { GrpcServiceParts, ServiceContext } from '../runtime/index.ts';
import type { Clock } from './clock.ts';
import { Engine } from './engine.ts';
import { executionHandlers } from './handlers.ts';
import { QuotePublisher, type TopOfBook } from './quote-publisher.ts';
import type { FeedBounds } from './report-feed.ts';
import { JournalStore } from './store.ts';

/** What an instance is given besides its context. */
export interface InstanceProps {
  readonly clock: Clock;
  /** The name under which it holds the lease; unique to it. */
  readonly holder: string;
  /** @default - 4096 reports and 64 readers */
  readonly feedBounds?: FeedBounds;
}

const defaultBounds: FeedBounds = { mostLag: 4096, mostReaders: 64 };

/** Makes one instance of the market out of its parts and lets it live until the service stops; it is not serving until it may write. */
export function serveMarket(
  context: ServiceContext,
  { clock, holder, feedBounds = defaultBounds }: InstanceProps,
): GrpcServiceParts {
  const { log, stopping } = context;
  const marketData = context.client(MarketDataServiceService, 'market-data');
  const send = async (top: TopOfBook) => {
    await marketData.publish({ quote: quoteOf(top, clock.nowUnixUs()) }, { trace: top.trace });
  };
  const engine = new Engine({
    store: new JournalStore(context.database),
    clock,
    log,
    publisher: new QuotePublisher({ send, clock, log, stopping }),
    holder,
    servingChanged: (isServing) => context.setServing(isServing),
    feedBounds,
  });
  context.setServing(false);
  const stopped = new AbortController();
  const life = engine.live(stopped.signal);
  context.onStop(async () => {
    stopped.abort();
    await life;
  });
  return [[ExecutionServiceService, executionHandlers(engine)]];
}

function quoteOf({ symbol, instrumentSequence, bid, ask, last }: TopOfBook, publishedAtUnixUs: bigint) {
  return {
    symbol,
    instrumentSequence,
    bidPriceTicks: bid.priceTicks,
    bidQuantity: bid.quantity,
    askPriceTicks: ask.priceTicks,
    askQuantity: ask.quantity,
    lastPriceTicks: last.priceTicks,
    lastQuantity: last.quantity,
    publishedAtUnixUs,
  };
}
