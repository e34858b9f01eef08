/**
 * The pre-trade checks. They are pure: what they judge by is read beforehand, in the transaction that will write the
 * answer. Quantities are whole units, prices ticks, cash minor units of a currency.
 */

/** An order as its client asked for it; `priceTicks` is 0 for market orders. */
export interface Order {
  readonly account: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: 'buy' | 'sell';
  readonly orderType: 'market' | 'limit';
  readonly timeInForce: 'day' | 'immediateOrCancel' | 'fillOrKill';
  readonly quantity: bigint;
  readonly priceTicks: bigint;
}

/** The limits of one instrument; the collar is the greatest distance of a price from the reference price. */
export interface Limits {
  readonly referencePriceTicks: bigint;
  readonly collarBasisPoints: bigint;
  readonly maxQuantity: bigint;
  readonly maxNotionalTicks: bigint;
  readonly tickValue: { readonly currency: string; readonly amountMinor: bigint };
}

/** Whether an instrument is tradable: without limits it is not. */
export type Listing = { readonly kind: 'listed'; readonly limits: Limits } | { readonly kind: 'unlisted' };

/** Cash in a currency or units of an instrument. */
export interface Asset {
  readonly kind: 'cash' | 'units';
  readonly name: string;
}

/** What a passed order sets aside: `unitAmount` of `asset` for every unit that is open. */
export interface Hold {
  readonly asset: Asset;
  readonly unitAmount: bigint;
}

/** What an account may still commit of the asset that an order needs, or why nobody knows. */
export type Credit =
  | { readonly kind: 'available'; readonly amount: bigint }
  | { readonly kind: 'unreadable'; readonly cause: unknown };

/** Everything that an order is judged by. */
export interface Circumstances {
  readonly killed: boolean;
  readonly listing: Listing;
  /** Orders of the account in the window of the order rate, those refused for the rate left out. */
  readonly recentOrders: bigint;
  /** True iff an order with the same terms and another id passed within the window of the duplicate check. */
  readonly repeated: boolean;
  readonly credit: Credit;
}

/** Why an order was refused, in the words of FIX tag 103. */
export type Refusal =
  | 'unknownSymbol'
  | 'priceCollar'
  | 'maxQuantity'
  | 'maxNotional'
  | 'credit'
  | 'orderRate'
  | 'duplicate'
  | 'killSwitch';

/** The answer of the checks; `undecided` means that the order must not pass and that asking again may help. */
export type Judgement =
  | { readonly kind: 'passed'; readonly hold: Hold }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'undecided'; readonly cause: unknown };

const basisPointsOfWhole = 10_000n;

/** The greatest price inside the collar; what a market order may cost per unit. */
export function upperCollarOf(limits: Limits): bigint {
  return limits.referencePriceTicks + (limits.referencePriceTicks * limits.collarBasisPoints) / basisPointsOfWhole;
}

/** True iff `priceTicks` is no further from the reference price than the collar allows. */
export function isInsideCollar(limits: Limits, priceTicks: bigint): boolean {
  const distance = priceTicks - limits.referencePriceTicks;
  const magnitude = distance < 0n ? -distance : distance;
  return magnitude * basisPointsOfWhole <= limits.collarBasisPoints * limits.referencePriceTicks;
}

/** What `order` sets aside: cash at its worst price for a buy, the units for a sell. */
export function holdOf(order: Order, limits: Limits): Hold {
  return order.side === 'sell'
    ? { asset: { kind: 'units', name: order.symbol }, unitAmount: 1n }
    : {
        asset: { kind: 'cash', name: limits.tickValue.currency },
        unitAmount: worstPriceOf(order, limits) * limits.tickValue.amountMinor,
      };
}

/** Judges `order`; the first check that it fails gives the refusal. The kill switch comes first, credit last. */
export function judge(order: Order, circumstances: Circumstances, maxOrders: bigint): Judgement {
  const { killed, listing, recentOrders, repeated, credit } = circumstances;
  if (killed) return refused('killSwitch');
  if (recentOrders >= maxOrders) return refused('orderRate');
  if (listing.kind === 'unlisted') return refused('unknownSymbol');
  const { limits } = listing;
  if (order.quantity > limits.maxQuantity) return refused('maxQuantity');
  if (order.orderType === 'limit' && !isInsideCollar(limits, order.priceTicks)) return refused('priceCollar');
  if (order.quantity * worstPriceOf(order, limits) > limits.maxNotionalTicks) return refused('maxNotional');
  if (repeated) return refused('duplicate');
  if (credit.kind === 'unreadable') return { kind: 'undecided', cause: credit.cause };
  const hold = holdOf(order, limits);
  return order.quantity * hold.unitAmount > credit.amount ? refused('credit') : { kind: 'passed', hold };
}

function refused(refusal: Refusal): Judgement {
  return { kind: 'refused', refusal };
}

function worstPriceOf(order: Order, limits: Limits): bigint {
  return order.orderType === 'limit' ? order.priceTicks : upperCollarOf(limits);
}
