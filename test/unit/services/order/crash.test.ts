import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OrderStatus, type OrderTerms, Side, TimeInForce } from '#services/gen/trading/fix/v1/fix.ts';
import type { Order } from '#services/gen/trading/order/v1/order.ts';
import { CrashPoint } from './crash.ts';
import { terms } from './terms.ts';
import { callBy, type Process, World } from './world.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

let world: World;
beforeAll(async () => {
  world = await World.start();
  world.market.endsStreams = true;
});
afterAll(() => world[Symbol.asyncDispose]());

/** What a client does. */
type Act =
  | { readonly kind: 'place'; readonly terms: OrderTerms }
  | { readonly kind: 'cancel'; readonly terms: OrderTerms; readonly requestId: string };

const place = (given: Parameters<typeof terms>[0]): Act => ({ kind: 'place', terms: terms(given) });

/** A session with every kind of outcome; `run` keeps its accounts and its symbol apart from those of other sessions. */
function session(run: string): readonly Act[] {
  const symbol = `S${run}`;
  const sell = { account: `seller${run}`, symbol, side: Side.SIDE_SELL };
  const buy = { account: `buyer${run}`, symbol };
  const now = { timeInForce: TimeInForce.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL };
  const resting = terms({ ...sell, clientOrderId: 'rests', priceTicks: 105n });
  return [
    place({ ...sell, clientOrderId: 'sold' }),
    place({ ...buy, clientOrderId: 'fills', quantity: 4n, priceTicks: 101n }),
    place({ ...buy, clientOrderId: 'sweeps', quantity: 20n, ...now }),
    place({ ...buy, clientOrderId: 'refused', symbol: 'RISKY' }),
    { kind: 'place', terms: resting },
    { kind: 'cancel', terms: resting, requestId: 'cancel-1' },
    place({ ...sell, clientOrderId: 'stays', priceTicks: 106n }),
  ];
}

function request({ parts: { handlers } }: Process, act: Act): Promise<unknown> {
  const { account, clientOrderId } = act.terms;
  return act.kind === 'place'
    ? handlers.placeOrder({ terms: act.terms }, callBy(account))
    : handlers.cancelOrder({ account, clientOrderId, requestId: act.requestId }, callBy(account));
}

function perform(process: Process, act: Act): Promise<unknown> {
  return process.call(() => request(process, act));
}

interface Played {
  readonly answers: readonly unknown[];
  readonly last: Process;
  readonly crashes: number;
}

/** Plays a session on processes that follow one another: whenever one crashes, the client repeats its call to the next. */
async function play(acts: readonly Act[], crashes: readonly number[]): Promise<Played> {
  const points = crashes.values();
  let processes = 0;
  const next = () => {
    processes += 1;
    return world.process(new CrashPoint(points.next().value ?? Number.POSITIVE_INFINITY));
  };
  let process = next();
  const untilDone = async <R>(work: () => Promise<R>): Promise<R> => {
    for (;;) {
      try {
        return await work();
      } catch (thrown) {
        if (!process.crash.hasCrashed) throw thrown;
        process = next();
      }
    }
  };
  const answers: unknown[] = [];
  for (const act of acts) answers.push(await untilDone(() => perform(process, act)));
  await untilDone(() => process.settle());
  return { answers, last: world.process(), crashes: processes - 1 };
}

const ofRun = (symbol: string) => world.market.journal.filter((report) => report.symbol === symbol);

/** What is wrong after a session, in words; empty when nothing was lost, doubled or made up. */
async function faults(acts: readonly Act[], played: Played): Promise<readonly string[]> {
  const found: string[] = [];
  const expectSame = (what: string, expected: unknown, actual: unknown) => {
    if (print(expected) !== print(actual)) found.push(`${what}: expected ${print(expected)}, got ${print(actual)}`);
  };
  for (const [index, act] of acts.entries()) {
    const { terms: asked } = act;
    const { clientOrderId } = asked;
    const waits = played.last.clock.nextPause().then(() => 'no answer was stored');
    const replayed = await Promise.race([request(played.last, act), waits]);
    expectSame(`${clientOrderId}: replayed answer`, played.answers[index], replayed);
    if (act.kind === 'cancel') continue;
    const { order } = await played.last.parts.handlers.getOrder(asked, callBy(asked.account));
    expectSame(`${clientOrderId}: order`, expectedOrder(asked), order && figures(order));
    const held = world.risk.reservations.get(`${asked.account} ${clientOrderId}`)?.leavesQuantity ?? 0n;
    expectSame(`${clientOrderId}: reservation`, order?.leavesQuantity, held);
    const arrivals = world.market.journal.filter(
      (report) => report.execType === 1 && report.order?.terms?.clientOrderId === clientOrderId,
    );
    const own = arrivals.filter((report) => report.order?.terms?.account === asked.account);
    expectSame(`${clientOrderId}: arrivals`, asked.symbol.startsWith('S') ? 1 : 0, own.length);
  }
  const trades = acts.flatMap((act) => ofRun(act.terms.symbol)).filter((report) => report.lastQuantity > 0n);
  for (const trade of new Set(trades)) {
    const sides = [trade.order, trade.contraOrder].map((state) => state?.terms);
    const booked = world.ledger.bookings.get(trade.executionId);
    expectSame(
      `${trade.executionId}: booked`,
      [trade.lastQuantity, trade.lastPriceTicks],
      [booked?.quantity, booked?.priceTicks],
    );
    expectSame(
      `${trade.executionId}: buyer`,
      sides.find((side) => side?.side === Side.SIDE_BUY)?.account,
      booked?.buyerAccount,
    );
    expectSame(
      `${trade.executionId}: seller`,
      sides.find((side) => side?.side === Side.SIDE_SELL)?.account,
      booked?.sellerAccount,
    );
  }
  const open = await world.database.query<{ open: bigint }>(
    `select (select count(*) from adjustment) + (select count(*) from settlement where settled_at is null) as open`,
  );
  expectSame('outbox', 0n, open[0]?.open);
  return found;
}

const print = (value: unknown) => JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}` : each));

function figures({ status, cumulativeQuantity, leavesQuantity, cumulativeNotionalTicks }: Order) {
  return { status, cumulativeQuantity, leavesQuantity, cumulativeNotionalTicks };
}

/** The order as the market alone tells it; risk's refusals are rejected orders that the market has never seen. */
function expectedOrder(asked: OrderTerms) {
  const state = world.market.tryFind(asked);
  const isSide = (side: OrderTerms | undefined) =>
    side?.account === asked.account && side.clientOrderId === asked.clientOrderId;
  const cumulativeNotionalTicks = world.market.journal
    .filter((report) => isSide(report.order?.terms) || isSide(report.contraOrder?.terms))
    .reduce((sum, report) => sum + report.lastQuantity * report.lastPriceTicks, 0n);
  return {
    status: state?.status ?? OrderStatus.ORDER_STATUS_REJECTED,
    cumulativeQuantity: state?.cumulativeQuantity ?? 0n,
    leavesQuantity: state?.leavesQuantity ?? 0n,
    cumulativeNotionalTicks,
  };
}

describe('a process of the order service', () => {
  test('that never crashes loses, doubles and makes up nothing, and settles every execution with one call', async () => {
    const acts = session('0');
    const played = await play(acts, []);
    expect(await faults(acts, played)).toEqual([]);
    expect(world.ledger.deliveries.length).toBe(world.ledger.bookings.size);
    expect(world.ledger.bookings.size).toBe(2);
  });

  test('may crash at any step: the next one loses, doubles and makes up nothing', { timeout: 240_000 }, async () => {
    const found: string[] = [];
    let steps = 0;
    for (let crash = 1; ; crash += 1) {
      const acts = session(String(crash));
      const played = await play(acts, [crash]);
      found.push(...(await faults(acts, played)).map((fault) => `crash at step ${crash}: ${fault}`));
      if (found.length > 0 || played.crashes === 0) {
        steps = crash;
        break;
      }
    }
    expect(found).toEqual([]);
    expect(steps).toBeGreaterThan(100);
  });

  test(`may crash again and again, in any session (seed ${seed})`, { timeout: 240_000 }, async () => {
    const order = fc.record({
      account: fc.constantFrom('x', 'y'),
      side: fc.constantFrom(Side.SIDE_BUY, Side.SIDE_SELL),
      quantity: fc.bigInt(1n, 9n),
      priceTicks: fc.bigInt(98n, 102n),
      timeInForce: fc.constantFrom(
        TimeInForce.TIME_IN_FORCE_DAY,
        TimeInForce.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL,
        TimeInForce.TIME_IN_FORCE_FILL_OR_KILL,
      ),
      isCancelled: fc.boolean(),
    });
    const sessions = fc.array(order, { minLength: 3, maxLength: 8 });
    const crashes = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 4 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(sessions, crashes, async (orders, at) => {
        run += 1;
        const acts = orders.flatMap(({ account, isCancelled, ...asked }, index): readonly Act[] => {
          const key = { account: `${account}-random${run}`, clientOrderId: `o${index}`, symbol: `Srandom${run}` };
          const placing = place({ ...key, ...asked });
          return isCancelled ? [placing, { kind: 'cancel', terms: placing.terms, requestId: `r${index}` }] : [placing];
        });
        expect(await faults(acts, await play(acts, at))).toEqual([]);
      }),
      { seed, numRuns: 20, endOnFailure: true },
    );
  });
});
