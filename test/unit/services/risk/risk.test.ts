import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OrderRejectReason, OrderType, Side, TimeInForce } from '#services/gen/trading/fix/v1/fix.ts';
import { riskPolicy } from '#services/risk/policy.ts';
import {
  adjust,
  beforeLedgerAnswers,
  closeStand,
  codeOf,
  database,
  type Given,
  hasty,
  holdings,
  openStand,
  passed,
  reasons,
  replica,
  reserve,
  risk,
  strict,
  termsOf,
} from './risk-stand.ts';
import { fresh, limits } from './running-risk.ts';

const maxInt64 = 2n ** 63n - 1n;

beforeAll(openStand);
afterAll(closeStand);

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
    beforeLedgerAnswers(async () => {
      beforeLedgerAnswers(async () => {});
      holdings.set(terms.account, { cashMinor: 0n, positionQuantity: 20n });
      await adjust(terms, 1n, 0n, 100n);
    });
    expect(await reserve({ account: terms.account, quantity: 1n })).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
    holdings.set(terms.account, { cashMinor: 200n, positionQuantity: 20n });
    expect(await reserve({ account: terms.account, quantity: 1n })).toBe(passed);
  });
});
