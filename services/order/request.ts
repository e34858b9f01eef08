import { OrderTerms, OrderType, Side, TimeInForce } from '../gen/trading/fix/v1/fix.ts';
import type { CancelOrderRequest, GetOrderRequest } from '../gen/trading/order/v1/order.ts';
import { RpcError, status } from '../runtime/index.ts';
import type { OrderKey, Terms } from './order.ts';

/** A request to cancel, named so that it can be repeated. */
export interface CancelRequest extends OrderKey {
  readonly requestId: string;
}

const account = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const clientOrderId = /^[A-Za-z0-9._-]{1,64}$/;
const symbol = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
const requestId = /^[!-~]{1,64}$/;
const maxInt64 = 2n ** 63n - 1n;

/** What the market takes at most: of one quantity in units, and of one price in ticks. */
const greatestAmount = 1_000_000_000_000n;

/** Reads the terms of a new order. Errors: `RpcError` INVALID_ARGUMENT that lists every problem. */
export function readTerms(given: OrderTerms | undefined): Terms {
  const terms = given ?? OrderTerms.create();
  refuse([
    ...keyProblems(terms),
    ...matches('symbol', terms.symbol, symbol),
    ...isOneOf('side', terms.side, [Side.SIDE_BUY, Side.SIDE_SELL], 'buy or sell'),
    ...isOneOf(
      'time_in_force',
      terms.timeInForce,
      [
        TimeInForce.TIME_IN_FORCE_DAY,
        TimeInForce.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL,
        TimeInForce.TIME_IN_FORCE_FILL_OR_KILL,
      ],
      'day, immediate or cancel, fill or kill',
    ),
    ...isWithin('quantity', terms.quantity),
    ...priceProblems(terms),
  ]);
  return terms;
}

/** Reads the name of an order. Errors: as `readTerms`. */
export function readKey(request: GetOrderRequest): OrderKey {
  refuse(keyProblems(request));
  return { account: request.account, clientOrderId: request.clientOrderId };
}

/** Reads a request to cancel. Errors: as `readTerms`. */
export function readCancel(request: CancelOrderRequest): CancelRequest {
  refuse([...keyProblems(request), ...matches('request_id', request.requestId, requestId)]);
  return { account: request.account, clientOrderId: request.clientOrderId, requestId: request.requestId };
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new RpcError(status.INVALID_ARGUMENT, problems.join('; '));
}

function keyProblems(key: OrderKey): readonly string[] {
  return [...matches('account', key.account, account), ...matches('client_order_id', key.clientOrderId, clientOrderId)];
}

function priceProblems({ orderType, priceTicks, quantity }: Terms): readonly string[] {
  switch (orderType) {
    case OrderType.ORDER_TYPE_MARKET:
      return priceTicks === 0n ? [] : [`price_ticks: expected 0 of a market order, got ${priceTicks}`];
    case OrderType.ORDER_TYPE_LIMIT:
      if (quantity * priceTicks <= maxInt64) return isWithin('price_ticks', priceTicks);
      return [`price_ticks: expected a notional of at most ${maxInt64}`];
    default:
      return ['order_type: expected market or limit'];
  }
}

function isWithin(field: string, amount: bigint): readonly string[] {
  return amount >= 1n && amount <= greatestAmount ? [] : [`${field}: expected 1 to ${greatestAmount}, got ${amount}`];
}

function isOneOf<T>(field: string, value: T, known: readonly T[], names: string): readonly string[] {
  return known.includes(value) ? [] : [`${field}: expected ${names}`];
}

function matches(field: string, text: string, pattern: RegExp): readonly string[] {
  return pattern.test(text) ? [] : [`${field}: expected ${pattern.source}, got \`${text.slice(0, 80)}\``];
}
