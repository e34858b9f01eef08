/** Orders as the contract tells them. */
import type { CancelRejectReason } from '../gen/trading/fix/v1/fix.ts';
import { CancelOrderResponse, type Order as OrderMessage, PlaceOrderResponse } from '../gen/trading/order/v1/order.ts';
import type { Order } from './order.ts';

/** When an order was accepted, and when it last moved: microseconds since the epoch. */
export interface OrderTimes {
  readonly createdAtUs: bigint;
  readonly updatedAtUs: bigint;
}

/** The message of an order. */
export function orderMessage(order: Order, times: OrderTimes): OrderMessage {
  const { terms, status, cumulativeQuantity, leavesQuantity, cumulativeNotionalTicks, rejectReason } = order;
  return {
    terms,
    status,
    cumulativeQuantity,
    leavesQuantity,
    cumulativeNotionalTicks,
    rejectReason,
    createdAtUnixUs: times.createdAtUs,
    updatedAtUnixUs: times.updatedAtUs,
  };
}

/** The bytes of the answer to PlaceOrder; what is stored is what every replay gets. */
export function placeAnswer(order: Order, times: OrderTimes): Buffer {
  return Buffer.from(PlaceOrderResponse.encode({ order: orderMessage(order, times) }).finish());
}

/** The bytes of the answer to CancelOrder. */
export function cancelAnswer(order: OrderMessage, cancelRejectReason: CancelRejectReason): Buffer {
  return Buffer.from(CancelOrderResponse.encode({ order, cancelRejectReason }).finish());
}
