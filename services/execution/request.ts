import type {
  CancelTradeRequest,
  DefineInstrumentRequest,
  SetTradingHaltRequest,
} from '../gen/trading/execution/v1/execution.ts';
import {
  type OrderTerms as OrderTermsMessage,
  OrderType,
  Side as SideMessage,
  TimeInForce as TimeInForceMessage,
} from '../gen/trading/fix/v1/fix.ts';
import type { CancelRequest, OperatorAction } from './market.ts';
import type { OrderTerms, Pricing, Side, TimeInForce } from './order.ts';

/** A request read into the domain, or every reason why it cannot be. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly string[] };

/** An operator's action with the request that names it. */
export interface RequestedAction {
  readonly requestId: string;
  readonly action: OperatorAction;
}

const account = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const clientOrderId = /^[A-Za-z0-9._-]{1,64}$/;
const symbol = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
const requestId = /^[!-~]{1,128}$/;
const currency = /^[A-Z]{3}$/;
const mostReasonLength = 256;

/** Bounds that keep every sum over a book inside 64 bits: of one quantity in units, and of one price in ticks. */
const greatestQuantity = 1_000_000_000_000n;
const greatestPriceTicks = 1_000_000_000_000n;

const sides: Readonly<Partial<Record<SideMessage, Side>>> = {
  [SideMessage.SIDE_BUY]: 'buy',
  [SideMessage.SIDE_SELL]: 'sell',
};

const timesInForce: Readonly<Partial<Record<TimeInForceMessage, TimeInForce>>> = {
  [TimeInForceMessage.TIME_IN_FORCE_DAY]: 'day',
  [TimeInForceMessage.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL]: 'immediateOrCancel',
  [TimeInForceMessage.TIME_IN_FORCE_FILL_OR_KILL]: 'fillOrKill',
};

/** Reads an order. Errors: malformed names, values that are not named, quantities and prices outside their bounds. */
export function readTerms(message: OrderTermsMessage | undefined): Reading<OrderTerms> {
  if (message === undefined) return { ok: false, problems: ['terms: expected an order, got nothing'] };
  const side = sides[message.side];
  const timeInForce = timesInForce[message.timeInForce];
  const pricing = pricingIn(message);
  const problems = [
    ...matches('account', message.account, account),
    ...matches('client_order_id', message.clientOrderId, clientOrderId),
    ...matches('symbol', message.symbol, symbol),
    ...isNamed('side', side, message.side),
    ...isNamed('order_type', pricing, message.orderType),
    ...isNamed('time_in_force', timeInForce, message.timeInForce),
    ...isWithin('quantity', message.quantity, greatestQuantity),
    ...(message.orderType === OrderType.ORDER_TYPE_LIMIT
      ? isWithin('price_ticks', message.priceTicks, greatestPriceTicks)
      : isZero('price_ticks', message.priceTicks)),
  ];
  if (problems.length > 0 || side === undefined || timeInForce === undefined || pricing === undefined) {
    return { ok: false, problems };
  }
  const { quantity } = message;
  const key = { account: message.account, clientOrderId: message.clientOrderId };
  return { ok: true, value: { ...key, symbol: message.symbol, side, pricing, timeInForce, quantity } };
}

/** Reads a cancel. Errors: malformed names. */
export function readCancel(message: CancelTradeRequest): Reading<CancelRequest> {
  const problems = [
    ...matches('account', message.account, account),
    ...matches('client_order_id', message.clientOrderId, clientOrderId),
    ...matches('request_id', message.requestId, requestId),
  ];
  return problems.length === 0 ? { ok: true, value: message } : { ok: false, problems };
}

/** Reads the listing of an instrument. Errors: malformed names, a tick without value. */
export function readListing(message: DefineInstrumentRequest): Reading<RequestedAction> {
  const tickValue = message.tickValue ?? { currency: '', amountMinor: 0n };
  const problems = [
    ...matches('request_id', message.requestId, requestId),
    ...matches('symbol', message.symbol, symbol),
    ...matches('tick_value.currency', tickValue.currency, currency),
    ...(tickValue.amountMinor > 0n
      ? []
      : [`tick_value.amount_minor: expected at least 1, got ${tickValue.amountMinor}`]),
  ];
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    value: { requestId: message.requestId, action: { kind: 'list', symbol: message.symbol, tickValue } },
  };
}

/** Reads a halt or its end. Errors: malformed names, a reason that is too long. */
export function readHalt(message: SetTradingHaltRequest): Reading<RequestedAction> {
  const problems = [
    ...matches('request_id', message.requestId, requestId),
    ...matches('symbol', message.symbol, symbol),
    ...(message.reason.length <= mostReasonLength && !message.reason.includes('\0')
      ? []
      : [`reason: expected at most ${mostReasonLength} characters without NUL`]),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const kind = message.halted ? 'halt' : 'resume';
  return {
    ok: true,
    value: { requestId: message.requestId, action: { kind, symbol: message.symbol, reason: message.reason } },
  };
}

function pricingIn({ orderType, priceTicks }: OrderTermsMessage): Pricing | undefined {
  if (orderType === OrderType.ORDER_TYPE_MARKET) return { kind: 'market' };
  return orderType === OrderType.ORDER_TYPE_LIMIT ? { kind: 'limit', priceTicks } : undefined;
}

function matches(field: string, text: string, pattern: RegExp): readonly string[] {
  return pattern.test(text) ? [] : [`${field}: expected ${pattern.source}, got \`${text.slice(0, 80)}\``];
}

function isNamed(field: string, read: unknown, given: number): readonly string[] {
  return read === undefined ? [`${field}: expected a named value, got ${given}`] : [];
}

function isWithin(field: string, amount: bigint, greatest: bigint): readonly string[] {
  return amount >= 1n && amount <= greatest ? [] : [`${field}: expected 1 to ${greatest}, got ${amount}`];
}

function isZero(field: string, amount: bigint): readonly string[] {
  return amount === 0n ? [] : [`${field}: expected 0 for a market order, got ${amount}`];
}
