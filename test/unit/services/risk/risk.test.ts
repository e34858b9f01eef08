import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OrderRejectReason, OrderType, Side, TimeInForce } from '#services/gen/trading/fix/v1/fix.ts';
import { PortfolioServiceService } from '#services/gen/trading/portfolio/v1/portfolio.ts';
import { riskPolicy } from '#services/risk/policy.ts';
import { type FakeServer, fake, serveFakes } from '../../../support/bare-grpc.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import { buy, fresh, limits, patientPolicy, type RunningRisk, startRisk } from './running-risk.ts';

const { ORDER_REJECT_REASON_UNSPECIFIED: passed, ...reasons } = OrderRejectReason;
const maxInt64 = 2n ** 63n - 1n;

let database: TestDatabase;
let ledger: FakeServer;
let risk: RunningRisk;
/** A second replica on the same database. */
let replica: RunningRisk;
/** Replicas with a policy of their own. */
let strict: RunningRisk;
let hasty: RunningRisk;

/** What the fake ledger answers, by account; every other account owns 2000 cents and 10 units. */
const holdings = new Map<string, { cashMinor: bigint; positionQuantity: bigint }>();
/** Runs in the fake ledger after the balance was read and before it is answered. */
let beforeAnswer: () => Promise<void> = async () => {};

const serveLedger = (port?: number) =>
  serveFakes(
    [
      fake(PortfolioServiceService, {
        getLimitsBasis: async ({ account }) => {
          const basis = holdings.get(account) ?? { cashMinor: 2000n, positionQuantity: 10n };
          await beforeAnswer();
          return basis;
        },
      }),
    ],
    port,
  );

beforeAll(async () => {
  database = await withDatabase(['risk']);
  ledger = await serveLedger();
  risk = await startRisk(database, ledger.address, patientPolicy);
  replica = await startRisk(database, ledger.address, patientPolicy);
  const longWindows = { orderRate: { orders: 3n, windowMs: 3_600_000 }, repetitionMs: 3_600_000 };
  strict = await startRisk(database, ledger.address, { ...riskPolicy, ...longWindows });
  hasty = await startRisk(database, ledger.address, { ...patientPolicy, unconfirmedMs: 0 });
  await risk.client.setInstrumentLimits({ ...limits, requestId: fresh('L') });
});

afterAll(async () => {
  for (const service of [hasty, strict, replica, risk]) await service?.[Symbol.asyncDispose]();
  ledger?.stop();
  await database?.[Symbol.asyncDispose]();
});

type Given = Partial<
  Record<'account' | 'clientOrderId' | 'symbol', string> & {
    side: Side;
    orderType: OrderType;
    timeInForce: TimeInForce;
    quantity: bigint;
    priceTicks: bigint;
  }
>;

const termsOf = (given: Given = {}) => ({ ...buy, account: fresh('A'), clientOrderId: fresh('O'), ...given });

const reserve = async (given: Given, on: RunningRisk = risk) =>
  (await on.client.reserve({ terms: termsOf(given) })).rejectReason;

const codeOf = async (call: Promise<unknown>): Promise<number> => {
  try {
    await call;
    return status.OK;
  } catch (thrown) {
    return (thrown as { code: number }).code;
  }
};

const adjust = (
  terms: { account: string; clientOrderId: string },
  sequence: bigint,
  leavesQuantity: bigint,
  price = 0n,
) =>
  risk.client.adjustReservation({
    account: terms.account,
    clientOrderId: terms.clientOrderId,
    sequence,
    leavesQuantity,
    lastPriceTicks: price,
  });

describe('an order', () => {
  test('within every limit passes and holds until it expires', async () => {
    const answer = await risk.client.reserve({ terms: termsOf() });
    expect(answer.rejectReason).toBe(passed);
    const aheadMs = Number(answer.expiresAtUnixUs / 1000n) - Date.now();
    expect(Math.abs(aheadMs - riskPolicy.unconfirmedMs)).toBeLessThan(30_000);
  });

  test.for<{ name: string; given: Given; reason: OrderRejectReason }>([
    { name: 'an unlisted instrument', given: { symbol: 'NONE' }, reason: reasons.ORDER_REJECT_REASON_UNKNOWN_SYMBOL },
    { name: 'too many units', given: { quantity: 1001n }, reason: reasons.ORDER_REJECT_REASON_MAX_QUANTITY },
    { name: 'a price far above', given: { priceTicks: 300n }, reason: reasons.ORDER_REJECT_REASON_PRICE_COLLAR },
    { name: 'a price far below', given: { priceTicks: 30n }, reason: reasons.ORDER_REJECT_REASON_PRICE_COLLAR },
    { name: 'too great a value', given: { quantity: 900n }, reason: reasons.ORDER_REJECT_REASON_MAX_NOTIONAL },
    { name: 'more than its cash', given: { quantity: 11n }, reason: reasons.ORDER_REJECT_REASON_CREDIT },
    {
      name: 'more than its units',
      given: { side: Side.SIDE_SELL, quantity: 11n },
      reason: reasons.ORDER_REJECT_REASON_CREDIT,
    },
    {
      name: 'cash that covers the reference price but not the collar, at the market',
      given: { orderType: OrderType.ORDER_TYPE_MARKET, priceTicks: 0n },
      reason: reasons.ORDER_REJECT_REASON_CREDIT,
    },
    {
      name: 'a value beyond 64 bits',
      given: { quantity: maxInt64, priceTicks: maxInt64 },
      reason: reasons.ORDER_REJECT_REASON_MAX_QUANTITY,
    },
  ])('for $name is refused with its own reason', async ({ given, reason }) => {
    expect(await reserve(given)).toBe(reason);
  });

  test('for exactly what the account has passes, on either side', async () => {
    expect(await reserve({ quantity: 10n })).toBe(passed);
    expect(await reserve({ quantity: 10n, side: Side.SIDE_SELL })).toBe(passed);
  });

  test.for<{ name: string; given: Given }>([
    { name: 'no account', given: { account: '' } },
    { name: 'a client order id with a space', given: { clientOrderId: 'a b' } },
    { name: 'no side', given: { side: Side.SIDE_UNSPECIFIED } },
    { name: 'an order type of the future', given: { orderType: 9 as OrderType } },
    { name: 'no time in force', given: { timeInForce: TimeInForce.TIME_IN_FORCE_UNSPECIFIED } },
    { name: 'no quantity', given: { quantity: 0n } },
    { name: 'no limit price', given: { priceTicks: 0n } },
    { name: 'a market order with a price', given: { orderType: OrderType.ORDER_TYPE_MARKET } },
  ])('with $name is INVALID_ARGUMENT', async ({ given }) => {
    expect(await codeOf(reserve(given))).toBe(status.INVALID_ARGUMENT);
  });

  test('without terms is INVALID_ARGUMENT', async () => {
    expect(await codeOf(risk.client.reserve({ terms: undefined }))).toBe(status.INVALID_ARGUMENT);
  });

  test('too many in the window of its account is refused for the order rate, and other accounts are not', async () => {
    const account = fresh('A');
    for (const quantity of [1n, 2n, 3n]) expect(await reserve({ account, quantity }, strict)).toBe(passed);
    expect(await reserve({ account, quantity: 4n }, strict)).toBe(reasons.ORDER_REJECT_REASON_ORDER_RATE);
    expect(await reserve({}, strict)).toBe(passed);
  });

  test('with the terms of another one shortly before is refused as duplicate; other terms are not', async () => {
    const account = fresh('A');
    expect(await reserve({ account, quantity: 1n }, strict)).toBe(passed);
    expect(await reserve({ account, quantity: 1n }, strict)).toBe(reasons.ORDER_REJECT_REASON_DUPLICATE);
    expect(await reserve({ account, quantity: 1n, priceTicks: 99n }, strict)).toBe(passed);
  });
});

describe('a repeated order', () => {
  test('gets the stored answer and holds nothing more', async () => {
    const terms = termsOf({ quantity: 6n });
    const first = await risk.client.reserve({ terms });
    expect(await replica.client.reserve({ terms })).toEqual(first);
    expect(await reserve({ account: terms.account, quantity: 4n })).toBe(passed);
  });

  test('gets its stored refusal although it would pass by now', async () => {
    const terms = termsOf({ quantity: 11n });
    expect((await risk.client.reserve({ terms })).rejectReason).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
    holdings.set(terms.account, { cashMinor: 10_000n, positionQuantity: 0n });
    expect((await risk.client.reserve({ terms })).rejectReason).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
    expect(await reserve({ account: terms.account, quantity: 11n })).toBe(passed);
  });

  test('with other terms is INVALID_ARGUMENT', async () => {
    const terms = termsOf();
    await risk.client.reserve({ terms });
    expect(await codeOf(risk.client.reserve({ terms: { ...terms, quantity: 9n } }))).toBe(status.INVALID_ARGUMENT);
  });
});

describe('a reservation', () => {
  test('makes the rest of the credit smaller, on every replica', async () => {
    const account = fresh('A');
    expect(await reserve({ account, quantity: 6n })).toBe(passed);
    expect(await reserve({ account, quantity: 5n }, replica)).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
    expect(await reserve({ account, quantity: 4n }, replica)).toBe(passed);
  });

  test('of cash does not bind units', async () => {
    const account = fresh('A');
    expect(await reserve({ account, quantity: 10n })).toBe(passed);
    expect(await reserve({ account, quantity: 10n, side: Side.SIDE_SELL })).toBe(passed);
  });

  test('is lowered by a cancel and free again', async () => {
    const terms = termsOf({ quantity: 10n });
    await risk.client.reserve({ terms });
    await adjust(terms, 5n, 4n);
    expect(await reserve({ account: terms.account, quantity: 7n })).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
    expect(await reserve({ account: terms.account, quantity: 6n })).toBe(passed);
  });

  test('ignores an adjustment that is not newer', async () => {
    const terms = termsOf({ quantity: 10n });
    await risk.client.reserve({ terms });
    await adjust(terms, 5n, 8n);
    await adjust(terms, 5n, 0n);
    await adjust(terms, 4n, 0n);
    await adjust(terms, 0n, 0n);
    expect(await reserve({ account: terms.account, quantity: 3n })).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
  });

  test('ends at the newest report, in whatever order, however often and however close together reports arrive', async () => {
    const reports = fc
      .uniqueArray(fc.bigInt({ min: 1n, max: 50n }), { minLength: 1, maxLength: 8 })
      .chain((sequences) => {
        const sorted = [...sequences].sort((left, right) => (left < right ? -1 : 1));
        const all = sorted.map((sequence, index) => ({ sequence, leaves: BigInt(9 - index) }));
        const arrivals = fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 });
        return fc.record({ leaves: fc.constant(10n - BigInt(all.length)), arrivals });
      });
    await fc.assert(
      fc.asyncProperty(reports, async ({ leaves, arrivals }) => {
        const terms = termsOf({ quantity: 10n });
        await risk.client.reserve({ terms });
        await Promise.all(arrivals.map((report) => adjust(terms, report.sequence, report.leaves)));
        const rest = 10n - leaves;
        expect(await reserve({ account: terms.account, quantity: rest + 1n })).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
        expect(await reserve({ account: terms.account, quantity: rest })).toBe(passed);
      }),
      { numRuns: 20 },
    );
  });

  test('is released with sequence 0 when the order never reached the market, and its answer has expired', async () => {
    const terms = termsOf({ quantity: 10n });
    await risk.client.reserve({ terms });
    await adjust(terms, 0n, 0n);
    expect(await reserve({ account: terms.account, quantity: 10n })).toBe(passed);
    const { expiresAtUnixUs } = await risk.client.reserve({ terms });
    expect(expiresAtUnixUs / 1000n <= BigInt(Date.now())).toBe(true);
  });

  test('that was never confirmed lapses', async () => {
    const account = fresh('A');
    expect(await reserve({ account, quantity: 10n }, hasty)).toBe(passed);
    expect(await reserve({ account, quantity: 10n })).toBe(passed);
  });

  test('of an order that rests on the book never lapses', async () => {
    const terms = termsOf({ quantity: 10n });
    await hasty.client.reserve({ terms });
    await adjust(terms, 1n, 10n);
    expect(await reserve({ account: terms.account, quantity: 1n })).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
  });

  test('that lapsed is judged anew when its order is repeated', async () => {
    const terms = termsOf({ quantity: 10n });
    await hasty.client.reserve({ terms });
    expect(await reserve({ account: terms.account, quantity: 10n })).toBe(passed);
    expect((await risk.client.reserve({ terms })).rejectReason).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
  });

  test('that lapsed is not judged anew when the market reports its order in that moment', async () => {
    const terms = termsOf({ quantity: 10n });
    await hasty.client.reserve({ terms });
    const rival = await database.connectAdmin();
    try {
      await rival.query('begin');
      const report = 'update trading_risk.reservation set sequence = 7, leaves_quantity = 3 where client_order_id = $1';
      await rival.query(report, [terms.clientOrderId]);
      const renewal = codeOf(risk.client.reserve({ terms }));
      const waits = `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = 'trading_risk'`;
      await expect.poll(async () => (await rival.query(waits)).rows).toEqual([{ count: '1' }]);
      await rival.query('commit');
      expect(await renewal).toBe(status.UNAVAILABLE);
    } finally {
      await rival.end();
    }
    expect(await reserve({ account: terms.account, quantity: 8n })).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
    expect(await reserve({ account: terms.account, quantity: 7n })).toBe(passed);
  });

  test('that lapsed comes back when the market reports its order', async () => {
    const terms = termsOf({ quantity: 10n });
    await hasty.client.reserve({ terms });
    await adjust(terms, 7n, 3n);
    expect(await reserve({ account: terms.account, quantity: 8n })).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
    expect(await reserve({ account: terms.account, quantity: 7n })).toBe(passed);
  });

  test('moves the reference price with a fill, but not with an older one', async () => {
    const symbol = 'MOVES';
    await risk.client.setInstrumentLimits({ ...limits, symbol, requestId: fresh('L') });
    const terms = termsOf({ symbol, quantity: 10n });
    await risk.client.reserve({ terms });
    const other = termsOf({ symbol, quantity: 10n });
    await risk.client.reserve({ terms: other });
    await adjust(terms, 21n, 5n, 110n);
    await adjust(other, 20n, 5n, 50n);
    expect(await reserve({ symbol, quantity: 1n, priceTicks: 121n })).toBe(passed);
    expect(await reserve({ symbol, quantity: 1n, priceTicks: 98n })).toBe(reasons.ORDER_REJECT_REASON_PRICE_COLLAR);
  });

  test.for<{ name: string; given: Partial<Record<'sequence' | 'leavesQuantity' | 'lastPriceTicks', bigint>> }>([
    { name: 'leaves more than was ordered', given: { leavesQuantity: 11n } },
    { name: 'leaves less than nothing', given: { leavesQuantity: -1n } },
    { name: 'releases and leaves something', given: { sequence: 0n } },
    { name: 'has a sequence beyond 63 bits', given: { sequence: 2n ** 63n } },
    { name: 'has a negative price', given: { lastPriceTicks: -1n } },
  ])('refuses an adjustment that $name', async ({ given }) => {
    const terms = termsOf({ quantity: 10n });
    await risk.client.reserve({ terms });
    const { account, clientOrderId } = terms;
    const request = { account, clientOrderId, sequence: 1n, leavesQuantity: 1n, lastPriceTicks: 0n, ...given };
    expect(await codeOf(risk.client.adjustReservation(request))).toBe(status.INVALID_ARGUMENT);
  });

  test('that does not exist cannot be adjusted; one that was refused has nothing to release', async () => {
    expect(await codeOf(adjust({ account: 'A', clientOrderId: 'none' }, 1n, 0n))).toBe(status.NOT_FOUND);
    const refused = termsOf({ quantity: 11n });
    await risk.client.reserve({ terms: refused });
    expect(await codeOf(adjust(refused, 0n, 0n))).toBe(status.OK);
    expect(await codeOf(adjust(refused, 3n, 1n))).toBe(status.NOT_FOUND);
  });

  test('counts as held when it was released while the ledger answered', async () => {
    const terms = termsOf({ quantity: 10n });
    await risk.client.reserve({ terms });
    // The fill of all 10 units settles and is reported between the ledger's read and its answer.
    beforeAnswer = async () => {
      beforeAnswer = async () => {};
      holdings.set(terms.account, { cashMinor: 0n, positionQuantity: 20n });
      await adjust(terms, 1n, 0n, 100n);
    };
    expect(await reserve({ account: terms.account, quantity: 1n })).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
    holdings.set(terms.account, { cashMinor: 200n, positionQuantity: 20n });
    expect(await reserve({ account: terms.account, quantity: 1n })).toBe(passed);
  });
});

describe('the kill switch', () => {
  const turn = (engaged: boolean, account: string, requestId = fresh('K'), on: RunningRisk = risk) =>
    on.client.setKillSwitch({ requestId, account, engaged, reason: 'drill' });

  test('of one account stops its orders at once on every replica, and no others', async () => {
    const account = fresh('A');
    await turn(true, account);
    expect(await reserve({ account }, replica)).toBe(reasons.ORDER_REJECT_REASON_KILL_SWITCH);
    expect(await reserve({}, replica)).toBe(passed);
    await turn(false, account, fresh('K'), replica);
    expect(await reserve({ account })).toBe(passed);
  });

  test('of everyone stops every account, and is not undone by that of one', async () => {
    const account = fresh('A');
    await turn(true, '');
    await turn(false, account);
    expect(await reserve({ account }, replica)).toBe(reasons.ORDER_REJECT_REASON_KILL_SWITCH);
    expect(await reserve({})).toBe(reasons.ORDER_REJECT_REASON_KILL_SWITCH);
    await turn(false, '');
    expect(await reserve({})).toBe(passed);
  });

  test('leaves what is open alone', async () => {
    const terms = termsOf({ quantity: 10n });
    await risk.client.reserve({ terms });
    await turn(true, terms.account);
    await adjust(terms, 1n, 0n);
    await turn(false, terms.account);
    expect(await reserve({ account: terms.account, quantity: 10n })).toBe(passed);
  });

  test('acts within a second while the ledger hangs, also on orders that wait for it', async () => {
    const [account, released] = [fresh('A'), Promise.withResolvers<void>()];
    beforeAnswer = () => released.promise;
    const waiting = Array.from({ length: 40 }, () => reserve({ account, quantity: 1n }));
    const startedAt = performance.now();
    await turn(true, '');
    expect(performance.now() - startedAt).toBeLessThan(1000);
    beforeAnswer = async () => {};
    released.resolve();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([reasons.ORDER_REJECT_REASON_KILL_SWITCH]));
    await turn(false, '');
  });

  test('and other accounts do not wait behind an account whose orders pile up', async () => {
    const account = fresh('A');
    const admin = await database.connectAdmin();
    try {
      await admin.query('select pg_advisory_lock(hashtextextended($1, 50052))', [account]);
      const piledUp = Array.from({ length: 40 }, () => reserve({ account, quantity: 1n }));
      expect(await reserve({})).toBe(passed);
      await turn(true, account);
      await admin.query('select pg_advisory_unlock(hashtextextended($1, 50052))', [account]);
      expect(new Set(await Promise.all(piledUp))).toEqual(new Set([reasons.ORDER_REJECT_REASON_KILL_SWITCH]));
    } finally {
      await admin.end();
    }
  });

  test('does not act again when an old request is repeated', async () => {
    const account = fresh('A');
    const engage = fresh('K');
    await turn(true, account, engage);
    await turn(false, account);
    await turn(true, account, engage);
    expect(await reserve({ account })).toBe(passed);
    expect(await codeOf(turn(false, account, engage))).toBe(status.INVALID_ARGUMENT);
  });

  test('needs a request id and a reason', async () => {
    expect(await codeOf(turn(true, '', ''))).toBe(status.INVALID_ARGUMENT);
    expect(
      await codeOf(risk.client.setKillSwitch({ requestId: fresh('K'), account: '', engaged: true, reason: '' })),
    ).toBe(status.INVALID_ARGUMENT);
  });

  test('leaves a record that the service cannot change', async () => {
    const requestId = fresh('K');
    await turn(true, fresh('A'), requestId);
    const admin = await database.connectAdmin();
    try {
      const { rows } = await admin.query('select terms from trading_risk.operator_action where request_id = $1', [
        requestId,
      ]);
      expect(rows).toMatchObject([{ terms: { engaged: true, reason: 'drill' } }]);
      await admin.query('set role trading_risk');
      await expect(admin.query('delete from trading_risk.operator_action')).rejects.toThrow(/permission denied/);
      await expect(admin.query('update trading_risk.operator_action set terms = terms')).rejects.toThrow(
        /permission denied/,
      );
    } finally {
      await admin.end();
    }
  });
});

describe('limits', () => {
  test('set again replace the old ones; an old request repeated does not', async () => {
    const symbol = 'AGAIN';
    const first = { ...limits, symbol, requestId: fresh('L') };
    await risk.client.setInstrumentLimits(first);
    await risk.client.setInstrumentLimits({ ...first, requestId: fresh('L'), maxQuantity: 5n });
    await risk.client.setInstrumentLimits(first);
    expect(await reserve({ symbol, quantity: 6n })).toBe(reasons.ORDER_REJECT_REASON_MAX_QUANTITY);
  });

  test.for([
    { name: 'no request id', given: { requestId: '' } },
    { name: 'no reference price', given: { referencePriceTicks: 0n } },
    { name: 'no collar', given: { collarBasisPoints: 0n } },
    { name: 'a collar above 100 %', given: { collarBasisPoints: 10_001n } },
    { name: 'no tick value', given: { tickValue: undefined } },
    { name: 'a quantity below 1', given: { maxQuantity: 0n } },
  ])('with $name are INVALID_ARGUMENT', async ({ given }) => {
    const request = { ...limits, requestId: fresh('L'), ...given };
    expect(await codeOf(risk.client.setInstrumentLimits(request))).toBe(status.INVALID_ARGUMENT);
  });
});

describe('risk fails closed', () => {
  test('when the ledger is down: what would pass is UNAVAILABLE and is judged afterwards', async () => {
    const port = Number(ledger.address.split(':')[1]);
    const terms = termsOf();
    const replayed = termsOf();
    const first = await risk.client.reserve({ terms: replayed });
    ledger.stop();
    try {
      expect(await codeOf(risk.client.reserve({ terms }))).toBe(status.UNAVAILABLE);
      expect(await reserve({ quantity: 1001n })).toBe(reasons.ORDER_REJECT_REASON_MAX_QUANTITY);
      expect(await risk.client.reserve({ terms: replayed })).toEqual(first);
    } finally {
      ledger = await serveLedger(port);
    }
    await expect.poll(() => codeOf(risk.client.reserve({ terms })), { timeout: 10_000 }).toBe(status.OK);
  });

  test('when the database is down: everything is UNAVAILABLE, and nothing is forgotten', async () => {
    const terms = termsOf({ quantity: 10n });
    await risk.client.reserve({ terms });
    await database.stop();
    expect(await codeOf(reserve({}))).toBe(status.UNAVAILABLE);
    expect(await codeOf(adjust(terms, 1n, 0n))).toBe(status.UNAVAILABLE);
    await database.start();
    expect(await reserve({ account: terms.account, quantity: 1n })).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
  });
});
