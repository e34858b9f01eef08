import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MarketDataServiceService, type Quote } from '#services/gen/trading/marketdata/v1/market_data.ts';
import { type FakeServer, fake, serveFakes } from '../../../support/bare-grpc.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import { list, type RunningMarket, startMarket, submission, untilServing } from './running-market.ts';

let database: TestDatabase;
let market: RunningMarket;
let marketData: FakeServer;

/** What market-data was told, and what it does with it. */
const told: Quote[] = [];
let onPublish: (quote: Quote) => Promise<void> = async () => {};
let heard = Promise.withResolvers<void>();

const publish = async ({ quote }: { quote: Quote | undefined }) => {
  if (quote === undefined) throw new Error('published nothing');
  await onPublish(quote);
  told.push(quote);
  heard.resolve();
  heard = Promise.withResolvers();
  return {};
};

const serve = (port?: number) => serveFakes([fake(MarketDataServiceService, { publish })], port);

beforeAll(async () => {
  database = await withDatabase(['execution']);
  marketData = await serve();
  market = await startMarket(database, { marketData: marketData.address });
  await untilServing(market.address);
});

afterAll(async () => {
  await market?.[Symbol.asyncDispose]();
  marketData?.stop();
  await database?.[Symbol.asyncDispose]();
});

afterEach(() => {
  onPublish = async () => {};
});

async function untilTold(symbol: string, instrumentSequence: bigint): Promise<Quote> {
  for (;;) {
    const found = told.find((quote) => quote.symbol === symbol && quote.instrumentSequence === instrumentSequence);
    if (found !== undefined) return found;
    await heard.promise;
  }
}

describe('the market tells market-data', () => {
  test('the best bid and ask with all that waits there, and the last trade', async () => {
    await list(market, 'ACME');
    const { client } = market;
    await client.submitTrade(submission({ id: 'b1', limit: 99n }));
    await client.submitTrade(submission({ id: 'b2', account: 'B', limit: 99n }));
    await client.submitTrade(submission({ id: 's1', account: 'S', side: 'sell', limit: 101n }));
    await client.submitTrade(submission({ id: 'b3', account: 'B', limit: 101n, quantity: 2n }));
    expect(await untilTold('ACME', 5n)).toMatchObject({
      bidPriceTicks: 99n,
      bidQuantity: 10n,
      askPriceTicks: 101n,
      askQuantity: 3n,
      lastPriceTicks: 101n,
      lastQuantity: 2n,
    });
  });

  test('the newest only, when it is slow to listen, and trades on meanwhile', async () => {
    await list(market, 'SLOW');
    const listening = Promise.withResolvers<void>();
    onPublish = () => listening.promise;
    const orders = Array.from({ length: 30 }, (_, index) => submission({ id: `slow${index}`, symbol: 'SLOW' }));
    await Promise.all(orders.map((order) => market.client.submitTrade(order)));
    const before = told.length;
    listening.resolve();
    expect(await untilTold('SLOW', 30n)).toMatchObject({ bidQuantity: 150n });
    expect(told.slice(before).filter(({ symbol }) => symbol === 'SLOW').length).toBeLessThan(10);
  });

  test('again, when it refused or was gone, without any order noticing', async () => {
    await list(market, 'GONE');
    onPublish = async () => {
      throw Object.assign(new Error('not now'), { code: status.INTERNAL, details: 'not now' });
    };
    await market.client.submitTrade(submission({ id: 'gone1', symbol: 'GONE' }));
    const port = Number(marketData.address.split(':')[1]);
    marketData.stop();
    await market.client.submitTrade(submission({ id: 'gone2', symbol: 'GONE' }));
    onPublish = async () => {};
    marketData = await serve(port);
    expect(await untilTold('GONE', 2n)).toMatchObject({ bidQuantity: 10n });
  });

  test('everything anew after a restart, the last trade included, though nothing happens on the market', async () => {
    const { address } = marketData;
    await market[Symbol.asyncDispose]();
    told.length = 0;
    market = await startMarket(database, { marketData: address });
    expect(await untilTold('ACME', 5n)).toMatchObject({ askQuantity: 3n, lastPriceTicks: 101n, lastQuantity: 2n });
    told.length = 0;
    expect(await untilTold('ACME', 5n)).toMatchObject({ bidQuantity: 10n });
  });
});
