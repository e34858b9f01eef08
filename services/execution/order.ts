/** The vocabulary of an order. Source: FIX 5.0 SP2; quantities are whole units, prices are ticks of the instrument. */

/** Side of an order (FIX tag 54). */
export type Side = 'buy' | 'sell';

/** What an order asks for as a price: any (FIX 40=1), or its limit and better (FIX 40=2). */
export type Pricing = { readonly kind: 'market' } | { readonly kind: 'limit'; readonly priceTicks: bigint };

/** How long an order stands (FIX tag 59): until the day ends, at once or not at all, or at once and whole or not at all. */
export type TimeInForce = 'day' | 'immediateOrCancel' | 'fillOrKill';

/** What names an order: the account, and the name that its client chose. */
export interface OrderKey {
  readonly account: string;
  readonly clientOrderId: string;
}

/** What the client asked for; it never changes. `quantity` is at least 1. */
export interface OrderTerms extends OrderKey {
  readonly symbol: string;
  readonly side: Side;
  readonly pricing: Pricing;
  readonly timeInForce: TimeInForce;
  readonly quantity: bigint;
}

/** Where an order stands (FIX tag 39). */
export type OrderStatus = 'new' | 'partiallyFilled' | 'filled' | 'canceled' | 'rejected' | 'expired';

/** One order at one moment. INVARIANT: `cumulative + leaves <= terms.quantity`, equal while the order is open. */
export interface OrderState {
  readonly terms: OrderTerms;
  readonly status: OrderStatus;
  readonly cumulative: bigint;
  readonly leaves: bigint;
}

/** Why the market refuses an order. */
export type RejectReason = 'unknownSymbol' | 'instrumentHalted' | 'noLiquidity';

/** One text for an order's name, for use as a key: neither part holds a space. */
export function orderKey({ account, clientOrderId }: OrderKey): string {
  return `${account} ${clientOrderId}`;
}

/** True iff two orders ask for the same. */
export function sameTerms(one: OrderTerms, other: OrderTerms): boolean {
  return (
    orderKey(one) === orderKey(other) &&
    one.symbol === other.symbol &&
    one.side === other.side &&
    one.timeInForce === other.timeInForce &&
    one.quantity === other.quantity &&
    samePricing(one.pricing, other.pricing)
  );
}

/** True iff what is left of the order waits on the book. A market order never does, whatever its time in force. */
export function rests(terms: OrderTerms): terms is OrderTerms & { readonly pricing: { readonly kind: 'limit' } } {
  return terms.pricing.kind === 'limit' && terms.timeInForce === 'day';
}

/** The open order with `leaves` units left. */
export function openState(terms: OrderTerms, leaves: bigint): OrderState {
  const cumulative = terms.quantity - leaves;
  const status = leaves === 0n ? 'filled' : cumulative === 0n ? 'new' : 'partiallyFilled';
  return { terms, status, cumulative, leaves };
}

/** The order that ended as `status` with `leaves` units not traded; nothing is left to trade. */
export function endedState(terms: OrderTerms, status: 'canceled' | 'rejected' | 'expired', leaves: bigint): OrderState {
  return { terms, status, cumulative: terms.quantity - leaves, leaves: 0n };
}

function samePricing(one: Pricing, other: Pricing): boolean {
  if (one.kind === 'market' || other.kind === 'market') return one.kind === other.kind;
  return one.priceTicks === other.priceTicks;
}
