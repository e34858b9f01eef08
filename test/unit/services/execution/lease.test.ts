import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { emptyMarket } from '#services/execution/market.ts';
import { Fenced } from '#services/execution/store.ts';
import { OrderStatus } from '#services/gen/trading/fix/v1/fix.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import { giveBack, runAsAdmin, steal, withStore } from './journal-access.ts';
import { codeOf, isServing, list, openReports, startMarket, submission, untilServing } from './running-market.ts';

let database: TestDatabase;

beforeEach(async () => {
  database = await withDatabase(['execution']);
});

afterEach(async () => {
  await database[Symbol.asyncDispose]();
});

describe('a second instance', () => {
  test('does not serve and cannot write until the first has gone, then goes on where it ended', async () => {
    const first = await startMarket(database);
    await untilServing(first.address);
    await list(first, 'ACME');
    await first.client.submitTrade(submission({ id: 'o1' }));
    await using second = await startMarket(database);
    expect(await isServing(second.address)).toBe(false);
    expect(await codeOf(second.client.submitTrade(submission({ id: 'o2' })))).toBe(status.UNAVAILABLE);
    const cancel = { account: 'A', clientOrderId: 'o1', requestId: 'c' };
    expect(await codeOf(second.client.cancelTrade(cancel))).toBe(status.UNAVAILABLE);
    using stream = openReports(second.address, 1n);
    expect(await stream.drain()).toEqual({ reports: [], code: status.UNAVAILABLE });
    await first[Symbol.asyncDispose]();
    await untilServing(second.address);
    expect(await second.client.submitTrade(submission({ id: 'o2', account: 'S', side: 'sell' }))).toMatchObject({
      order: { status: OrderStatus.ORDER_STATUS_FILLED },
      sequence: 3n,
    });
  });

  test('that takes over fences the first: nothing that it was asked to write is written, and its streams end', async () => {
    await using market = await startMarket(database);
    await untilServing(market.address);
    await list(market, 'ACME');
    await market.client.submitTrade(submission({ id: 'o1' }));
    using stream = openReports(market.address, 1n);
    expect(await stream.take(1)).toHaveLength(1);
    await runAsAdmin(database, steal);
    const refused = ['o2', 'o3', 'o4'].map((id) => codeOf(market.client.submitTrade(submission({ id }))));
    expect(await Promise.all(refused)).toEqual([status.UNAVAILABLE, status.UNAVAILABLE, status.UNAVAILABLE]);
    await untilServing(market.address, false);
    expect((await stream.drain()).code).toBe(status.UNAVAILABLE);
    expect(await runAsAdmin(database, 'select client_order_id from trading_execution.trade_order')).toEqual([
      { client_order_id: 'o1' },
    ]);
    await runAsAdmin(database, giveBack);
    await untilServing(market.address);
    expect(await market.client.submitTrade(submission({ id: 'o2' }))).toMatchObject({ sequence: 2n });
  });

  test('is refused by the store under an old token, and by the database even when the code forgets to ask', async () => {
    await withStore(database, async (store) => {
      const old = await store.acquire('old', 60_000);
      await runAsAdmin(database, steal);
      if (old === undefined) throw new Error('the lease was not free');
      const after = { ...emptyMarket, day: '2026-11-23' };
      const entries = { reports: [], orders: [], cancels: [], actions: [] };
      await expect(store.append({ token: old.token, before: emptyMarket, after, entries })).rejects.toThrow(Fenced);
      expect(await store.renew(old.token, 60_000)).toBe(false);
      expect(await store.acquire('old', 60_000)).toBeUndefined();
      await runAsAdmin(
        database,
        "insert into trading_execution.trade_order values ('A', 'o', 'ACME', 'buy', 100, 'day', 5, 1)",
      );
      await runAsAdmin(database, 'update trading_execution.writer set last_sequence = 1');
      const insertUnder = (token: bigint) =>
        runAsAdmin(
          database,
          `insert into trading_execution.event (sequence, symbol, instrument_sequence, kind, account, client_order_id, status,
             cumulative, leaves, transact_time_unix_us, fencing_token)
           values (1, 'ACME', 1, 'accepted', 'A', 'o', 'new', 0, 5, 0, ${token})`,
        );
      await expect(insertUnder(old.token)).rejects.toMatchObject({ code: '23001' });
      await expect(insertUnder(old.token + 1n)).resolves.toEqual([]);
    });
  });
});
