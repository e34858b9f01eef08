import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import { type Database, RpcError, status, type Transaction } from '#services/runtime/index.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import { socketFolder, startCaller, started } from './echo.ts';
import { base, EchoServiceService, echo } from './echo-contract.ts';

const declaration: ServiceDeclaration = {
  ...base,
  name: 'ledger',
  serviceAccount: 'ledger',
  contracts: [],
  calls: [],
  database: { schema: 'trading_portfolio' },
};

let server: TestDatabase;
let environment: Record<string, string>;

beforeAll(async () => {
  server = await withDatabase(['portfolio']);
  environment = await server.environmentOf('portfolio');
  const admin = await server.connectAdmin();
  await admin.query('CREATE TABLE trading_portfolio.probe (key text PRIMARY KEY, amount bigint NOT NULL)');
  await admin.query('GRANT SELECT, INSERT, UPDATE, DELETE ON trading_portfolio.probe TO trading_portfolio');
  await admin.end();
});

afterAll(() => server[Symbol.asyncDispose]());

async function openDatabase(): Promise<Database> {
  let database: Database | undefined;
  const listen = { LISTEN: `unix:${join(socketFolder(), 'ledger.sock')}` };
  await started(declaration, { ...listen, ...environment }, async (context) => {
    database = context.database;
    return [];
  });
  if (database === undefined) throw new Error('the service was not built');
  await database.query('DELETE FROM probe');
  return database;
}

async function amountOf(on: Transaction, key: string): Promise<bigint | undefined> {
  const [row] = await on.query<{ amount: bigint }>('SELECT amount FROM probe WHERE key = $1', [key]);
  return row?.amount;
}

describe('the database of a service', () => {
  test('keeps 64-bit integers exact in both directions', async () => {
    const database = await openDatabase();
    await database.query('INSERT INTO probe VALUES ($1, $2)', ['a', 9_223_372_036_854_775_807n]);
    expect(await database.query('SELECT amount, ARRAY[amount, NULL, -1] AS list FROM probe')).toEqual([
      { amount: 9_223_372_036_854_775_807n, list: [9_223_372_036_854_775_807n, null, -1n] },
    ]);
    expect(await database.query("SELECT '{}'::bigint[] AS none, NULL::bigint AS nothing, 7::int AS small")).toEqual([
      { none: [], nothing: null, small: 7 },
    ]);
  });

  test('keeps a transaction whole: all of it, or none', async () => {
    const database = await openDatabase();
    await database.transaction((tx) => tx.query("INSERT INTO probe VALUES ('kept', 1)"));
    const broken = database.transaction(async (tx) => {
      await tx.query("INSERT INTO probe VALUES ('lost', 1)");
      throw new RpcError(status.FAILED_PRECONDITION, 'no');
    });
    await expect(broken).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    expect([await amountOf(database, 'kept'), await amountOf(database, 'lost')]).toEqual([1n, undefined]);
  });

  test('leaves an error of SQL as it is, with its SQLSTATE', async () => {
    const database = await openDatabase();
    await database.query("INSERT INTO probe VALUES ('a', 1)");
    await expect(database.query("INSERT INTO probe VALUES ('a', 2)")).rejects.toMatchObject({ code: '23505' });
  });

  test('runs a transaction again that lost a race, so that every addition counts', async () => {
    const database = await openDatabase();
    await database.query("INSERT INTO probe VALUES ('sum', 0)");
    let bodies = 0;
    const allHaveRead = Promise.withResolvers<void>();
    const add = () =>
      database.transaction(
        async (tx) => {
          const amount = (await amountOf(tx, 'sum')) ?? 0n;
          bodies += 1;
          if (bodies === 3) allHaveRead.resolve();
          await allHaveRead.promise;
          await tx.query("UPDATE probe SET amount = $1 WHERE key = 'sum'", [amount + 1n]);
        },
        { isolation: 'serializable' },
      );
    await Promise.all([add(), add(), add()]);
    expect(await amountOf(database, 'sum')).toBe(3n);
    expect(bodies).toBeGreaterThan(3);
  });

  test('runs a transaction again that a deadlock ended', async () => {
    const database = await openDatabase();
    await database.query("INSERT INTO probe VALUES ('a', 0), ('b', 0)");
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const cross = (first: string, second: string, mine: 0 | 1) =>
      database.transaction(async (tx) => {
        await tx.query('UPDATE probe SET amount = amount + 1 WHERE key = $1', [first]);
        gates[mine].resolve();
        await gates[mine === 0 ? 1 : 0].promise;
        await tx.query('UPDATE probe SET amount = amount + 1 WHERE key = $1', [second]);
      });
    await Promise.all([cross('a', 'b', 0), cross('b', 'a', 1)]);
    expect([await amountOf(database, 'a'), await amountOf(database, 'b')]).toEqual([2n, 2n]);
  });

  test('gives up a race that is lost again and again', async () => {
    const database = await openDatabase();
    let bodies = 0;
    const hopeless = database.transaction(async (tx) => {
      bodies += 1;
      await tx.query("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$");
    });
    await expect(hopeless).rejects.toMatchObject({ code: status.ABORTED });
    expect(bodies).toBe(5);
  });

  test('is more patient than its eight connections', async () => {
    const database = await openDatabase();
    const counts = await Promise.all(
      Array.from({ length: 50 }, () => database.query<{ one: number }>('SELECT 1 AS one')),
    );
    expect(counts.flat()).toHaveLength(50);
    const [row] = await database.query<{ count: bigint }>(
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'trading_portfolio' AND pid <> pg_backend_pid()",
    );
    expect(row?.count).toBeLessThan(8n);
  });

  test('is refused to a service that declares none', async () => {
    const { context } = await startCaller('unix:/nowhere.sock');
    expect(() => context.database).toThrow('service `caller` declares no database');
  });

  test('is reached with the rights of the service, and no others', async () => {
    const database = await openDatabase();
    await expect(database.query('CREATE TABLE own (x int)')).rejects.toMatchObject({ code: '42501' });
    await expect(database.query('SELECT * FROM migration')).rejects.toMatchObject({ code: '42501' });
  });
});

describe('a service that loses its database', () => {
  test('answers UNAVAILABLE, stays alive, and recovers by itself', async () => {
    const listen = { LISTEN: `unix:${join(socketFolder(), 'ledger.sock')}` };
    const withState = { ...echo, database: { schema: 'trading_portfolio' } };
    const service = await started(withState, { ...listen, ...environment }, async ({ database }) => {
      const count = async () => {
        const [row] = await database.query<{ count: bigint }>('SELECT count(*) FROM probe');
        return { text: String(row?.count) };
      };
      const both = () => database.transaction(async (tx) => ({ text: String((await tx.query('SELECT 1')).length) }));
      return [[EchoServiceService, { read: count, write: both, follow: async function* () {} }]];
    });
    const { client } = await startCaller(service.address);
    const before = await client.write({ text: '' });
    await server.stop();
    await expect(client.read({ text: '' })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await expect(client.write({ text: '' })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      message: 'the database is not available',
    });
    await server.start();
    await expect
      .poll(() => client.write({ text: '' }).catch(() => 'still down'), { timeout: 10_000 })
      .toEqual({ text: '1' });
    expect(before).toEqual({ text: '1' });
  });

  test('survives a connection that breaks in the middle of a transaction', async () => {
    const database = await openDatabase();
    const admin = await server.connectAdmin();
    const cut = database.transaction(async (tx) => {
      const [row] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await admin.query('SELECT pg_terminate_backend($1, 5000)', [row?.pid]);
      await tx.query("INSERT INTO probe VALUES ('never', 1)");
    });
    await expect(cut).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await admin.end();
    expect(await amountOf(database, 'never')).toBeUndefined();
  });
});
