/** Execution reports, read once from the wire: what they do to orders, and what they settle. */

import type { ExecutionReport, OrderState } from '../gen/trading/execution/v1/execution.ts';
import { ExecType, OrderRejectReason, Side } from '../gen/trading/fix/v1/fix.ts';
import type { OrderKey } from './order.ts';
import type { Fill, SagaEvent } from './saga.ts';

/** What one report does to one order. */
export interface OrderChange {
  readonly key: OrderKey;
  readonly event: Extract<SagaEvent, { kind: 'marketReported' }>;
}

/** Both sides of one execution, complete: settling it needs no second look-up. */
export interface Settlement {
  readonly executionId: string;
  readonly sequence: bigint;
  readonly symbol: string;
  readonly buyer: OrderKey;
  readonly seller: OrderKey;
  readonly quantity: bigint;
  readonly priceTicks: bigint;
  readonly tickValue: { readonly currency: string; readonly amountMinor: bigint };
}

/** One event of the journal. Only a trade has a settlement and changes two orders. */
export interface Report {
  readonly sequence: bigint;
  readonly changes: readonly OrderChange[];
  readonly settlement: Settlement | undefined;
}

/** Reads a report. Errors: throws when it contradicts its contract; such a journal must not be settled from. */
export function readReport(report: ExecutionReport): Report {
  const isTrade = report.execType === ExecType.EXEC_TYPE_TRADE;
  const fill = isTrade ? { quantity: report.lastQuantity, priceTicks: report.lastPriceTicks } : undefined;
  const order = present(report, report.order, 'order');
  if (!isTrade) return { sequence: report.sequence, changes: [changeOf(report, order, fill)], settlement: undefined };
  const contra = present(report, report.contraOrder, 'contra_order');
  return {
    sequence: report.sequence,
    changes: [changeOf(report, order, fill), changeOf(report, contra, fill)],
    settlement: settlementOf(report, order, contra),
  };
}

type KnownState = OrderState & { readonly terms: NonNullable<OrderState['terms']> };

function present(report: ExecutionReport, state: OrderState | undefined, field: string): KnownState {
  if (state?.terms === undefined)
    throw new Error(`execution report ${report.sequence}: expected \`${field}\`, got none`);
  return { ...state, terms: state.terms };
}

function changeOf(report: ExecutionReport, state: KnownState, fill: Fill | undefined): OrderChange {
  const { account, clientOrderId } = state.terms;
  const { status, cumulativeQuantity, leavesQuantity } = state;
  const rejectReason =
    report.execType === ExecType.EXEC_TYPE_REJECTED
      ? report.rejectReason
      : OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED;
  const market = { sequence: report.sequence, status, cumulativeQuantity, leavesQuantity, rejectReason };
  return { key: { account, clientOrderId }, event: { kind: 'marketReported', state: market, fill } };
}

function settlementOf(report: ExecutionReport, order: KnownState, contra: KnownState): Settlement {
  const { sequence, executionId, symbol, tickValue } = report;
  if (executionId === '' || tickValue === undefined || order.terms.side === contra.terms.side) {
    throw new Error(`execution report ${sequence}: expected an execution id, a tick value and two sides`);
  }
  const [buyer, seller] = order.terms.side === Side.SIDE_BUY ? [order, contra] : [contra, order];
  return {
    executionId,
    sequence,
    symbol,
    buyer: keyOf(buyer),
    seller: keyOf(seller),
    quantity: report.lastQuantity,
    priceTicks: report.lastPriceTicks,
    tickValue: { currency: tickValue.currency, amountMinor: tickValue.amountMinor },
  };
}

function keyOf({ terms: { account, clientOrderId } }: KnownState): OrderKey {
  return { account, clientOrderId };
}
