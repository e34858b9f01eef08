/**
 * The saga of an order as data: step × event → next order + effects. Whoever runs it (a handler, a worker after a crash,
 * two replicas at once) writes the next order and its effects in one transaction; an event that comes twice or late
 * finds no move and changes nothing.
 */
import { OrderRejectReason, OrderStatus } from '../gen/trading/fix/v1/fix.ts';
import { isFinal, type Order, type Step } from './order.ts';

/** One order as the market tells it, right after journal entry `sequence`. */
export interface MarketState {
  readonly sequence: bigint;
  readonly status: OrderStatus;
  readonly cumulativeQuantity: bigint;
  readonly leavesQuantity: bigint;
  readonly rejectReason: OrderRejectReason;
}

/** A trade of an order, from one side. */
export interface Fill {
  readonly quantity: bigint;
  readonly priceTicks: bigint;
}

/** What can happen to an order. */
export type SagaEvent =
  /** Risk passed the order and holds what it needs. */
  | { readonly kind: 'reservationGranted'; readonly untilUs: bigint }
  | { readonly kind: 'reservationRefused'; readonly reason: OrderRejectReason }
  /** Risk gave no answer: a reservation may exist or not. */
  | { readonly kind: 'riskSilent' }
  /** The reservation ran out before the market was heard of. */
  | { readonly kind: 'reservationLapsed' }
  /** The market answered a submit or a cancel. */
  | { readonly kind: 'marketAnswered'; readonly state: MarketState }
  /** The market will never take these terms. */
  | { readonly kind: 'marketRefused'; readonly reason: OrderRejectReason }
  /** The market has never heard of the order. */
  | { readonly kind: 'marketDisowned' }
  /** An execution report names the order. Every report comes exactly once. */
  | { readonly kind: 'marketReported'; readonly state: MarketState; readonly fill: Fill | undefined };

/** Work that a move makes due. */
export type Effect =
  /** The answer to PlaceOrder is now fixed. */
  | { readonly kind: 'answer' }
  /** Risk is to hold no more than `leavesQuantity`; sequence 0 releases an order that never reached the market. */
  | {
      readonly kind: 'adjust';
      readonly sequence: bigint;
      readonly leavesQuantity: bigint;
      readonly lastPriceTicks: bigint;
    };

/** An order after a move, with what the move makes due. */
export interface Move {
  readonly order: Order;
  readonly effects: readonly Effect[];
}

type EventOf<K extends SagaEvent['kind']> = Extract<SagaEvent, { kind: K }>;
type Moves = { readonly [K in SagaEvent['kind']]?: (order: Order, event: EventOf<K>) => Move };

const answer: Effect = { kind: 'answer' };
const release: Effect = { kind: 'adjust', sequence: 0n, leavesQuantity: 0n, lastPriceTicks: 0n };
const maxInt64 = 2n ** 63n - 1n;

const noReason = OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED;
const riskUnavailable = OrderRejectReason.ORDER_REJECT_REASON_RISK_UNAVAILABLE;

const to = (order: Order, step: Step): Move => ({ order: { ...order, step }, effects: [] });
const rejectedWith = (order: Order, reason: OrderRejectReason, effects: readonly Effect[]): Move => ({
  order: {
    ...order,
    step: 'closed',
    status: OrderStatus.ORDER_STATUS_REJECTED,
    leavesQuantity: 0n,
    rejectReason: reason,
  },
  effects: [...effects, answer],
});
const withdrawnFor = (order: Order, rejectReason: OrderRejectReason): Move =>
  to({ ...order, rejectReason }, 'withdrawing');
const granted = (order: Order, { untilUs }: EventOf<'reservationGranted'>): Move =>
  to({ ...order, reservedUntilUs: untilUs }, 'submitting');

/** The step of an order that the market holds or has ended. */
const stepAtMarket = ({ status }: Order): Step => (isFinal(status) ? 'closed' : 'working');

/** Takes over what the market tells, unless something newer is known or it tells fills that no report has told yet. */
function toldBy(order: Order, state: MarketState): Order {
  if (state.sequence < order.sequence || state.cumulativeQuantity > order.cumulativeQuantity) return order;
  const { sequence, status, leavesQuantity, rejectReason } = state;
  return { ...order, sequence, status, leavesQuantity, rejectReason };
}

/** The market's first answer: the order is answered for as soon as reports have told every fill that it speaks of. */
function arrived(order: Order, { state }: EventOf<'marketAnswered'>): Move {
  if (state.cumulativeQuantity > order.cumulativeQuantity) {
    const { sequence, status, cumulativeQuantity } = state;
    return to({ ...order, rejectReason: noReason, awaited: { sequence, status, cumulativeQuantity } }, 'reporting');
  }
  const told = toldBy({ ...order, rejectReason: noReason }, state);
  return { order: { ...told, step: stepAtMarket(told) }, effects: [answer] };
}

/** A later answer, to a cancel. */
function updated(order: Order, { state }: EventOf<'marketAnswered'>): Move {
  const told = toldBy(order, state);
  return to(told, stepAtMarket(told));
}

function withFill(order: Order, state: MarketState, fill: Fill | undefined): Order {
  // INVARIANT: the same fill never counts twice, whoever delivers it again.
  if (fill === undefined || state.cumulativeQuantity <= order.cumulativeQuantity) return order;
  const notional = order.cumulativeNotionalTicks + fill.quantity * fill.priceTicks;
  return {
    ...order,
    cumulativeQuantity: state.cumulativeQuantity,
    cumulativeNotionalTicks: notional > maxInt64 ? maxInt64 : notional,
  };
}

/** The order after a report, and the reservation that follows it; the step is left to the caller. */
function reported(order: Order, { state, fill }: EventOf<'marketReported'>): Move {
  const { sequence, leavesQuantity } = state;
  const adjust: Effect = { kind: 'adjust', sequence, leavesQuantity, lastPriceTicks: fill?.priceTicks ?? 0n };
  return { order: toldBy(withFill(order, state, fill), state), effects: [adjust] };
}

/** A report of an order whose submit is not answered yet: one that ends the order answers for it as well. */
const reportedEarly =
  (step: Step) =>
  (order: Order, event: EventOf<'marketReported'>): Move => {
    const move = reported(order, event);
    if (!isFinal(move.order.status)) return { ...move, order: { ...move.order, step } };
    return { order: { ...move.order, step: 'closed' }, effects: [...move.effects, answer] };
  };

function reportedAwaited(order: Order, event: EventOf<'marketReported'>): Move {
  const move = reported(order, event);
  const { awaited, terms } = order;
  if (move.order.cumulativeQuantity < awaited.cumulativeQuantity) return move;
  const leavesQuantity = isFinal(awaited.status) ? 0n : terms.quantity - awaited.cumulativeQuantity;
  const told = toldBy(move.order, { ...awaited, leavesQuantity, rejectReason: noReason });
  return { order: { ...told, step: stepAtMarket(told) }, effects: [...move.effects, answer] };
}

function reportedLater(order: Order, event: EventOf<'marketReported'>): Move {
  const move = reported(order, event);
  return { ...move, order: { ...move.order, step: stepAtMarket(move.order) } };
}

/** Every move there is. What is not in the table changes nothing. */
const moves: Readonly<Record<Step, Moves>> = {
  reserving: {
    reservationGranted: granted,
    reservationRefused: (order, { reason }) => rejectedWith(order, reason, []),
    // Fails closed: no order without an answer from risk, and no reservation without an order.
    riskSilent: (order) => rejectedWith(order, riskUnavailable, [release]),
    marketReported: reportedEarly('submitting'),
  },
  submitting: {
    reservationLapsed: (order) => to(order, 'renewing'),
    marketAnswered: arrived,
    marketRefused: (order, { reason }) => rejectedWith(order, reason, [release]),
    marketReported: reportedEarly('submitting'),
  },
  renewing: {
    reservationGranted: granted,
    // The market may hold the order by now, so it cannot be rejected before the market has given it up.
    reservationRefused: (order, { reason }) => withdrawnFor(order, reason),
    riskSilent: (order) => withdrawnFor(order, riskUnavailable),
    marketReported: reportedEarly('submitting'),
  },
  withdrawing: {
    marketAnswered: arrived,
    marketDisowned: (order) => rejectedWith(order, order.rejectReason, [release]),
    marketReported: reportedEarly('withdrawing'),
  },
  reporting: { marketReported: reportedAwaited },
  working: { marketAnswered: updated, marketReported: reportedLater },
  // The market is right about what it holds, even of an order that was given up.
  closed: { marketReported: reportedLater },
};

/** Moves an order by an event; undefined when the event changes nothing in this step. */
export function tryMove(order: Order, event: SagaEvent): Move | undefined {
  const move = moves[order.step][event.kind] as ((order: Order, event: SagaEvent) => Move) | undefined;
  return move?.(order, event);
}

/** What has to be done for an order now. */
export type Action = 'reserve' | 'submit' | 'lapse' | 'withdraw' | 'wait';

const actions: Readonly<Record<Step, Action>> = {
  reserving: 'reserve',
  submitting: 'submit',
  renewing: 'reserve',
  withdrawing: 'withdraw',
  reporting: 'wait',
  working: 'wait',
  closed: 'wait',
};

/** The next thing to do for an order at `nowUs` (microseconds since the epoch). */
export function nextAction(order: Order, nowUs: bigint): Action {
  const unheardOf = order.sequence === 0n;
  if (order.step === 'submitting' && unheardOf && nowUs >= order.reservedUntilUs) return 'lapse';
  return actions[order.step];
}
