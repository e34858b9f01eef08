import type {
  CancelTradeResponse,
  ExecutionReport,
  OrderState as OrderStateMessage,
  SubmitTradeResponse,
} from '../gen/trading/execution/v1/execution.ts';
import {
  CancelRejectReason,
  ExecType,
  OrderRejectReason,
  OrderStatus as OrderStatusMessage,
  type OrderTerms as OrderTermsMessage,
  OrderType,
  Side as SideMessage,
  TimeInForce as TimeInForceMessage,
} from '../gen/trading/fix/v1/fix.ts';
import type { Outcome } from './book.ts';
import type { CancelAnswer, KnownOrder, Report } from './market.ts';
import type { OrderState, OrderStatus, OrderTerms, RejectReason, Side, TimeInForce } from './order.ts';

const sides: Readonly<Record<Side, SideMessage>> = { buy: SideMessage.SIDE_BUY, sell: SideMessage.SIDE_SELL };

const timesInForce: Readonly<Record<TimeInForce, TimeInForceMessage>> = {
  day: TimeInForceMessage.TIME_IN_FORCE_DAY,
  immediateOrCancel: TimeInForceMessage.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL,
  fillOrKill: TimeInForceMessage.TIME_IN_FORCE_FILL_OR_KILL,
};

const statuses: Readonly<Record<OrderStatus, OrderStatusMessage>> = {
  new: OrderStatusMessage.ORDER_STATUS_NEW,
  partiallyFilled: OrderStatusMessage.ORDER_STATUS_PARTIALLY_FILLED,
  filled: OrderStatusMessage.ORDER_STATUS_FILLED,
  canceled: OrderStatusMessage.ORDER_STATUS_CANCELED,
  rejected: OrderStatusMessage.ORDER_STATUS_REJECTED,
  expired: OrderStatusMessage.ORDER_STATUS_EXPIRED,
};

const execTypes: Readonly<Record<Outcome['kind'], ExecType>> = {
  accepted: ExecType.EXEC_TYPE_NEW,
  traded: ExecType.EXEC_TYPE_TRADE,
  canceled: ExecType.EXEC_TYPE_CANCELED,
  rejected: ExecType.EXEC_TYPE_REJECTED,
  expired: ExecType.EXEC_TYPE_EXPIRED,
};

const rejectReasons: Readonly<Record<RejectReason | 'none', OrderRejectReason>> = {
  none: OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED,
  unknownSymbol: OrderRejectReason.ORDER_REJECT_REASON_UNKNOWN_SYMBOL,
  instrumentHalted: OrderRejectReason.ORDER_REJECT_REASON_INSTRUMENT_HALTED,
  noLiquidity: OrderRejectReason.ORDER_REJECT_REASON_NO_LIQUIDITY,
};

const cancelRejectReasons: Readonly<Record<CancelAnswer['kind'], CancelRejectReason>> = {
  canceled: CancelRejectReason.CANCEL_REJECT_REASON_UNSPECIFIED,
  tooLate: CancelRejectReason.CANCEL_REJECT_REASON_TOO_LATE,
  unknownOrder: CancelRejectReason.CANCEL_REJECT_REASON_UNKNOWN_ORDER,
};

/** The answer to a submitted order. */
export function submitResponse({ state, rejectReason, sequence }: KnownOrder): SubmitTradeResponse {
  return { order: stateMessage(state), rejectReason: rejectReasons[rejectReason], sequence };
}

/** The answer to a cancel. */
export function cancelResponse(answer: CancelAnswer): CancelTradeResponse {
  return {
    order: answer.kind === 'unknownOrder' ? undefined : stateMessage(answer.state),
    cancelRejectReason: cancelRejectReasons[answer.kind],
    sequence: answer.sequence,
  };
}

/** One event of the journal on the wire. Its execution id is made of its sequence, so it is unique for as long as the journal is. */
export function reportMessage(report: Report): ExecutionReport {
  const { outcome } = report;
  const trade = outcome.kind === 'traded' ? outcome : undefined;
  return {
    sequence: report.sequence,
    instrumentSequence: report.instrumentSequence,
    executionId: `E${report.sequence}`,
    symbol: report.symbol,
    execType: execTypes[outcome.kind],
    order: stateMessage(outcome.order),
    contraOrder: trade === undefined ? undefined : stateMessage(trade.contra),
    lastQuantity: trade?.quantity ?? 0n,
    lastPriceTicks: trade?.priceTicks ?? 0n,
    rejectReason: rejectReasons[outcome.kind === 'rejected' ? outcome.reason : 'none'],
    transactTimeUnixUs: report.transactTimeUnixUs,
    tickValue: trade === undefined ? undefined : report.tickValue,
  };
}

function stateMessage({ terms, status, cumulative, leaves }: OrderState): OrderStateMessage {
  return {
    terms: termsMessage(terms),
    status: statuses[status],
    cumulativeQuantity: cumulative,
    leavesQuantity: leaves,
  };
}

function termsMessage({ pricing, side, timeInForce, ...terms }: OrderTerms): OrderTermsMessage {
  const isMarket = pricing.kind === 'market';
  return {
    ...terms,
    side: sides[side],
    orderType: isMarket ? OrderType.ORDER_TYPE_MARKET : OrderType.ORDER_TYPE_LIMIT,
    timeInForce: timesInForce[timeInForce],
    priceTicks: isMarket ? 0n : pricing.priceTicks,
  };
}
