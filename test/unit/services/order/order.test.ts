import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CancelRejectReason,
  OrderRejectReason,
  OrderStatus,
  OrderType,
  Side,
  TimeInForce,
} from '#services/gen/trading/fix/v1/fix.ts';
import { status } from '#services/runtime/index.ts';
import { asUser } from '../../../support/bare-grpc.ts';
import { eventually, fresh, type RunningOrder, startOrder } from './running-order.ts';
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

const immediate = TimeInForce.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL;

/** A buyer and a seller of an instrument that no other test trades. */
function parties() {
  const symbol = fresh('SYM');
  const [buyer, seller] = [fresh('buyer'), fresh('seller')];
  return {
    buy: { account: buyer, symbol },
    sell: { account: seller, symbol, side: Side.SIDE_SELL },
  };
}

const reservationOf = ({ account, clientOrderId }: { account: string; clientOrderId: string }) =>
  world.risk.reservations.get(`${account} ${clientOrderId}`)?.leavesQuantity;

const arrivalsOf = ({ account, clientOrderId }: { account: string; clientOrderId: string }) =>
  world.market.journal.filter(
    ({ order: state }) => state?.terms?.account === account && state.terms.clientOrderId === clientOrderId,
  ).length;

describe('PlaceOrder', () => {
  test('answers for an order at rest as the market has it', async () => {
    const asked = terms({ ...parties().buy, clientOrderId: 'o' });
    const placed = await order.place(asked);
    expect(placed).toMatchObject({ terms: asked, status: OrderStatus.ORDER_STATUS_NEW, leavesQuantity: 10n });
    expect(reservationOf(asked)).toBe(10n);
  });

  test('answers for fills only together with what they cost', async () => {
    const { buy, sell } = parties();
    await order.place(terms({ ...sell, clientOrderId: 's', quantity: 4n, priceTicks: 98n }));
    const placed = await order.place(terms({ ...buy, clientOrderId: 'b' }));
    expect(placed).toMatchObject({
      status: OrderStatus.ORDER_STATUS_PARTIALLY_FILLED,
      cumulativeQuantity: 4n,
      leavesQuantity: 6n,
      cumulativeNotionalTicks: 392n,
    });
  });

  test('gives a replay the stored answer, whatever became of the order since', async () => {
    const { buy, sell } = parties();
    const asked = terms({ ...sell, clientOrderId: 's' });
    const first = await order.place(asked);
    await order.place(terms({ ...buy, clientOrderId: 'b' }));
    await eventually(async () => expect((await order.get(asked)).status).toBe(OrderStatus.ORDER_STATUS_FILLED));
    expect(await order.place(asked)).toEqual(first);
    expect(first.status).toBe(OrderStatus.ORDER_STATUS_NEW);
  });

  test('gives calls that come at the same time one order and one answer', async () => {
    const asked = terms({ ...parties().buy, clientOrderId: 'o' });
    const answers = await Promise.all(Array.from({ length: 8 }, () => order.place(asked)));
    expect(new Set(answers.map((answer) => answer.createdAtUnixUs)).size).toBe(1);
    expect(arrivalsOf(asked)).toBe(1);
  });

  test.for<[string, Partial<ReturnType<typeof terms>>]>([
    ['quantity', { quantity: 11n }],
    ['price', { priceTicks: 101n }],
    ['side', { side: Side.SIDE_SELL }],
    ['symbol', { symbol: 'OTHER' }],
    ['time in force', { timeInForce: immediate }],
    ['order type', { orderType: OrderType.ORDER_TYPE_MARKET, priceTicks: 0n }],
  ])('refuses a key that comes again with another %s', async ([, other]) => {
    const asked = terms({ ...parties().buy, clientOrderId: 'o' });
    await order.place(asked);
    await expect(order.place({ ...asked, ...other })).rejects.toMatchObject({ code: status.ALREADY_EXISTS });
    expect(await order.get(asked)).toMatchObject({ terms: asked });
  });

  test('keeps the keys of two accounts apart', async () => {
    const { buy } = parties();
    await order.place(terms({ ...buy, clientOrderId: 'same' }));
    const other = terms({ ...buy, account: fresh('buyer'), clientOrderId: 'same', quantity: 3n });
    expect((await order.place(other)).leavesQuantity).toBe(3n);
  });

  test('answers for an order that risk refuses, which the market never sees', async () => {
    const asked = terms({ account: fresh('A'), clientOrderId: 'o', symbol: 'RISKY' });
    expect(await order.place(asked)).toMatchObject({
      status: OrderStatus.ORDER_STATUS_REJECTED,
      rejectReason: OrderRejectReason.ORDER_REJECT_REASON_MAX_NOTIONAL,
      leavesQuantity: 0n,
    });
    expect(arrivalsOf(asked)).toBe(0);
  });

  test('answers for an order that the market rejects, and its reservation ends', async () => {
    const asked = terms({ account: fresh('A'), clientOrderId: 'o', symbol: 'HALTED' });
    expect(await order.place(asked)).toMatchObject({
      status: OrderStatus.ORDER_STATUS_REJECTED,
      rejectReason: OrderRejectReason.ORDER_REJECT_REASON_INSTRUMENT_HALTED,
    });
    await eventually(() => expect(reservationOf(asked)).toBe(0n));
  });

  test('answers for what an order that may not rest has left', async () => {
    const { buy, sell } = parties();
    await order.place(terms({ ...sell, clientOrderId: 's', quantity: 4n }));
    const asked = terms({ ...buy, clientOrderId: 'b', timeInForce: immediate });
    expect(await order.place(asked)).toMatchObject({
      status: OrderStatus.ORDER_STATUS_CANCELED,
      cumulativeQuantity: 4n,
      leavesQuantity: 0n,
      cumulativeNotionalTicks: 400n,
    });
    await eventually(() => expect(reservationOf(asked)).toBe(0n));
  });

  test('lists every problem of the terms at once', async () => {
    const broken = { ...terms({ account: 'A', clientOrderId: 'a b' }), symbol: '', quantity: 0n, priceTicks: -1n };
    const unset = { ...broken, side: Side.SIDE_UNSPECIFIED, timeInForce: TimeInForce.TIME_IN_FORCE_UNSPECIFIED };
    const refusal = await order.place(unset).catch((thrown) => thrown);
    expect(refusal.code).toBe(status.INVALID_ARGUMENT);
    const fields = String(refusal.message)
      .split('; ')
      .map((problem) => problem.split(':')[0]);
    expect(fields).toEqual(['client_order_id', 'symbol', 'side', 'time_in_force', 'quantity', 'price_ticks']);
  });

  test.for<[string, Partial<ReturnType<typeof terms>>]>([
    ['a market order with a price', { orderType: OrderType.ORDER_TYPE_MARKET }],
    ['a limit order without a price', { priceTicks: 0n }],
    ['an order without a type', { orderType: OrderType.ORDER_TYPE_UNSPECIFIED }],
    ['a notional beyond 64 bits', { quantity: 10n ** 12n, priceTicks: 10n ** 7n }],
    ['a quantity that the market does not take', { quantity: 10n ** 12n + 1n, priceTicks: 1n }],
    ['a price that the market does not take', { quantity: 1n, priceTicks: 10n ** 12n + 1n }],
  ])('refuses %s', async ([, broken]) => {
    const asked = { ...terms({ account: 'A', clientOrderId: 'o' }), ...broken };
    await expect(order.place(asked)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  test('refuses a call without terms', async () => {
    const call = order.client.placeOrder({ terms: undefined }, { metadata: asUser('owner', ['A']) });
    await expect(call).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

describe('an order of another user', () => {
  const strangers = asUser('stranger', ['somebody']);

  test('cannot be placed, read or cancelled, and answers as one that does not exist', async () => {
    const asked = terms({ ...parties().buy, clientOrderId: 'o' });
    await order.place(asked);
    const key = { account: asked.account, clientOrderId: asked.clientOrderId };
    const missing = { account: asked.account, clientOrderId: 'missing' };
    const owners = asUser('owner', [asked.account]);
    const refusals = await Promise.all(
      [
        order.client.getOrder(key, { metadata: strangers }),
        order.client.cancelOrder({ ...key, requestId: 'r' }, { metadata: strangers }),
        order.client.getOrder(missing, { metadata: owners }),
        order.client.cancelOrder({ ...missing, requestId: 'r' }, { metadata: owners }),
      ].map((call) => call.catch((thrown) => `${thrown.code} ${thrown.message}`)),
    );
    expect(new Set(refusals)).toEqual(new Set([`${status.NOT_FOUND} no such order`]));
    const placing = order.client.placeOrder({ terms: { ...asked, clientOrderId: 'p' } }, { metadata: strangers });
    await expect(placing).rejects.toMatchObject({ code: status.NOT_FOUND });
    expect((await order.get(asked)).status).toBe(OrderStatus.ORDER_STATUS_NEW);
  });

  test('is refused before anything else when there is no user', async () => {
    const asked = terms({ account: fresh('A'), clientOrderId: 'o' });
    const calls = [
      order.client.placeOrder({ terms: asked }),
      order.client.getOrder(asked),
      order.client.cancelOrder({ ...asked, requestId: 'r' }),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  });
});

describe('CancelOrder', () => {
  const cancel = ({ account, clientOrderId }: ReturnType<typeof terms>, requestId: string) =>
    order.client.cancelOrder({ account, clientOrderId, requestId }, { metadata: asUser('owner', [account]) });

  test('takes what is left off the market, and the reservation with it', async () => {
    const { buy, sell } = parties();
    const asked = terms({ ...sell, clientOrderId: 's' });
    await order.place(asked);
    await order.place(terms({ ...buy, clientOrderId: 'b', quantity: 4n }));
    const answer = await cancel(asked, 'r');
    expect(answer).toMatchObject({
      cancelRejectReason: CancelRejectReason.CANCEL_REJECT_REASON_UNSPECIFIED,
      order: { status: OrderStatus.ORDER_STATUS_CANCELED, cumulativeQuantity: 4n, cumulativeNotionalTicks: 400n },
    });
    await eventually(() => expect(reservationOf(asked)).toBe(0n));
  });

  test('gives a replay the stored answer without asking the market', async () => {
    const asked = terms({ ...parties().buy, clientOrderId: 'o' });
    await order.place(asked);
    const first = await cancel(asked, 'r');
    const asksBefore = world.market.cancels;
    expect(await cancel(asked, 'r')).toEqual(first);
    expect(world.market.cancels).toBe(asksBefore);
    expect((await cancel(asked, 'again')).cancelRejectReason).toBe(CancelRejectReason.CANCEL_REJECT_REASON_TOO_LATE);
  });

  test('is too late for an order that never reached the market', async () => {
    const asked = terms({ account: fresh('A'), clientOrderId: 'o', symbol: 'RISKY' });
    await order.place(asked);
    const asksBefore = world.market.cancels;
    expect((await cancel(asked, 'r')).cancelRejectReason).toBe(CancelRejectReason.CANCEL_REJECT_REASON_TOO_LATE);
    expect(world.market.cancels).toBe(asksBefore);
  });

  test('refuses a request id that belongs to another order', async () => {
    const { buy } = parties();
    const [one, other] = [terms({ ...buy, clientOrderId: 'a' }), terms({ ...buy, clientOrderId: 'b' })];
    await order.place(one);
    await order.place(other);
    await cancel(one, 'r');
    await expect(cancel(other, 'r')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    expect((await order.get(other)).status).toBe(OrderStatus.ORDER_STATUS_NEW);
  });

  test('waits for an order that is still on its way to the market', async () => {
    const asked = terms({ ...parties().buy, clientOrderId: 'o' });
    const arriving = Promise.withResolvers<void>();
    world.market.beforeSubmit = () => arriving.promise;
    const placing = order.place(asked);
    await eventually(async () => expect((await order.get(asked)).status).toBe(OrderStatus.ORDER_STATUS_PENDING_NEW));
    const cancelling = cancel(asked, 'r');
    arriving.resolve();
    world.market.beforeSubmit = () => {};
    expect((await cancelling).order?.status).toBe(OrderStatus.ORDER_STATUS_CANCELED);
    expect((await placing).status).toBe(OrderStatus.ORDER_STATUS_NEW);
  });

  test('that a fill overtakes tells the fill, with what it cost', async () => {
    const { buy, sell } = parties();
    const asked = terms({ ...sell, clientOrderId: 's' });
    await order.place(asked);
    const rival = terms({ ...buy, clientOrderId: 'b' });
    world.market.beforeCancel = async () => {
      world.market.beforeCancel = () => {};
      await order.place(rival);
    };
    expect(await cancel(asked, 'r')).toMatchObject({
      cancelRejectReason: CancelRejectReason.CANCEL_REJECT_REASON_TOO_LATE,
      order: { status: OrderStatus.ORDER_STATUS_FILLED, cumulativeQuantity: 10n, cumulativeNotionalTicks: 1000n },
    });
  });

  test('racing fills ends with what traded, nothing reserved, and books that agree', async () => {
    const { buy, sell } = parties();
    const asks = Array.from({ length: 12 }, (_, index) => terms({ ...sell, clientOrderId: `s${index}`, quantity: 5n }));
    const bids = asks.map((_, index) =>
      terms({ ...buy, clientOrderId: `b${index}`, quantity: 7n, timeInForce: immediate }),
    );
    await Promise.all(asks.map((ask) => order.place(ask)));
    await Promise.all([...bids.map((bid) => order.place(bid)), ...asks.map((ask) => cancel(ask, ask.clientOrderId))]);
    await eventually(async () => {
      for (const asked of [...asks, ...bids]) {
        const { cumulativeQuantity, leavesQuantity, status: orderStatus } = await order.get(asked);
        const state = world.market.tryFind(asked);
        expect({ cumulativeQuantity, leavesQuantity, status: orderStatus }).toEqual({
          cumulativeQuantity: state?.cumulativeQuantity,
          leavesQuantity: 0n,
          status: state?.status,
        });
        expect(reservationOf(asked)).toBe(0n);
      }
      const trades = world.market.journal.filter(
        ({ symbol, lastQuantity }) => symbol === sell.symbol && lastQuantity > 0n,
      );
      const booked = [...world.ledger.bookings.values()].filter(({ symbol }) => symbol === sell.symbol);
      expect(booked.map(({ quantity }) => quantity)).toEqual(trades.map(({ lastQuantity }) => lastQuantity));
    });
  });
});

describe('settlement', () => {
  test('books both sides of every trade once, in the trace of the order that led to it', async () => {
    const { buy, sell } = parties();
    const traceId = 'ab'.repeat(16);
    await order.place(terms({ ...sell, clientOrderId: 's' }));
    const asked = terms({ ...buy, clientOrderId: 'b', quantity: 4n });
    const metadata = { ...asUser('owner', [buy.account]), traceparent: `00-${traceId}-${'cd'.repeat(8)}-01` };
    await order.client.placeOrder({ terms: asked }, { metadata });
    await eventually(() =>
      expect([...world.ledger.bookings.values()].filter(({ symbol }) => symbol === buy.symbol)).toMatchObject([
        { buyerAccount: buy.account, sellerAccount: sell.account, quantity: 4n, priceTicks: 100n },
      ]),
    );
    expect(world.ledger.traces.filter((trace) => trace.includes(traceId))).toHaveLength(1);
  });

  test('comes before risk hears of the fill, so that nothing is ever neither reserved nor gone', async () => {
    const { buy, sell } = parties();
    const settling = Promise.withResolvers<void>();
    world.ledger.beforeSettle = ({ symbol }) => (symbol === buy.symbol ? settling.promise : undefined);
    const asked = terms({ ...sell, clientOrderId: 's' });
    await order.place(asked);
    await order.place(terms({ ...buy, clientOrderId: 'b', quantity: 4n }));
    const cancelled = { account: asked.account, clientOrderId: 's', requestId: 'r' };
    await order.client.cancelOrder(cancelled, { metadata: asUser('owner', [asked.account]) });
    const other = terms({ ...parties().buy, clientOrderId: 'o' });
    await order.place(other);
    const { account, clientOrderId } = other;
    await order.client.cancelOrder({ account, clientOrderId, requestId: 'r' }, { metadata: asUser('o', [account]) });
    await eventually(() => expect(reservationOf(other)).toBe(0n));
    expect(reservationOf(asked)).toBe(10n);
    settling.resolve();
    world.ledger.beforeSettle = () => {};
    await eventually(() => expect(reservationOf(asked)).toBe(0n));
  });

  test('that the ledger refuses is kept for a person and holds nothing else up', async () => {
    const { buy, sell } = parties();
    world.ledger.beforeSettle = ({ symbol }) => {
      if (symbol === buy.symbol) throw { code: status.INVALID_ARGUMENT, details: 'beyond 64 bits' };
    };
    await order.place(terms({ ...sell, clientOrderId: 's' }));
    await order.place(terms({ ...buy, clientOrderId: 'b' }));
    const others = parties();
    await order.place(terms({ ...others.sell, clientOrderId: 's' }));
    await order.place(terms({ ...others.buy, clientOrderId: 'b' }));
    const booked = (symbol: string) => [...world.ledger.bookings.values()].filter((each) => each.symbol === symbol);
    await eventually(() => expect(booked(others.buy.symbol)).toHaveLength(1));
    const kept = () => world.database.query('select refused_because from settlement where symbol = $1', [buy.symbol]);
    await eventually(async () => expect(await kept()).toEqual([{ refused_because: 'beyond 64 bits' }]));
    world.ledger.beforeSettle = () => {};
    expect(booked(buy.symbol)).toEqual([]);
  });

  test('an order that expires gives its reservation back', async () => {
    const asked = terms({ ...parties().buy, clientOrderId: 'o' });
    await order.place(asked);
    world.market.expireAll();
    await eventually(async () => expect((await order.get(asked)).status).toBe(OrderStatus.ORDER_STATUS_EXPIRED));
    await eventually(() => expect(reservationOf(asked)).toBe(0n));
  });
});
