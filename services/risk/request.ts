import { type Money, OrderTerms, OrderType, Side, TimeInForce } from '../gen/trading/fix/v1/fix.ts';
import type {
  AdjustReservationRequest,
  SetInstrumentLimitsRequest,
  SetKillSwitchRequest,
} from '../gen/trading/risk/v1/risk.ts';
import type { Limits, Order } from './checks.ts';

/** A request read into the domain, or every reason why it cannot be. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Which orders the kill switch stops. */
type KillScope = 'everyone' | `account/${string}`;

/** One turn of the kill switch. */
export interface KillOrder {
  readonly requestId: string;
  readonly scope: KillScope;
  readonly engaged: boolean;
  readonly reason: string;
}

/** The limits that an operator sets for one instrument. */
export interface LimitsOrder {
  readonly requestId: string;
  readonly symbol: string;
  readonly limits: Limits;
}

/**
 * What a report of the market says about one reservation; a price of 0 means that no fill led to it, sequence 0 that the
 * order never reached the market.
 */
export interface Adjustment {
  readonly account: string;
  readonly clientOrderId: string;
  readonly sequence: bigint;
  readonly leavesQuantity: bigint;
  readonly lastPriceTicks: bigint;
}

const account = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const clientOrderId = /^[A-Za-z0-9._-]{1,64}$/;
const symbol = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
const currency = /^[A-Z]{3}$/;
const requestId = /^[!-~]{1,128}$/;
const reason = /^.{1,256}$/su;

const maxInt64 = 2n ** 63n - 1n;

const sides: ReadonlyMap<Side, Order['side']> = new Map([
  [Side.SIDE_BUY, 'buy'],
  [Side.SIDE_SELL, 'sell'],
]);
const orderTypes: ReadonlyMap<OrderType, Order['orderType']> = new Map([
  [OrderType.ORDER_TYPE_MARKET, 'market'],
  [OrderType.ORDER_TYPE_LIMIT, 'limit'],
]);
const timesInForce: ReadonlyMap<TimeInForce, Order['timeInForce']> = new Map([
  [TimeInForce.TIME_IN_FORCE_DAY, 'day'],
  [TimeInForce.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL, 'immediateOrCancel'],
  [TimeInForce.TIME_IN_FORCE_FILL_OR_KILL, 'fillOrKill'],
]);

/** Reads the terms of an order. Errors: malformed names, unset enums, a limit order without price, a market order with one. */
export function readOrder(given: OrderTerms | undefined): Reading<Order> {
  const terms = given ?? OrderTerms.create();
  const side = sides.get(terms.side);
  const orderType = orderTypes.get(terms.orderType);
  const timeInForce = timesInForce.get(terms.timeInForce);
  const problems = [
    ...matches('account', terms.account, account),
    ...matches('client_order_id', terms.clientOrderId, clientOrderId),
    ...matches('symbol', terms.symbol, symbol),
    ...(side === undefined ? ['side: expected buy or sell'] : []),
    ...(timeInForce === undefined ? ['time_in_force: expected day, immediate or cancel, fill or kill'] : []),
    ...isAtLeast('quantity', terms.quantity, 1n),
    ...(orderType === undefined ? ['order_type: expected market or limit'] : fitsPrice(orderType, terms.priceTicks)),
  ];
  if (problems.length > 0 || side === undefined || orderType === undefined || timeInForce === undefined) {
    return { ok: false, problems };
  }
  const { quantity, priceTicks } = terms;
  const names = { account: terms.account, clientOrderId: terms.clientOrderId, symbol: terms.symbol };
  return { ok: true, value: { ...names, side, orderType, timeInForce, quantity, priceTicks } };
}

/** Reads an adjustment. Errors: malformed names, negative amounts, a release (sequence 0) that leaves something open. */
export function readAdjustment(request: AdjustReservationRequest): Reading<Adjustment> {
  const problems = [
    ...matches('account', request.account, account),
    ...matches('client_order_id', request.clientOrderId, clientOrderId),
    ...isAtLeast('leaves_quantity', request.leavesQuantity, 0n),
    ...isAtLeast('last_price_ticks', request.lastPriceTicks, 0n),
    ...(request.sequence > maxInt64 ? [`sequence: expected at most ${maxInt64}, got ${request.sequence}`] : []),
    ...(request.sequence === 0n && (request.leavesQuantity !== 0n || request.lastPriceTicks !== 0n)
      ? ['sequence: expected that of a report, got 0 with something open or filled']
      : []),
  ];
  return problems.length === 0 ? { ok: true, value: request } : { ok: false, problems };
}

/** Reads a turn of the kill switch. Errors: malformed names, no reason. */
export function readKillOrder(request: SetKillSwitchRequest): Reading<KillOrder> {
  const problems = [
    ...matches('request_id', request.requestId, requestId),
    ...(request.account === '' ? [] : matches('account', request.account, account)),
    ...matches('reason', request.reason, reason),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const scope: KillScope = request.account === '' ? 'everyone' : `account/${request.account}`;
  return { ok: true, value: { requestId: request.requestId, scope, engaged: request.engaged, reason: request.reason } };
}

/** Reads limits. Errors: malformed names, amounts below 1, a collar above 100 %. */
export function readLimits(request: SetInstrumentLimitsRequest): Reading<LimitsOrder> {
  const tickValue: Money = request.tickValue ?? { currency: '', amountMinor: 0n };
  const problems = [
    ...matches('request_id', request.requestId, requestId),
    ...matches('symbol', request.symbol, symbol),
    ...isAtLeast('reference_price_ticks', request.referencePriceTicks, 1n),
    ...isAtLeast('collar_basis_points', request.collarBasisPoints, 1n),
    ...(request.collarBasisPoints > 10_000n ? ['collar_basis_points: expected at most 10000'] : []),
    ...isAtLeast('max_quantity', request.maxQuantity, 1n),
    ...isAtLeast('max_notional_ticks', request.maxNotionalTicks, 1n),
    ...matches('tick_value.currency', tickValue.currency, currency),
    ...isAtLeast('tick_value.amount_minor', tickValue.amountMinor, 1n),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const { referencePriceTicks, collarBasisPoints, maxQuantity, maxNotionalTicks } = request;
  const limits: Limits = { referencePriceTicks, collarBasisPoints, maxQuantity, maxNotionalTicks, tickValue };
  return { ok: true, value: { requestId: request.requestId, symbol: request.symbol, limits } };
}

function fitsPrice(orderType: Order['orderType'], priceTicks: bigint): readonly string[] {
  if (orderType === 'limit') return isAtLeast('price_ticks', priceTicks, 1n);
  return priceTicks === 0n ? [] : [`price_ticks: expected 0 of a market order, got ${priceTicks}`];
}

function matches(field: string, text: string, pattern: RegExp): readonly string[] {
  return pattern.test(text) ? [] : [`${field}: expected ${pattern.source}, got \`${text.slice(0, 80)}\``];
}

function isAtLeast(field: string, amount: bigint, least: bigint): readonly string[] {
  return amount >= least ? [] : [`${field}: expected at least ${least}, got ${amount}`];
}
