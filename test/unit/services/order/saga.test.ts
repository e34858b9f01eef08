import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OrderRejectReason, OrderStatus } from '#services/gen/trading/fix/v1/fix.ts';
import { isFinal, newOrder, type Order, type Step } from '#services/order/order.ts';
import { type Effect, nextAction, type SagaEvent, tryMove } from '#services/order/saga.ts';
import { terms } from './terms.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const none = OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED;
const credit = OrderRejectReason.ORDER_REJECT_REASON_CREDIT;

const placed = newOrder(terms({ account: 'A', clientOrderId: 'o' }));
const at = (step: Step, more: Partial<Order> = {}): Order => ({ ...placed, step, ...more });

const granted: SagaEvent = { kind: 'reservationGranted', untilUs: 9n };
const silent: SagaEvent = { kind: 'riskSilent' };
const refused: SagaEvent = { kind: 'reservationRefused', reason: credit };
const lapsed: SagaEvent = { kind: 'reservationLapsed' };
const disowned: SagaEvent = { kind: 'marketDisowned' };

function state(sequence: bigint, status: OrderStatus, cumulativeQuantity = 0n) {
  const leavesQuantity = isFinal(status) ? 0n : 10n - cumulativeQuantity;
  return { sequence, status, cumulativeQuantity, leavesQuantity, rejectReason: none };
}
const resting = state(5n, OrderStatus.ORDER_STATUS_NEW);
const partial = state(6n, OrderStatus.ORDER_STATUS_PARTIALLY_FILLED, 4n);
const filled = state(7n, OrderStatus.ORDER_STATUS_FILLED, 10n);
const answered = (told: typeof resting): SagaEvent => ({ kind: 'marketAnswered', state: told });
const reportedNew: SagaEvent = { kind: 'marketReported', state: resting, fill: undefined };
const reportedPartial: SagaEvent = { kind: 'marketReported', state: partial, fill: { quantity: 4n, priceTicks: 99n } };
const reportedFilled: SagaEvent = { kind: 'marketReported', state: filled, fill: { quantity: 6n, priceTicks: 100n } };

/** Plays events one after another; those without a move change nothing. */
function play(start: Order, events: readonly SagaEvent[]): { order: Order; effects: Effect[] } {
  let order = start;
  const effects: Effect[] = [];
  for (const event of events) {
    const move = tryMove(order, event);
    order = move?.order ?? order;
    effects.push(...(move?.effects ?? []));
  }
  return { order, effects };
}

const answers = (effects: readonly Effect[]) => effects.filter(({ kind }) => kind === 'answer').length;
const release = { kind: 'adjust', sequence: 0n, leavesQuantity: 0n, lastPriceTicks: 0n };

describe('the saga', () => {
  test.for<[string, Order, SagaEvent, Step]>([
    ['a passed order is submitted', at('reserving'), granted, 'submitting'],
    ['a refused order is closed', at('reserving'), refused, 'closed'],
    ['risk that is silent closes the order', at('reserving'), silent, 'closed'],
    ['an order at rest works', at('submitting'), answered(resting), 'working'],
    ['fills that are not reported yet are awaited', at('submitting'), answered(partial), 'reporting'],
    ['the last awaited report ends the wait', at('reporting', { awaited: partial }), reportedPartial, 'working'],
    ['an earlier report does not', at('reporting', { awaited: filled }), reportedPartial, 'reporting'],
    ['a lapsed reservation is renewed', at('submitting'), lapsed, 'renewing'],
    ['a renewed reservation is submitted again', at('renewing'), granted, 'submitting'],
    ['an order that the market may have is not rejected unasked', at('renewing'), refused, 'withdrawing'],
    ['nor when risk is silent', at('renewing'), silent, 'withdrawing'],
    ['an order that the market disowns is closed', at('withdrawing'), disowned, 'closed'],
    ['an order that the market has works', at('withdrawing'), answered(resting), 'working'],
    ['a report before the answer leaves the submit open', at('submitting'), reportedNew, 'submitting'],
    ['a report of the end closes the submit', at('submitting', { cumulativeQuantity: 4n }), reportedFilled, 'closed'],
    ['a report tells that a renewal is pointless', at('renewing'), reportedNew, 'submitting'],
    ['a filled order is closed', at('working', { cumulativeQuantity: 4n }), reportedFilled, 'closed'],
  ])('%s', ([, order, event, step]) => {
    expect(tryMove(order, event)?.order.step).toBe(step);
  });

  test.for<[string, Order, SagaEvent]>([
    ['a second answer of risk', at('submitting'), granted],
    ['the silence of risk after its answer', at('submitting'), silent],
    ['a late answer of the market to a closed order', at('closed'), answered(resting)],
    ['a disowning of an order that works', at('working'), disowned],
    ['a lapse of an order that works', at('working'), lapsed],
  ])('%s changes nothing', ([, order, event]) => {
    expect(tryMove(order, event)).toBeUndefined();
  });

  test('releases what may be reserved exactly when an order ends without the market', () => {
    expect(play(at('reserving'), [silent]).effects).toContainEqual(release);
    expect(play(at('withdrawing'), [disowned]).effects).toContainEqual(release);
    expect(play(at('reserving'), [refused]).effects).not.toContainEqual(release);
  });

  test('rejects for the reason of risk, also after a withdrawal', () => {
    const order = play(placed, [granted, lapsed, refused, disowned]).order;
    expect(order).toMatchObject({
      status: OrderStatus.ORDER_STATUS_REJECTED,
      rejectReason: credit,
      leavesQuantity: 0n,
    });
  });

  test('forgets the reason of a withdrawal that came too late', () => {
    expect(play(placed, [granted, lapsed, refused, answered(resting)]).order.rejectReason).toBe(none);
  });

  test('ends a wait for reports in the state that the market has answered', () => {
    const canceled = state(8n, OrderStatus.ORDER_STATUS_CANCELED, 4n);
    const { order, effects } = play(at('submitting'), [answered(canceled), reportedNew, reportedPartial]);
    expect(order).toMatchObject({ step: 'closed', status: OrderStatus.ORDER_STATUS_CANCELED, leavesQuantity: 0n });
    expect(order.cumulativeNotionalTicks).toBe(396n);
    expect(answers(effects)).toBe(1);
  });

  test('asks for a renewal only while the market was not heard of', () => {
    expect(nextAction(at('submitting', { reservedUntilUs: 10n }), 9n)).toBe('submit');
    expect(nextAction(at('submitting', { reservedUntilUs: 10n }), 10n)).toBe('lapse');
    expect(nextAction(at('submitting', { reservedUntilUs: 10n, sequence: 5n }), 10n)).toBe('submit');
  });

  test('stops the notional at the greatest 64-bit number', () => {
    const fill = { quantity: 2n ** 40n, priceTicks: 2n ** 40n };
    const order = play(at('working'), [{ kind: 'marketReported', state: filled, fill }]).order;
    expect(order.cumulativeNotionalTicks).toBe(2n ** 63n - 1n);
  });
});

describe(`the saga, in any order of answers and reports (seed ${seed})`, () => {
  const reports = [reportedNew, reportedPartial, reportedFilled];

  /** The reports in their order, with answers to submits and cancels strewn among them, each as it was at its time. */
  const histories = fc
    .array(fc.tuple(fc.nat({ max: 3 }), fc.constantFrom(answered(resting), answered(partial), answered(filled))))
    .map((strewn) => {
      const events: SagaEvent[] = [];
      for (const index of [0, 1, 2, 3]) {
        for (const [place, answer] of strewn) if (place === index) events.push(answer);
        const report = reports[index];
        if (report !== undefined) events.push(report);
      }
      return events;
    });

  test('the order ends as the market has it, and is answered for once', () => {
    fc.assert(
      fc.property(histories, (events) => {
        const { order, effects } = play(at('submitting'), events);
        expect(order).toMatchObject({ step: 'closed', status: OrderStatus.ORDER_STATUS_FILLED, leavesQuantity: 0n });
        expect(order.cumulativeQuantity).toBe(10n);
        expect(order.cumulativeNotionalTicks).toBe(4n * 99n + 6n * 100n);
        expect(answers(effects)).toBe(1);
      }),
      { seed },
    );
  });

  test('sequence and fills never fall, and quantity and notional agree at every moment', () => {
    const notionals = new Map([
      [0n, 0n],
      [4n, 396n],
      [10n, 996n],
    ]);
    fc.assert(
      fc.property(histories, (events) => {
        let before = at('submitting');
        for (const event of events) {
          const after = tryMove(before, event)?.order ?? before;
          expect(after.sequence).toBeGreaterThanOrEqual(before.sequence);
          expect(after.cumulativeQuantity).toBeGreaterThanOrEqual(before.cumulativeQuantity);
          expect(after.cumulativeNotionalTicks).toBe(notionals.get(after.cumulativeQuantity));
          const isFilled = after.status === OrderStatus.ORDER_STATUS_FILLED;
          expect(isFilled).toBe(after.cumulativeQuantity === 10n);
          before = after;
        }
      }),
      { seed },
    );
  });

  test('a report that comes again counts no fill again', () => {
    fc.assert(
      fc.property(histories, fc.array(fc.constantFrom(...reports)), (events, again) => {
        const once = play(at('submitting'), events).order;
        expect(play(once, again).order).toEqual(once);
      }),
      { seed },
    );
  });

  test('every report tells risk what is open, so that the last word is the market’s', () => {
    fc.assert(
      fc.property(histories, (events) => {
        const adjustments = play(at('submitting'), events).effects.filter(({ kind }) => kind === 'adjust');
        expect(adjustments.map((effect) => effect.kind === 'adjust' && effect.sequence)).toEqual([5n, 6n, 7n]);
      }),
      { seed },
    );
  });
});
