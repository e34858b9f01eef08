import { Client, type ClientReadableStream, credentials, Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  MarketDataServiceService,
  type Quote,
  type StreamQuotesResponse,
} from '#services/gen/trading/marketdata/v1/market_data.ts';
import { marketDataHandlers } from '#services/market-data/handlers.ts';
import { marketData } from '#services/market-data/service.ts';
import { type RunningService, startService } from '#services/runtime/index.ts';
import { type BareConnection, connectBare } from '../../../support/bare-grpc.ts';

const bounds = { mostWaiting: 32, mostReaders: 5 };
let service: RunningService;
let bare: BareConnection<typeof MarketDataServiceService>;

beforeAll(async () => {
  const environment = { LISTEN: '127.0.0.1:0', LOG_LEVEL: 'silent', DRAIN_MS: '0' };
  service = await startService(marketData, environment, async () => [
    [MarketDataServiceService, marketDataHandlers(bounds)],
  ]);
  bare = connectBare(service.address, MarketDataServiceService);
});

afterAll(async () => {
  bare?.close();
  await service?.stop();
});

function quote(symbol: string, instrumentSequence: bigint, more: Partial<Quote> = {}): Quote {
  return {
    symbol,
    instrumentSequence,
    bidPriceTicks: 99n,
    bidQuantity: 10n,
    askPriceTicks: 101n,
    askQuantity: 3n,
    lastPriceTicks: 100n,
    lastQuantity: 1n,
    publishedAtUnixUs: 1_700_000_000_000_000n,
    ...more,
  };
}

const publish = (...given: Parameters<typeof quote>) => bare.methods.publish({ quote: quote(...given) });

async function codeOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return status.OK;
  } catch (thrown) {
    return (thrown as { code: number }).code;
  }
}

/** A stream of quotes that is read only when the test asks for more. */
class Follower implements Disposable {
  readonly #client = new Client(service.address, credentials.createInsecure(), {
    'grpc-node.flow_control_window': 65_535,
  });
  readonly #stream: ClientReadableStream<StreamQuotesResponse>;
  readonly #quotes: AsyncIterator<StreamQuotesResponse>;
  readonly code: Promise<number>;

  constructor(symbol: string, deadlineMs = 30_000) {
    const { path, requestSerialize, responseDeserialize } = MarketDataServiceService.streamQuotes;
    this.#stream = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { symbol },
      new Metadata(),
      { deadline: Date.now() + deadlineMs },
    );
    this.#stream.on('error', () => {});
    this.code = new Promise((resolve) => this.#stream.once('status', (ended) => resolve(ended.code)));
    this.#quotes = this.#stream[Symbol.asyncIterator]();
  }

  async next(): Promise<bigint | undefined> {
    const { value, done } = await this.#quotes.next();
    return done === true ? undefined : (value as StreamQuotesResponse).quote?.instrumentSequence;
  }

  async rest(): Promise<bigint[]> {
    const sequences: bigint[] = [];
    try {
      for (let next = await this.next(); next !== undefined; next = await this.next()) sequences.push(next);
    } catch {
      // The code tells why.
    }
    return sequences;
  }

  [Symbol.dispose](): void {
    this.#stream.cancel();
    this.#client.close();
  }
}

describe('a quote', () => {
  test('is the newest that was published, also when an older one comes late', async () => {
    expect(await codeOf(bare.methods.getQuote({ symbol: 'ACME' }))).toBe(status.NOT_FOUND);
    await publish('ACME', 2n);
    await publish('ACME', 1n);
    await publish('ACME', 2n, { bidQuantity: 77n });
    expect(await bare.methods.getQuote({ symbol: 'ACME' })).toEqual({ quote: quote('ACME', 2n) });
  });

  test.for([
    { name: 'nothing', request: { quote: undefined } },
    { name: 'no symbol', request: { quote: quote('', 1n) } },
    { name: 'no sequence', request: { quote: quote('ACME', 0n) } },
    { name: 'a negative quantity', request: { quote: quote('ACME', 9n, { askQuantity: -1n }) } },
    { name: 'a crossed book', request: { quote: quote('ACME', 9n, { bidPriceTicks: 101n }) } },
  ])('with $name is not valid', async ({ request }) => {
    expect(await codeOf(bare.methods.publish(request))).toBe(status.INVALID_ARGUMENT);
  });

  test('of one side only may stand at any price', async () => {
    await publish('ONESIDED', 1n, { askPriceTicks: 0n, askQuantity: 0n });
    expect((await bare.methods.getQuote({ symbol: 'ONESIDED' })).quote).toMatchObject({ askQuantity: 0n });
  });

  test('is not asked for by a name that no symbol can have', async () => {
    expect(await codeOf(bare.methods.getQuote({ symbol: 'no symbol' }))).toBe(status.INVALID_ARGUMENT);
  });
});

describe('a stream of quotes', () => {
  test('begins with the latest and goes on with every newer one of its symbol', async () => {
    await publish('LIVE', 4n);
    using follower = new Follower('LIVE');
    expect(await follower.next()).toBe(4n);
    for (const sequence of [5n, 5n, 4n, 6n]) await publish('LIVE', sequence);
    await publish('OTHER', 7n);
    await publish('LIVE', 8n);
    expect([await follower.next(), await follower.next(), await follower.next()]).toEqual([5n, 6n, 8n]);
  });

  test('waits for the first quote of a symbol that has none yet', async () => {
    using follower = new Follower('FIRST');
    const first = follower.next();
    using another = new Follower('LIVE');
    await another.next();
    await publish('FIRST', 1n);
    expect(await first).toBe(1n);
  });

  test('ends with OK when it has reached its greatest age', async () => {
    await publish('AGED', 1n);
    using follower = new Follower('AGED', 300);
    expect(await follower.rest()).toEqual([1n]);
    expect(await follower.code).toBe(status.OK);
  });

  test('cuts off a reader that takes nothing, leaves out nothing before, and leaves the others alone', {
    timeout: 180_000,
  }, async () => {
    const count = 3000n;
    // Amounts of the greatest length, so that fewer quotes fill the windows.
    const great = 2n ** 62n;
    const heavy = {
      bidQuantity: great,
      askPriceTicks: great,
      askQuantity: great,
      lastPriceTicks: great,
      lastQuantity: great,
    };
    await publish('FAST', 1n, heavy);
    using slow = new Follower('FAST');
    using quick = new Follower('FAST');
    expect([await slow.next(), await quick.next()]).toEqual([1n, 1n]);
    for (let sequence = 2n; sequence <= count; sequence += 1n) {
      await publish('FAST', sequence, heavy);
      expect(await quick.next()).toBe(sequence);
    }
    const seen = await slow.rest();
    expect(await slow.code).toBe(status.RESOURCE_EXHAUSTED);
    // What it still gets was in the windows of HTTP/2 and of the two ends.
    expect(seen.length).toBeLessThan(Number(count) - bounds.mostWaiting);
    expect(seen).toEqual(seen.map((_, index) => BigInt(index + 2)));
  });

  test('lets in only so many readers, and a next one when one has gone', async () => {
    await publish('CROWD', 1n);
    const followers = Array.from({ length: bounds.mostReaders }, () => new Follower('CROWD'));
    await Promise.all(followers.map((follower) => follower.next()));
    using more = new Follower('CROWD');
    expect(await more.rest()).toEqual([]);
    expect(await more.code).toBe(status.RESOURCE_EXHAUSTED);
    followers[0]?.[Symbol.dispose]();
    for (let code: number = status.RESOURCE_EXHAUSTED; code !== status.OK; ) {
      using next = new Follower('CROWD', 500);
      const came = await next.rest();
      code = await next.code;
      expect(came).toEqual(code === status.OK ? [1n] : []);
    }
    for (const follower of followers) follower[Symbol.dispose]();
  });
});
