import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OrderRejectReason, OrderStatus, Side } from '#services/gen/trading/fix/v1/fix.ts';
import { orderPolicy, retryMs } from '#services/order/policy.ts';
import { LeaseLost, ReportStore } from '#services/order/report-store.ts';
import { status } from '#services/runtime/index.ts';
import { asUser } from '../../../support/bare-grpc.ts';
import { eventually, fresh, quickPolicy, type RunningOrder, startOrder } from './running-order.ts';
import { terms } from './terms.ts';
import { World } from './world.ts';

let world: World;
let order: RunningOrder;
beforeAll(async () => {
  world = await World.start();
  order = await startOrder(world);
});
afterAll(async () => {
  await order.stop();
  await world[Symbol.asyncDispose]();
});

const unavailable = () => {
  throw { code: status.UNAVAILABLE, details: 'down' };
};
const pass = () => {};

/** A resting order to sell, and one to buy half of it, of an instrument that no other test trades. */
function pair() {
  const symbol = fresh('SYM');
  return {
    ask: terms({ account: fresh('seller'), symbol, side: Side.SIDE_SELL, clientOrderId: 's' }),
    bid: terms({ account: fresh('buyer'), symbol, clientOrderId: 'b', quantity: 4n }),
  };
}

const one = () => terms({ account: fresh('A'), symbol: fresh('SYM'), clientOrderId: 'o' });

const reservationOf = ({ account, clientOrderId }: { account: string; clientOrderId: string }) =>
  world.risk.reservations.get(`${account} ${clientOrderId}`)?.leavesQuantity;

const arrivalsOf = ({ account }: { account: string }) =>
  world.market.journal.filter(({ order: state }) => state?.terms?.account === account).length;

const bookingsOf = ({ symbol }: { symbol: string }) =>
  [...world.ledger.bookings.values()].filter((booked) => booked.symbol === symbol).length;

const filledAndBooked = async ({ ask, bid }: ReturnType<typeof pair>) => {
  await eventually(async () => {
    expect(await order.get(ask)).toMatchObject({ cumulativeQuantity: 4n, leavesQuantity: 6n });
    expect(await order.get(bid)).toMatchObject({ status: OrderStatus.ORDER_STATUS_FILLED });
    expect(bookingsOf(ask)).toBe(1);
    expect([reservationOf(ask), reservationOf(bid)]).toEqual([6n, 0n]);
  });
};

describe('while risk is silent', () => {
  const rejected = {
    status: OrderStatus.ORDER_STATUS_REJECTED,
    rejectReason: OrderRejectReason.ORDER_REJECT_REASON_RISK_UNAVAILABLE,
  };

  test('orders are rejected and never reach the market', async () => {
    world.risk.beforeReserve = unavailable;
    const asked = one();
    expect(await order.place(asked)).toMatchObject(rejected);
    world.risk.beforeReserve = pass;
    expect(await order.place(asked)).toMatchObject(rejected);
    expect(arrivalsOf(asked)).toBe(0);
  });

  test('a reservation that was made and not answered for is released', async () => {
    world.risk.afterReserve = unavailable;
    const asked = one();
    expect(await order.place(asked)).toMatchObject(rejected);
    world.risk.afterReserve = pass;
    await eventually(() => expect(reservationOf(asked)).toBe(0n));
  });

  test('a release waits for a Reserve that arrives after it', async () => {
    const late = Promise.withResolvers<void>();
    world.risk.beforeReserve = () => late.promise;
    const asked = one();
    expect(await order.place(asked)).toMatchObject(rejected);
    const tries = world.risk.adjustments;
    await eventually(() => expect(world.risk.adjustments).toBeGreaterThan(tries));
    world.risk.beforeReserve = pass;
    late.resolve();
    await eventually(() => expect(reservationOf(asked)).toBe(0n));
  });
});

describe('when the outcome at the market is unknown', () => {
  test('the order is sent again until the market answers, and arrives once', async () => {
    let losses = 3;
    world.market.afterSubmit = () => {
      losses -= 1;
      if (losses >= 0) unavailable();
    };
    const asked = one();
    expect(await order.place(asked)).toMatchObject({ status: OrderStatus.ORDER_STATUS_NEW });
    world.market.afterSubmit = pass;
    expect(losses).toBe(-1);
    expect(arrivalsOf(asked)).toBe(1);
  });

  test('the caller runs out of time, the saga goes on, and a repetition gets its answer', async () => {
    const stuck = Promise.withResolvers<void>();
    world.market.beforeSubmit = () => stuck.promise;
    const asked = one();
    await expect(order.place(asked, 150)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(await order.get(asked)).toMatchObject({ status: OrderStatus.ORDER_STATUS_PENDING_NEW });
    world.market.beforeSubmit = pass;
    stuck.resolve();
    expect(await order.place(asked)).toMatchObject({ status: OrderStatus.ORDER_STATUS_NEW });
    expect(arrivalsOf(asked)).toBe(1);
  });

  test('a lapsed reservation that risk does not renew ends the order, which never arrives', async () => {
    world.market.beforeSubmit = unavailable;
    world.risk.reservedUntilUs = 1n;
    world.risk.refusesRenewals = true;
    const asked = one();
    expect(await order.place(asked)).toMatchObject({
      status: OrderStatus.ORDER_STATUS_REJECTED,
      rejectReason: OrderRejectReason.ORDER_REJECT_REASON_CREDIT,
    });
    world.market.beforeSubmit = pass;
    world.risk.reservedUntilUs = 2n ** 62n;
    world.risk.refusesRenewals = false;
    expect(arrivalsOf(asked)).toBe(0);
    await eventually(() => expect(reservationOf(asked)).toBe(0n));
  });

  test('terms that the market will never take reject the order and release its reservation', async () => {
    world.market.beforeSubmit = () => {
      throw { code: status.INVALID_ARGUMENT, details: 'never' };
    };
    const asked = one();
    expect(await order.place(asked)).toMatchObject({ status: OrderStatus.ORDER_STATUS_REJECTED });
    world.market.beforeSubmit = pass;
    await eventually(() => expect(reservationOf(asked)).toBe(0n));
  });

  test('a cancel that is not answered may be repeated and is done once', async () => {
    const asked = one();
    await order.place(asked);
    const { account, clientOrderId } = asked;
    const request = { account, clientOrderId, requestId: 'r' };
    const metadata = asUser('owner', [account]);
    world.market.afterCancel = unavailable;
    await expect(order.client.cancelOrder(request, { metadata })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    world.market.afterCancel = pass;
    const answer = await order.client.cancelOrder(request, { metadata });
    expect(answer).toMatchObject({ cancelRejectReason: 0, order: { status: OrderStatus.ORDER_STATUS_CANCELED } });
  });
});

describe('execution reports', () => {
  /** Resolves when the whole journal is taken in. */
  const takenIn = () =>
    eventually(async () => {
      const [cursor] = await world.database.query<{ sequence: bigint }>('select sequence from report_cursor');
      expect(cursor?.sequence).toBe(BigInt(world.market.journal.length));
    });

  /** Lets the next stream leave out the report `after` from now. Gives its sequence. */
  const omit = async (after: bigint) => {
    const omitted = BigInt(world.market.journal.length) + after;
    const streams = world.market.streamsFrom.length;
    world.market.omitted.add(omitted);
    // The stream that is open sends everything.
    await order.stop();
    order = await startOrder(world);
    await eventually(() => expect(world.market.streamsFrom.length).toBeGreaterThan(streams));
    return omitted;
  };

  test('that are missing are asked for again, from the last one that was good', async () => {
    const { ask, bid } = pair();
    await order.place(ask);
    const omitted = await omit(2n);
    await Promise.all([order.place(bid), order.place(one())]);
    await filledAndBooked({ ask, bid });
    expect(world.market.streamsFrom.at(-1)).toBe(omitted);
  });

  test('that are missing end the stream at once, even while it stays open', async () => {
    await order.stop();
    const process = world.process();
    await eventually(() => process.parts.works.reports(AbortSignal.timeout(50)).catch(pass));
    await takenIn();
    world.market.omitted.add(BigInt(world.market.journal.length) + 2n);
    for (const clientOrderId of ['a', 'b', 'c']) world.market.submit({ ...one(), clientOrderId });
    const late = AbortSignal.timeout(5000);
    expect(await process.parts.works.reports(late)).toBe(1n);
    expect(late.aborted).toBe(false);
    expect(await process.parts.works.reports(AbortSignal.timeout(500)).catch(() => 'open')).toBe('open');
    await takenIn();
    order = await startOrder(world);
  });

  test('that are missing at the end of a stream are asked for when an order waits for them', async () => {
    const { ask, bid } = pair();
    await order.place(ask);
    const omitted = await omit(2n);
    expect(await order.place(bid)).toMatchObject({ status: OrderStatus.ORDER_STATUS_FILLED });
    await filledAndBooked({ ask, bid });
    expect(world.market.streamsFrom.at(-1)).toBe(omitted);
  });

  test('are taken in by one of two replicas, and by the other one when that is gone', async () => {
    const second = await startOrder(world);
    const first = pair();
    await order.place(first.ask);
    await second.place(first.bid);
    await filledAndBooked(first);
    await order.stop();
    order = second;
    const next = pair();
    await order.place(next.ask);
    await order.place(next.bid);
    await filledAndBooked(next);
    expect(world.ledger.deliveries.length).toBe(world.ledger.bookings.size);
  });

  test('change nothing when they come from a holder that was replaced', async () => {
    await order.stop();
    const store = new ReportStore(world.database, { timing: orderPolicy, holdMs: 0, nowUs: () => 0n });
    const replaced = await eventually(async () => {
      const lease = await store.tryAcquire();
      return lease ?? Promise.reject(new Error('the lease is held'));
    });
    const holder = await store.tryAcquire();
    expect(holder?.token).toBe(replaced.token + 1n);
    const report = { sequence: replaced.sequence + 1n, changes: [], settlement: undefined };
    await expect(store.take(replaced, [report])).rejects.toThrow(LeaseLost);
    await expect(store.renew(replaced)).rejects.toThrow(LeaseLost);
    const { sequence } = replaced;
    expect(await world.database.query('select sequence from report_cursor')).toEqual([{ sequence }]);
    await expect(store.take(replaced, [{ ...report, sequence: sequence + 2n }])).rejects.toThrow('do not follow');
    order = await startOrder(world);
  });
});

describe('while the ledger is down', () => {
  test('orders trade on, and everything is settled when it is back', async () => {
    world.ledger.beforeSettle = unavailable;
    const [first, second] = [pair(), pair()];
    for (const asked of [first.ask, first.bid, second.ask, second.bid]) await order.place(asked);
    expect(bookingsOf(first.ask)).toBe(0);
    world.ledger.beforeSettle = pass;
    await filledAndBooked(first);
    await filledAndBooked(second);
  });

  test('a settlement that was booked and not answered for is booked once', async () => {
    const asked = pair();
    let losses = 2;
    world.ledger.afterSettle = () => {
      losses -= 1;
      if (losses >= 0) unavailable();
    };
    await order.place(asked.ask);
    await order.place(asked.bid);
    await filledAndBooked(asked);
    world.ledger.afterSettle = pass;
    const open = () => world.database.query('select from settlement where settled_at is null');
    await eventually(async () => expect(await open()).toEqual([]));
  });
});

describe('when the database is lost', () => {
  test('calls are UNAVAILABLE, nothing is lost, and the service recovers by itself', { timeout: 90_000 }, async () => {
    const { ask, bid } = pair();
    await order.place(ask);
    const between = one();
    const stuck = Promise.withResolvers<void>();
    world.market.beforeSubmit = () => stuck.promise;
    const interrupted = order.place(between).catch((thrown) => thrown);
    await eventually(async () => expect((await order.get(between)).status).toBe(OrderStatus.ORDER_STATUS_PENDING_NEW));
    await world.postgres.stop();
    world.market.beforeSubmit = pass;
    stuck.resolve();
    expect(await interrupted).toMatchObject({ code: status.UNAVAILABLE });
    await expect(order.place(bid)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await expect(order.get(ask)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await world.postgres.start();
    await eventually(async () => expect(await order.place(between)).toMatchObject({ leavesQuantity: 10n }));
    expect(arrivalsOf(between)).toBe(1);
    await order.place(bid);
    await filledAndBooked({ ask, bid });
  });
});

describe('retries', () => {
  test('come at growing intervals up to the greatest one, each a little different', () => {
    const greatest = [1, 2, 3, 10, 1000].map((attempt) => retryMs(attempt, quickPolicy, () => 1));
    expect(greatest).toEqual([10, 20, 40, 100, 100]);
    expect(retryMs(1, quickPolicy, () => 0)).toBe(5);
  });
});
