import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DepositRequest, SettleTradeRequest } from '#services/gen/trading/portfolio/v1/portfolio.ts';
import { asUser } from '../../../support/bare-grpc.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import { type RunningPortfolio, startPortfolio } from './running-portfolio.ts';

let database: TestDatabase;
let ledger: RunningPortfolio;
/** A second replica on the same database. */
let replica: RunningPortfolio;

beforeAll(async () => {
  database = await withDatabase(['portfolio']);
  ledger = await startPortfolio(database);
  replica = await startPortfolio(database);
});

afterAll(async () => {
  await replica?.[Symbol.asyncDispose]();
  await ledger?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

const maxInt64 = 2n ** 63n - 1n;

let last = 0;
const fresh = (what: string) => {
  last += 1;
  return `${what}-${last}`;
};

const trade = (given: Partial<SettleTradeRequest> = {}): SettleTradeRequest => ({
  executionId: fresh('E'),
  symbol: 'ACME',
  buyerAccount: 'BUYER',
  sellerAccount: 'SELLER',
  quantity: 3n,
  priceTicks: 100n,
  tickValue: { currency: 'USD', amountMinor: 2n },
  ...given,
});

const cash = (account: string, amountMinor: bigint, given: Partial<DepositRequest> = {}): DepositRequest => ({
  requestId: fresh('D'),
  account,
  cash: { currency: 'USD', amountMinor },
  ...given,
});

const basisOf = (account: string) => ledger.client.getLimitsBasis({ account, currency: 'USD', symbol: 'ACME' });

const codeOf = async (call: Promise<unknown>): Promise<number> => {
  try {
    await call;
    return status.OK;
  } catch (thrown) {
    return (thrown as { code: number }).code;
  }
};

/** Every sum is zero, the last balance of every chain is the sum of its entries, and no two postings ever blocked each other. */
const expectSound = async () => {
  const { balances } = await replica.client.getTrialBalance({});
  expect(balances.filter(({ sum }) => sum !== 0n)).toEqual([]);
  const admin = await database.connectAdmin();
  try {
    const broken = await admin.query(
      `select account, asset_kind, asset from trading_portfolio.entry group by account, asset_kind, asset
        having sum(amount) <> (array_agg(balance_after order by number desc))[1] or count(*) <> max(number)`,
    );
    expect(broken.rows).toEqual([]);
    const deadlocks = await admin.query('select deadlocks from pg_stat_database where datname = current_database()');
    expect(deadlocks.rows).toEqual([{ deadlocks: '0' }]);
  } finally {
    await admin.end();
  }
};

describe('settlement', () => {
  test('moves cash from buyer to seller and units from seller to buyer', async () => {
    const [buyerAccount, sellerAccount] = [fresh('A'), fresh('A')];
    await ledger.client.settleTrade(trade({ buyerAccount, sellerAccount }));
    expect(await basisOf(buyerAccount)).toEqual({ cashMinor: -600n, positionQuantity: 3n });
    expect(await basisOf(sellerAccount)).toEqual({ cashMinor: 600n, positionQuantity: -3n });
  });

  test('is booked once for an execution id, whichever replica is asked', async () => {
    const [buyerAccount, request] = [fresh('A'), trade()];
    const once = { ...request, buyerAccount };
    const answers = await Promise.all(
      [ledger, replica, ledger, replica, ledger].map(({ client }) => client.settleTrade(once)),
    );
    expect(new Set(answers.map(({ postingId }) => postingId)).size).toBe(1);
    expect((await basisOf(buyerAccount)).positionQuantity).toBe(3n);
  });

  test.for([
    { name: 'another quantity', other: { quantity: 4n } },
    { name: 'another price', other: { priceTicks: 101n } },
    { name: 'another buyer', other: { buyerAccount: 'X' } },
    { name: 'another currency', other: { tickValue: { currency: 'EUR', amountMinor: 2n } } },
  ])('of a known execution id with $name is ALREADY_EXISTS and books nothing', async ({ other }) => {
    const request = trade();
    await ledger.client.settleTrade(request);
    const before = await basisOf('BUYER');
    expect(await codeOf(ledger.client.settleTrade({ ...request, ...other }))).toBe(status.ALREADY_EXISTS);
    expect(await basisOf('BUYER')).toEqual(before);
  });

  test('of an account with itself leaves its balances as they were', async () => {
    const account = fresh('A');
    await ledger.client.settleTrade(trade({ buyerAccount: account, sellerAccount: account }));
    expect(await basisOf(account)).toEqual({ cashMinor: 0n, positionQuantity: 0n });
  });

  test.for([
    { name: 'no execution id', other: { executionId: '' } },
    { name: 'no quantity', other: { quantity: 0n } },
    { name: 'a negative quantity', other: { quantity: -1n } },
    { name: 'no price', other: { priceTicks: 0n } },
    { name: 'no tick value', other: { tickValue: undefined } },
    { name: 'a currency that is none', other: { tickValue: { currency: 'usd', amountMinor: 1n } } },
    { name: 'the house as buyer', other: { buyerAccount: 'house:deposits' } },
    { name: 'a consideration beyond 64 bits', other: { quantity: 2n ** 40n, priceTicks: 2n ** 30n } },
  ])('with $name is INVALID_ARGUMENT', async ({ other }) => {
    expect(await codeOf(ledger.client.settleTrade(trade(other)))).toBe(status.INVALID_ARGUMENT);
  });

  test('names every problem of a request at once', async () => {
    const broken = ledger.client.settleTrade(trade({ executionId: '', quantity: 0n, sellerAccount: '' }));
    await expect(broken).rejects.toThrow(/execution_id: .*seller_account: .*quantity: /);
  });
});

describe('a deposit', () => {
  test('of cash and of units is what the user sees afterwards', async () => {
    const account = fresh('A');
    await ledger.client.deposit(cash(account, 500n));
    await ledger.client.deposit({ requestId: fresh('D'), account, units: { symbol: 'ACME', quantity: 9n } });
    expect(await ledger.client.getPositions({ account }, asUser('alice', [account]))).toEqual({
      cash: [{ currency: 'USD', amountMinor: 500n }],
      positions: [{ symbol: 'ACME', quantity: 9n }],
    });
  });

  test('is booked once for a request id, and refused when the id comes back with another amount', async () => {
    const account = fresh('A');
    const request = cash(account, 500n);
    const first = await ledger.client.deposit(request);
    expect(await replica.client.deposit(request)).toEqual(first);
    expect(await codeOf(ledger.client.deposit({ ...request, cash: { currency: 'USD', amountMinor: 501n } }))).toBe(
      status.ALREADY_EXISTS,
    );
    expect((await basisOf(account)).cashMinor).toBe(500n);
  });

  test('that would take a balance beyond 64 bits is refused and books nothing', async () => {
    const account = fresh('A');
    const currency = 'XTS';
    await ledger.client.deposit(cash(account, maxInt64, { cash: { currency, amountMinor: maxInt64 } }));
    const one = cash(account, 1n, { cash: { currency, amountMinor: 1n } });
    expect(await codeOf(ledger.client.deposit(one))).toBe(status.INVALID_ARGUMENT);
    const held = await ledger.client.getLimitsBasis({ account, currency, symbol: 'ACME' });
    expect(held.cashMinor).toBe(maxInt64);
    await expectSound();
  });

  test('needs exactly one asset', async () => {
    const units = { symbol: 'ACME', quantity: 1n };
    expect(await codeOf(ledger.client.deposit(cash('A', 1n, { units })))).toBe(status.INVALID_ARGUMENT);
    expect(await codeOf(ledger.client.deposit({ requestId: fresh('D'), account: 'A' }))).toBe(status.INVALID_ARGUMENT);
  });
});

describe('positions', () => {
  test("of an account that is not the user's are NOT_FOUND, whether it exists or not", async () => {
    const account = fresh('A');
    await ledger.client.deposit(cash(account, 1n));
    const mallory = asUser('mallory', ['M-1']);
    const [foreign, missing] = await Promise.allSettled([
      ledger.client.getPositions({ account }, mallory),
      ledger.client.getPositions({ account: 'NOBODY' }, mallory),
    ]);
    expect(foreign).toMatchObject({ status: 'rejected', reason: { code: status.NOT_FOUND } });
    expect(missing).toMatchObject({ reason: { details: (foreign as PromiseRejectedResult).reason.details } });
  });

  test('need a user', async () => {
    expect(await codeOf(ledger.client.getPositions({ account: 'A' }))).toBe(status.UNAUTHENTICATED);
  });

  test('leave out instruments that are no longer held', async () => {
    const account = fresh('A');
    await ledger.client.settleTrade(trade({ buyerAccount: account }));
    await ledger.client.settleTrade(trade({ sellerAccount: account }));
    const { positions } = await ledger.client.getPositions({ account }, asUser('alice', [account]));
    expect(positions).toEqual([]);
  });
});

describe('the ledger', () => {
  test('stays balanced and exact under random concurrent settlements, deposits and replays', async () => {
    const account = fc.constantFrom('P', 'Q', 'R', 'S');
    const amount = fc.bigInt({ min: 1n, max: 1000n });
    const settlement = fc.record({
      kind: fc.constant('trade' as const),
      buyer: account,
      seller: account,
      quantity: amount,
      price: amount,
    });
    const deposit = fc.record({ kind: fc.constant('deposit' as const), account, amount });
    const step = fc.record({ event: fc.oneof(settlement, deposit), repeats: fc.integer({ min: 1, max: 3 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const suffix = fresh('run');
        const name = (short: string) => `${short}-${suffix}`;
        const expected = new Map<string, { cashMinor: bigint; positionQuantity: bigint }>();
        const add = (short: string, cashMinor: bigint, positionQuantity: bigint) => {
          const held = expected.get(short) ?? { cashMinor: 0n, positionQuantity: 0n };
          expected.set(short, {
            cashMinor: held.cashMinor + cashMinor,
            positionQuantity: held.positionQuantity + positionQuantity,
          });
        };
        const calls = steps.flatMap(({ event, repeats }) => {
          if (event.kind === 'deposit') {
            add(event.account, event.amount, 0n);
            const request = cash(name(event.account), event.amount);
            return Array.from({ length: repeats }, () => (on: RunningPortfolio) => on.client.deposit(request));
          }
          const { buyer, seller, quantity, price } = event;
          add(buyer, -quantity * price * 2n, quantity);
          add(seller, quantity * price * 2n, -quantity);
          const sides = { buyerAccount: name(buyer), sellerAccount: name(seller) };
          const request = trade({ ...sides, quantity, priceTicks: price });
          return Array.from({ length: repeats }, () => (on: RunningPortfolio) => on.client.settleTrade(request));
        });
        await Promise.all(calls.map((call, index) => call(index % 2 === 0 ? ledger : replica)));
        for (const [short, held] of expected) expect(await basisOf(name(short))).toEqual(held);
        await expectSound();
      }),
      { numRuns: 25 },
    );
  });

  test('answers UNAVAILABLE while its database is gone, loses nothing and recovers by itself', async () => {
    const account = fresh('A');
    const request = cash(account, 70n);
    await ledger.client.deposit(request);
    await database.stop();
    expect(await codeOf(ledger.client.settleTrade(trade()))).toBe(status.UNAVAILABLE);
    expect(await codeOf(basisOf(account))).toBe(status.UNAVAILABLE);
    await database.start();
    await ledger.client.deposit(request);
    expect((await basisOf(account)).cashMinor).toBe(70n);
    await expectSound();
  });
});
