import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ExecutionReport } from '#services/gen/trading/execution/v1/execution.ts';
import { ExecType, OrderStatus, TimeInForce } from '#services/gen/trading/fix/v1/fix.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import { BruteForceBook } from './brute-force-book.ts';
import { giveBack, runAsAdmin, wholeJournal, withStore } from './journal-access.ts';
import {
  codeOf,
  list,
  openReports,
  type RunningMarket,
  realClock,
  startMarket,
  startMarketProcess,
  submission,
  untilServing,
} from './running-market.ts';

let database: TestDatabase;

beforeEach(async () => {
  database = await withDatabase(['execution']);
});

afterEach(async () => {
  await database[Symbol.asyncDispose]();
});

/** A seeded session with orders that wait on many levels, in part filled. */
async function trade(market: RunningMarket, count: number): Promise<void> {
  let state = 12345;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  const orders = Array.from({ length: count }, (_, index) => {
    const side = random(2) === 0 ? ('buy' as const) : ('sell' as const);
    const drift = BigInt(random(12));
    const limit = side === 'buy' ? 95n + drift : 105n - drift;
    return { id: `o${index}`, account: `ACC${random(5)}`, side, limit, quantity: 1n + BigInt(random(20)) };
  });
  const queue = orders.values();
  const work = async () => {
    for (const order of queue) {
      await market.client.submitTrade(submission(order));
      if (Number(order.id.slice(1)) % 7 === 0) {
        await market.client.cancelTrade({ account: order.account, clientOrderId: order.id, requestId: 'c' });
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

/** The orders that wait after `reports`, each side as a sweep from the best price on would meet them. */
function waitingAfter(reports: readonly ExecutionReport[], side: 'buy' | 'sell'): string[] {
  const slow = new BruteForceBook();
  for (const { execType, order } of reports) {
    const terms = order?.terms;
    if (terms === undefined) continue;
    const id = `${terms.account}/${terms.clientOrderId}`;
    if (execType === ExecType.EXEC_TYPE_NEW) {
      slow.submit({
        id,
        account: terms.account,
        side: terms.side === 1 ? 'buy' : 'sell',
        limit: Number(terms.priceTicks),
        life: 'day',
        quantity: Number(terms.quantity),
      });
    }
    if (execType === ExecType.EXEC_TYPE_CANCELED) slow.cancel(id);
  }
  const account = 'SWEEPER';
  const sweep = {
    id: 'sweep',
    account,
    side: side === 'buy' ? 'sell' : 'buy',
    limit: undefined,
    quantity: 1e6,
  } as const;
  return slow.submit({ ...sweep, life: 'immediateOrCancel' }).filter((line) => line.startsWith('trade'));
}

async function sweep(market: RunningMarket, side: 'buy' | 'sell'): Promise<{ lines: string[]; first: bigint }> {
  const id = `sweep-${side}`;
  const opposite = side === 'buy' ? 'sell' : 'buy';
  const order = { id, account: 'SWEEPER', side: opposite, limit: 0n, quantity: 1_000_000n } as const;
  const timeInForce = TimeInForce.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL;
  await market.client.submitTrade(submission({ ...order, timeInForce }));
  const reports = await wholeJournal(database, market);
  const own = reports.filter((report) => report.order?.terms?.clientOrderId === id);
  const lines = own
    .filter(({ execType }) => execType === ExecType.EXEC_TYPE_TRADE)
    .map(({ contraOrder, lastQuantity, lastPriceTicks }) => {
      const terms = contraOrder?.terms;
      return `trade sweep ${terms?.account}/${terms?.clientOrderId} ${lastQuantity}@${lastPriceTicks}`;
    });
  return { lines, first: own[0]?.sequence ?? 0n };
}

function expectNoGaps(reports: readonly ExecutionReport[]): void {
  expect(reports.map(({ sequence }) => sequence)).toEqual(reports.map((_, at) => BigInt(at + 1)));
  const ends = new Map<string, bigint>();
  for (const { symbol, instrumentSequence } of reports) {
    expect(instrumentSequence).toBe((ends.get(symbol) ?? 0n) + 1n);
    ends.set(symbol, instrumentSequence);
  }
}

describe('the journal', () => {
  test('gives a killed market back: the same book, the next sequence, under 200 MB after thousands of orders', {
    timeout: 180_000,
  }, async () => {
    const victim = await startMarketProcess(database);
    await untilServing(victim.address);
    await list(victim, 'ACME');
    await trade(victim, 2500);
    const before = await wholeJournal(database, victim);
    expectNoGaps(before);
    expect(await victim.residentMegabytes()).toBeLessThan(200);
    await victim.kill();

    await using successor = await startMarket(database);
    await untilServing(successor.address);
    expect(await wholeJournal(database, successor)).toEqual(before);
    const bids = waitingAfter(before, 'buy');
    const asks = waitingAfter(before, 'sell');
    expect(bids.length).toBeGreaterThan(10);
    const sold = await sweep(successor, 'buy');
    expect(sold.first).toBe(BigInt(before.length + 1));
    expect(sold.lines).toEqual(bids);
    expect((await sweep(successor, 'sell')).lines).toEqual(asks);
    expectNoGaps(await wholeJournal(database, successor));
  });

  test('is rebuilt from where the oldest waiting order arrived, and from its beginning, to the same market', async () => {
    await using market = await startMarket(database);
    await untilServing(market.address);
    await list(market, 'ACME');
    await trade(market, 300);
    await withStore(database, async (store) => {
      await runAsAdmin(database, giveBack);
      const lease = await store.acquire('reader', 60_000);
      if (lease === undefined) throw new Error('the lease was not free');
      expect(lease.replayFrom).toBeGreaterThan(1n);
      const short = await store.rebuild(lease);
      expect(await store.rebuild({ ...lease, replayFrom: 1n })).toEqual(short);
      expect(short.instruments.get('ACME')?.book.buy.length).toBeGreaterThan(0);
    });
  });

  test('loses nothing, doubles nothing and has no gap when connections break at any moment of a write', {
    timeout: 180_000,
  }, async () => {
    await using market = await startMarket(database);
    await untilServing(market.address);
    await list(market, 'ACME');
    let isTrading = true;
    const breaking = (async () => {
      let broken = 0;
      while (isTrading) {
        const rows = await runAsAdmin<{ pg_terminate_backend: boolean }>(
          database,
          `select pg_terminate_backend(pid) from pg_stat_activity
            where usename = 'trading_execution' and (state = 'idle in transaction' or query in ('COMMIT', 'BEGIN'))`,
        );
        broken += rows.length;
      }
      return broken;
    })();
    const ids = Array.from({ length: 150 }, (_, index) => `o${index}`);
    const queue = ids.entries();
    const work = async () => {
      for (const [index, id] of queue) {
        const side = index % 2 === 0 ? ('buy' as const) : ('sell' as const);
        const request = submission({ id, account: `ACC${index % 3}`, side, quantity: 3n });
        for (let code: number = status.UNAVAILABLE; code !== status.OK; ) {
          code = await codeOf(market.client.submitTrade(request));
          if (code !== status.OK) {
            expect(code).toBe(status.UNAVAILABLE);
            await untilServing(market.address);
          }
        }
      }
    };
    await Promise.all(Array.from({ length: 4 }, work));
    isTrading = false;
    expect(await breaking).toBeGreaterThan(0);
    await untilServing(market.address);
    const reports = await wholeJournal(database, market);
    expectNoGaps(reports);
    const accepted = reports.filter(({ execType }) => execType === ExecType.EXEC_TYPE_NEW);
    expect(accepted.map(({ order }) => order?.terms?.clientOrderId).toSorted()).toEqual(ids.toSorted());
    const bids = waitingAfter(reports, 'buy');
    expect((await sweep(market, 'buy')).lines).toEqual(bids);
  });

  test('outlives its database: UNAVAILABLE while it is gone, then everything as before', async () => {
    await using market = await startMarket(database);
    await untilServing(market.address);
    await list(market, 'ACME');
    await market.client.submitTrade(submission({ id: 'o1' }));
    await database.stop();
    expect(await codeOf(market.client.submitTrade(submission({ id: 'o2' })))).toBe(status.UNAVAILABLE);
    await untilServing(market.address, false);
    await database.start();
    await untilServing(market.address);
    const replay = await market.client.submitTrade(submission({ id: 'o1' }));
    expect(replay).toMatchObject({ order: { status: OrderStatus.ORDER_STATUS_NEW }, sequence: 1n });
    const next = await market.client.submitTrade(submission({ id: 'o2', account: 'S', side: 'sell' }));
    expect(next).toMatchObject({ order: { status: OrderStatus.ORDER_STATUS_FILLED }, sequence: 3n });
  });
});

describe('a trading day', () => {
  test('ends at midnight UTC: what waits expires, also when no instance was there to see it', async () => {
    let offsetUs = 0n;
    const clock = { ...realClock, nowUnixUs: () => realClock.nowUnixUs() + offsetUs };
    const market = await startMarket(database, { clock });
    await untilServing(market.address);
    await list(market, 'ACME');
    await market.client.submitTrade(submission({ id: 'o1' }));
    using stream = openReports(market.address, 1n);
    await stream.take(1);
    const dayUs = 86_400_000_000n;
    offsetUs = dayUs;
    expect(await stream.take(1)).toMatchObject([{ execType: ExecType.EXEC_TYPE_EXPIRED, sequence: 2n }]);
    await market.client.submitTrade(submission({ id: 'o2' }));
    await market[Symbol.asyncDispose]();

    offsetUs = 2n * dayUs;
    await using later = await startMarket(database, { clock });
    await untilServing(later.address);
    const replay = await later.client.submitTrade(submission({ id: 'o2' }));
    expect(replay.order).toMatchObject({ status: OrderStatus.ORDER_STATUS_EXPIRED, leavesQuantity: 0n });
  });
});
