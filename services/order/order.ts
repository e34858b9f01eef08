/** The life of one order as values. Enumerations are those of `trading.fix.v1`; `saga.ts` says how an order moves. */
import { OrderRejectReason, OrderStatus, type OrderTerms } from '../gen/trading/fix/v1/fix.ts';

/** What names an order: the account, and the name that its client chose. */
export interface OrderKey {
  readonly account: string;
  readonly clientOrderId: string;
}

/** What the client asked for; it never changes. */
export type Terms = Readonly<OrderTerms>;

/**
 * Where the saga of an order stands.
 * - `reserving`: risk is asked; the market cannot know the order.
 * - `submitting`: the market is asked until it answers; it may know the order already.
 * - `renewing`: as `submitting`, but the reservation lapsed meanwhile and risk is asked again first.
 * - `withdrawing`: risk did not renew, so the market is asked to give the order up.
 * - `reporting`: the market has answered, and told fills whose reports are still on their way.
 * - `working`: the market holds the order; reports move it.
 * - `closed`: nothing more can happen to it.
 */
export type Step = 'reserving' | 'submitting' | 'renewing' | 'withdrawing' | 'reporting' | 'working' | 'closed';

/** One order at one moment. */
export interface Order {
  readonly terms: Terms;
  readonly step: Step;
  readonly status: OrderStatus;
  /** INVARIANT: moves only with the report of a fill, together with `cumulativeNotionalTicks`: the two never disagree. */
  readonly cumulativeQuantity: bigint;
  readonly leavesQuantity: bigint;
  /** Sum over the fills of quantity times price; stops at the greatest 64-bit number. */
  readonly cumulativeNotionalTicks: bigint;
  readonly rejectReason: OrderRejectReason;
  /** Journal sequence up to which status and quantities speak; 0 = the market was not heard of yet. Never falls. */
  readonly sequence: bigint;
  /** When the reservation lapses unless the market was heard of: microseconds since the epoch, 0 = none. */
  readonly reservedUntilUs: bigint;
  /** In step `reporting`: what the market has answered, to hold as soon as reports have told its fills. */
  readonly awaited: Awaited;
}

/** A state of the market that speaks of fills which no report has told yet; all zero when nothing is awaited. */
interface Awaited {
  readonly sequence: bigint;
  readonly status: OrderStatus;
  readonly cumulativeQuantity: bigint;
}

/** An order that was just accepted. */
export function newOrder(terms: Terms): Order {
  return {
    terms,
    step: 'reserving',
    status: OrderStatus.ORDER_STATUS_PENDING_NEW,
    cumulativeQuantity: 0n,
    leavesQuantity: terms.quantity,
    cumulativeNotionalTicks: 0n,
    rejectReason: OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED,
    sequence: 0n,
    reservedUntilUs: 0n,
    awaited: { sequence: 0n, status: OrderStatus.ORDER_STATUS_UNSPECIFIED, cumulativeQuantity: 0n },
  };
}

/** One text for an order's name, for use as a key: neither part holds a space. */
export function keyText({ account, clientOrderId }: OrderKey): string {
  return `${account} ${clientOrderId}`;
}

/** True iff two orders ask for the same. */
export function sameTerms(one: Terms, other: Terms): boolean {
  return (
    keyText(one) === keyText(other) &&
    one.symbol === other.symbol &&
    one.side === other.side &&
    one.orderType === other.orderType &&
    one.timeInForce === other.timeInForce &&
    one.quantity === other.quantity &&
    one.priceTicks === other.priceTicks
  );
}

const finalStatuses: ReadonlySet<OrderStatus> = new Set([
  OrderStatus.ORDER_STATUS_FILLED,
  OrderStatus.ORDER_STATUS_CANCELED,
  OrderStatus.ORDER_STATUS_REJECTED,
  OrderStatus.ORDER_STATUS_EXPIRED,
]);

/** True iff an order of this status can neither trade nor be cancelled any more. */
export function isFinal(status: OrderStatus): boolean {
  return finalStatuses.has(status);
}
