import type { Outcome } from './book.ts';
import type { CancelAnswer, Money, OperatorAction, RecordedAction, Report } from './market.ts';
import type { OrderState, OrderStatus, OrderTerms, RejectReason, Side, TimeInForce } from './order.ts';

/** A row of `trade_order`. */
export interface OrderRow {
  readonly account: string;
  readonly client_order_id: string;
  readonly symbol: string;
  readonly side: Side;
  readonly limit_price_ticks: bigint | null;
  readonly time_in_force: TimeInForce;
  readonly quantity: bigint;
}

/** A row of `event`. */
export interface EventRow {
  readonly sequence: bigint;
  readonly symbol: string;
  readonly instrument_sequence: bigint;
  readonly kind: Outcome['kind'];
  readonly account: string;
  readonly client_order_id: string;
  readonly status: OrderStatus;
  readonly cumulative: bigint;
  readonly leaves: bigint;
  readonly contra_account: string | null;
  readonly contra_client_order_id: string | null;
  readonly contra_status: OrderStatus | null;
  readonly contra_cumulative: bigint | null;
  readonly contra_leaves: bigint | null;
  readonly quantity: bigint | null;
  readonly price_ticks: bigint | null;
  readonly reject_reason: RejectReason | null;
  readonly transact_time_unix_us: bigint;
  readonly tick_currency: string | null;
  readonly tick_value_minor: bigint | null;
}

/** An event with the terms of its orders beside it. Source: the query of `JournalStore.reports`. */
export interface ReportRow extends EventRow {
  readonly side: Side;
  readonly limit_price_ticks: bigint | null;
  readonly time_in_force: TimeInForce;
  readonly order_quantity: bigint;
  readonly contra_side: Side | null;
  readonly contra_limit_price_ticks: bigint | null;
  readonly contra_time_in_force: TimeInForce | null;
  readonly contra_order_quantity: bigint | null;
}

/** A row of `operator_action` without its number. */
export interface ActionRow {
  readonly request_id: string;
  readonly subject: string;
  readonly kind: OperatorAction['kind'];
  readonly symbol: string;
  readonly tick_currency: string | null;
  readonly tick_value_minor: bigint | null;
  readonly reason: string | null;
}

/** A row of `cancel_request`. */
export interface CancelRow {
  readonly account: string;
  readonly client_order_id: string;
  readonly request_id: string;
  readonly kind: CancelAnswer['kind'];
  readonly sequence: bigint;
  readonly status: OrderStatus | null;
  readonly cumulative: bigint | null;
  readonly leaves: bigint | null;
}

/** Prints rows as the JSON that `jsonb_populate_recordset` takes; a bigint becomes a text, which the database reads back whole. */
export function printRows(rows: readonly object[]): string {
  return JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? value.toString() : value));
}

/** The row of an order's terms. */
export function orderRow(terms: OrderTerms): OrderRow {
  return {
    account: terms.account,
    client_order_id: terms.clientOrderId,
    symbol: terms.symbol,
    side: terms.side,
    limit_price_ticks: terms.pricing.kind === 'limit' ? terms.pricing.priceTicks : null,
    time_in_force: terms.timeInForce,
    quantity: terms.quantity,
  };
}

/** The terms in an order's row. */
export function termsIn(row: OrderRow): OrderTerms {
  return {
    account: row.account,
    clientOrderId: row.client_order_id,
    symbol: row.symbol,
    side: row.side,
    pricing: row.limit_price_ticks === null ? { kind: 'market' } : { kind: 'limit', priceTicks: row.limit_price_ticks },
    timeInForce: row.time_in_force,
    quantity: row.quantity,
  };
}

/** The row of a report. */
export function eventRow({ outcome, ...report }: Report): EventRow {
  const { order } = outcome;
  const trade = outcome.kind === 'traded' ? outcome : undefined;
  return {
    sequence: report.sequence,
    symbol: report.symbol,
    instrument_sequence: report.instrumentSequence,
    kind: outcome.kind,
    account: order.terms.account,
    client_order_id: order.terms.clientOrderId,
    status: order.status,
    cumulative: order.cumulative,
    leaves: order.leaves,
    contra_account: trade?.contra.terms.account ?? null,
    contra_client_order_id: trade?.contra.terms.clientOrderId ?? null,
    contra_status: trade?.contra.status ?? null,
    contra_cumulative: trade?.contra.cumulative ?? null,
    contra_leaves: trade?.contra.leaves ?? null,
    quantity: trade?.quantity ?? null,
    price_ticks: trade?.priceTicks ?? null,
    reject_reason: outcome.kind === 'rejected' ? outcome.reason : null,
    transact_time_unix_us: report.transactTimeUnixUs,
    tick_currency: report.tickValue?.currency ?? null,
    tick_value_minor: report.tickValue?.amountMinor ?? null,
  };
}

/** The report in a row. Errors: throws when the row lacks what its kind needs; the table's checks make that a bug. */
export function reportIn(row: ReportRow): Report {
  return {
    sequence: row.sequence,
    instrumentSequence: row.instrument_sequence,
    symbol: row.symbol,
    outcome: outcomeIn(row),
    transactTimeUnixUs: row.transact_time_unix_us,
    tickValue: moneyIn(row),
  };
}

function outcomeIn(row: ReportRow): Outcome {
  const order = stateIn(row, termsIn({ ...row, quantity: row.order_quantity }));
  switch (row.kind) {
    case 'traded':
      return {
        kind: 'traded',
        order,
        contra: contraIn(row),
        quantity: present(row, 'quantity'),
        priceTicks: present(row, 'price_ticks'),
      };
    case 'rejected':
      return { kind: 'rejected', order, reason: present(row, 'reject_reason') };
    case 'accepted':
    case 'canceled':
    case 'expired':
      return { kind: row.kind, order };
    default:
      return row.kind satisfies never;
  }
}

function contraIn(row: ReportRow): OrderState {
  const terms = termsIn({
    account: present(row, 'contra_account'),
    client_order_id: present(row, 'contra_client_order_id'),
    symbol: row.symbol,
    side: present(row, 'contra_side'),
    limit_price_ticks: row.contra_limit_price_ticks,
    time_in_force: present(row, 'contra_time_in_force'),
    quantity: present(row, 'contra_order_quantity'),
  });
  return {
    terms,
    status: present(row, 'contra_status'),
    cumulative: present(row, 'contra_cumulative'),
    leaves: present(row, 'contra_leaves'),
  };
}

/** The order's state that some columns hold. */
export function stateIn(
  { status, cumulative, leaves }: Pick<EventRow, 'status' | 'cumulative' | 'leaves'>,
  terms: OrderTerms,
): OrderState {
  return { terms, status, cumulative, leaves };
}

/** The row of an operator's action. */
export function actionRow({ requestId, subject, action }: RecordedAction): ActionRow {
  const listing = action.kind === 'list' ? action.tickValue : undefined;
  return {
    request_id: requestId,
    subject,
    kind: action.kind,
    symbol: action.symbol,
    tick_currency: listing?.currency ?? null,
    tick_value_minor: listing?.amountMinor ?? null,
    reason: action.kind === 'list' ? null : action.reason,
  };
}

/** The action in a row. */
export function actionIn(row: ActionRow): OperatorAction {
  const { kind, symbol } = row;
  if (kind !== 'list') return { kind, symbol, reason: present(row, 'reason') };
  const tickValue = moneyIn(row);
  if (tickValue === undefined) throw new Error(`action \`${row.request_id}\` lists an instrument without a tick value`);
  return { kind, symbol, tickValue };
}

/** The row of a cancel with its answer. */
export function cancelRow(
  { account, clientOrderId, requestId }: { account: string; clientOrderId: string; requestId: string },
  answer: CancelAnswer,
): CancelRow {
  const state = answer.kind === 'unknownOrder' ? undefined : answer.state;
  return {
    account,
    client_order_id: clientOrderId,
    request_id: requestId,
    kind: answer.kind,
    sequence: answer.sequence,
    status: state?.status ?? null,
    cumulative: state?.cumulative ?? null,
    leaves: state?.leaves ?? null,
  };
}

function moneyIn({ tick_currency: currency, tick_value_minor: amountMinor }: MoneyColumns): Money | undefined {
  return currency === null || amountMinor === null ? undefined : { currency, amountMinor };
}

type MoneyColumns = Pick<EventRow, 'tick_currency' | 'tick_value_minor'>;

/** The value of a column that the row's kind promises. */
export function present<R, C extends keyof R>(row: R, column: C): NonNullable<R[C]> {
  const value = row[column];
  if (value === null || value === undefined) throw new Error(`the journal lacks column \`${String(column)}\``);
  return value;
}
