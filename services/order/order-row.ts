import type { OrderRejectReason, OrderStatus, OrderType, Side, TimeInForce } from '../gen/trading/fix/v1/fix.ts';
import type { Order as OrderMessage } from '../gen/trading/order/v1/order.ts';
import { orderMessage } from './message.ts';
import type { Order, Step } from './order.ts';

/** An order with what the database keeps beside it. */
export interface StoredOrder {
  readonly order: Order;
  /** Counts the moves. */
  readonly version: number;
  /** How often the saga was taken up since the last move. */
  readonly attempts: number;
  /** The trace of the call that placed the order. */
  readonly traceparent: string;
  readonly createdAtUs: bigint;
  readonly updatedAtUs: bigint;
  /** The encoded answer to PlaceOrder, once it is fixed. */
  readonly answer: Buffer | undefined;
}

/** One row of `orders`. */
export interface OrderRow {
  readonly account: string;
  readonly client_order_id: string;
  readonly symbol: string;
  readonly side: number;
  readonly order_type: number;
  readonly time_in_force: number;
  readonly quantity: bigint;
  readonly price_ticks: bigint;
  readonly step: Step;
  readonly status: number;
  readonly cumulative_quantity: bigint;
  readonly leaves_quantity: bigint;
  readonly cumulative_notional_ticks: bigint;
  readonly reject_reason: number;
  readonly sequence: bigint;
  readonly reserved_until_us: bigint;
  readonly awaited_sequence: bigint;
  readonly awaited_status: number;
  readonly awaited_quantity: bigint;
  readonly answer: Buffer | null;
  readonly traceparent: string;
  readonly created_at_us: bigint;
  readonly updated_at_us: bigint;
  readonly version: number;
  readonly attempts: number;
}

/** The order that a row holds. */
export function orderOf(row: OrderRow): StoredOrder {
  return {
    order: {
      terms: {
        account: row.account,
        clientOrderId: row.client_order_id,
        symbol: row.symbol,
        side: row.side as Side,
        orderType: row.order_type as OrderType,
        timeInForce: row.time_in_force as TimeInForce,
        quantity: row.quantity,
        priceTicks: row.price_ticks,
      },
      step: row.step,
      status: row.status as OrderStatus,
      cumulativeQuantity: row.cumulative_quantity,
      leavesQuantity: row.leaves_quantity,
      cumulativeNotionalTicks: row.cumulative_notional_ticks,
      rejectReason: row.reject_reason as OrderRejectReason,
      sequence: row.sequence,
      reservedUntilUs: row.reserved_until_us,
      awaited: {
        sequence: row.awaited_sequence,
        status: row.awaited_status as OrderStatus,
        cumulativeQuantity: row.awaited_quantity,
      },
    },
    version: row.version,
    attempts: row.attempts,
    traceparent: row.traceparent,
    createdAtUs: row.created_at_us,
    updatedAtUs: row.updated_at_us,
    answer: row.answer ?? undefined,
  };
}

/** The message of a stored order. */
export function messageOf(stored: StoredOrder): OrderMessage {
  return orderMessage(stored.order, stored);
}
