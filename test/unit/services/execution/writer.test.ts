import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OrderTerms } from '#services/execution/order.ts';
import { Writer } from '#services/execution/writer.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import { termsOf } from './commands.ts';
import { giveBack, runAsAdmin, withStore } from './journal-access.ts';
import { realClock } from './running-market.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await withDatabase(['execution']);
});

afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
});

const order = (id: string): OrderTerms =>
  termsOf({ id, account: 'A', side: 'buy', limit: 100, life: 'day', quantity: 5 }, 'NOBODY');

/** Resolves when a statement of the service waits for a lock. */
async function untilBlocked(): Promise<void> {
  for (let blocked = 0; blocked === 0; ) {
    const rows = await runAsAdmin(
      database,
      `select from pg_stat_activity where usename = 'trading_execution' and wait_event_type = 'Lock'`,
    );
    blocked = rows.length;
  }
}

describe('a writer', () => {
  test('counts an order only when the journal holds it, and writes all that came meanwhile in one transaction', async () => {
    await withStore(database, async (store) => {
      const lease = await store.acquire('writer', 60_000);
      if (lease === undefined) throw new Error('the lease was not free');
      const announced: number[] = [];
      const writer = new Writer({
        store,
        token: lease.token,
        market: await store.rebuild(lease),
        clock: realClock,
        committed: (_, reports) => announced.push(reports.length),
      });
      const submit = (id: string) =>
        writer.run({ keys: { orders: [order(id)] }, apply: (draft) => draft.submit(order(id)) });
      const blocker = await database.connectAdmin();
      await blocker.query('begin');
      await blocker.query('select from trading_execution.writer for update');
      const first = submit('o1');
      await untilBlocked();
      const others = ['o2', 'o3', 'o4'].map(submit);
      expect(writer.market.sequence).toBe(0n);
      expect(announced).toEqual([]);
      await blocker.query('commit');
      await blocker.end();
      expect(await first).toMatchObject({ order: { sequence: 1n } });
      expect(await Promise.all(others)).toHaveLength(3);
      expect(announced).toEqual([1, 3]);
      expect(writer.market.sequence).toBe(4n);
    });
  });

  test('drops a command that nobody waits for any more, and refuses all when its term has ended', async () => {
    await withStore(database, async (store) => {
      await runAsAdmin(database, giveBack);
      const lease = await store.acquire('second', 60_000);
      if (lease === undefined) throw new Error('the lease was not free');
      const market = await store.rebuild(lease);
      const writer = new Writer({ store, token: lease.token, market, clock: realClock, committed: () => {} });
      const gone = new AbortController();
      const abandoned = writer.run({ keys: {}, apply: (draft) => draft.submit(order('o5')), signal: gone.signal });
      const behind = writer.run({ keys: {}, apply: (draft) => draft.submit(order('o6')), signal: gone.signal });
      gone.abort(new Error('gone'));
      await expect(behind).rejects.toThrow('gone');
      await abandoned;
      expect(writer.market.sequence).toBe(market.sequence + 1n);
      writer.end(undefined);
      await expect(writer.run({ keys: {}, apply: () => 1 })).rejects.toThrow('does not write');
    });
  });
});
