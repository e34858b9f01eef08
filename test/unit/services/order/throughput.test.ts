import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Side } from '#services/gen/trading/fix/v1/fix.ts';
import { isFinal } from '#services/order/order.ts';
import { orderPolicy } from '#services/order/policy.ts';
import { eventually, type RunningOrder, startOrder } from './running-order.ts';
import { terms } from './terms.ts';
import { World } from './world.ts';

let world: World;
let order: RunningOrder;
beforeAll(async () => {
  world = await World.start();
  order = await startOrder(world, orderPolicy);
});
afterAll(async () => {
  await order.stop();
  await world[Symbol.asyncDispose]();
});

const orders = 1000;
const clients = 16;

/** Every second order trades with the one before it. */
const session = Array.from({ length: orders }, (_, index) =>
  terms({
    account: `A${index % 20}`,
    clientOrderId: `o${index}`,
    symbol: `SYM${index % 7}`,
    side: index % 2 === 0 ? Side.SIDE_SELL : Side.SIDE_BUY,
    quantity: BigInt(1 + (index % 5)),
  }),
);

describe('the saga', () => {
  test(`takes ${orders} orders of ${clients} clients from the call to the ledger at 100 a second or more`, async () => {
    const startedAt = performance.now();
    const cpuBefore = process.cpuUsage();
    const queue = session.values();
    const work = async () => {
      for (const asked of queue) await order.place(asked);
    };
    await Promise.all(Array.from({ length: clients }, work));
    const answeredMs = performance.now() - startedAt;
    const trades = world.market.journal.filter(({ lastQuantity }) => lastQuantity > 0n).length;
    await eventually(() => expect(world.ledger.bookings.size).toBe(trades));
    const settledMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpuBefore);
    const rate = (ms: number) => Math.round((orders * 1000) / ms);
    // On a machine that is busy with something else the clock says nothing; the processor time of this process does.
    const perBusySecond = rate((user + system) / 1000);
    process.stderr.write(
      `${orders} orders, ${trades} trades: answered at ${rate(answeredMs)}/s, settled at ${rate(settledMs)}/s, ` +
        `${perBusySecond} per second of processor time\n`,
    );
    await eventually(() => {
      for (const asked of session) {
        const { leavesQuantity } = world.risk.reservations.get(`${asked.account} ${asked.clientOrderId}`) ?? {};
        const state = world.market.tryFind(asked);
        expect(leavesQuantity).toBe(state === undefined || isFinal(state.status) ? 0n : state.leavesQuantity);
      }
    });
    expect(world.ledger.deliveries.length).toBe(trades);
    expect(Math.max(rate(settledMs), perBusySecond)).toBeGreaterThanOrEqual(100);
  });
});
