/**
 * The book of one instrument, matched by price, then time. It is a value: every operation gives the next book and what
 * happened, and the book that it started from stays as it was. So the journal can be written before the next book counts.
 */
import {
  endedState,
  type OrderKey,
  type OrderState,
  type OrderTerms,
  openState,
  orderKey,
  type RejectReason,
  rests,
  type Side,
} from './order.ts';

/** An order that waits. `arrival` grows from order to order: who came first trades first. */
export interface RestingOrder {
  readonly terms: OrderTerms;
  readonly leaves: bigint;
  readonly arrival: bigint;
}

/** All orders that wait at one price, the first comer first. INVARIANT: never empty. */
interface Level {
  readonly priceTicks: bigint;
  readonly orders: readonly RestingOrder[];
}

/** Both sides, the best price first. INVARIANT: the best bid is below the best ask. */
export interface Book {
  readonly buy: readonly Level[];
  readonly sell: readonly Level[];
}

/** What happened to an order. */
export type Outcome =
  | { readonly kind: 'accepted'; readonly order: OrderState }
  | {
      readonly kind: 'traded';
      /** The order that arrived last. */
      readonly order: OrderState;
      /** The order that waited; its price is the price of the trade. */
      readonly contra: OrderState;
      readonly quantity: bigint;
      readonly priceTicks: bigint;
    }
  | { readonly kind: 'canceled'; readonly order: OrderState }
  | { readonly kind: 'rejected'; readonly order: OrderState; readonly reason: RejectReason }
  | { readonly kind: 'expired'; readonly order: OrderState };

/** The next book, and what happened on the way there, in order. */
export interface Step {
  readonly book: Book;
  readonly outcomes: readonly Outcome[];
}

/** The best price of a side with everything that waits there. */
export interface Top {
  readonly priceTicks: bigint;
  readonly quantity: bigint;
}

/** A book without orders. */
export const emptyBook: Book = { buy: [], sell: [] };

/**
 * An order arrives: it trades with the other side in the order of price, then time, at the prices of the waiting orders;
 * what is left waits, or is cancelled when the terms do not let it wait.
 * Orders of one account never trade with each other: where the next to trade with is of the same account, what is left of the
 * arriving order is cancelled (cancel newest). Fill-or-kill counts only what could trade before that point.
 */
export function submit(book: Book, terms: OrderTerms, arrival: bigint): Step {
  const contraSide = opposite(terms.side);
  const levels = book[contraSide];
  if (terms.pricing.kind === 'market' && levels.length === 0) {
    return { book, outcomes: [reject(terms, 'noLiquidity')] };
  }
  const accepted: Outcome = { kind: 'accepted', order: openState(terms, terms.quantity) };
  const matching = match(levels, terms);
  if (terms.timeInForce === 'fillOrKill' && matching.leaves > 0n) {
    return { book, outcomes: [accepted, cancelRest(terms, terms.quantity)] };
  }
  const next = { ...book, [contraSide]: matching.levels };
  const outcomes = [accepted, ...matching.trades];
  if (matching.leaves === 0n) return { book: next, outcomes };
  if (matching.ended === 'byOwnOrder' || !rests(terms)) {
    return { book: next, outcomes: [...outcomes, cancelRest(terms, matching.leaves)] };
  }
  return { book: enter(next, { terms, leaves: matching.leaves, arrival }), outcomes };
}

/** The outcome of an order that is refused whole. */
export function reject(terms: OrderTerms, reason: RejectReason): Outcome {
  return { kind: 'rejected', order: endedState(terms, 'rejected', terms.quantity), reason };
}

/** Takes what is left of an order off the book; undefined when it does not wait there. */
export function cancel(book: Book, terms: OrderTerms): Step | undefined {
  const resting = tryFindResting(book, terms);
  if (resting === undefined) return undefined;
  return { book: leave(book, resting), outcomes: [cancelRest(resting.terms, resting.leaves)] };
}

/** The trading day ends: every order that still waits expires, in the order of arrival. */
export function expireDay(book: Book): Step {
  const outcomes = restingOrders(book).map(
    ({ terms, leaves }): Outcome => ({ kind: 'expired', order: endedState(terms, 'expired', leaves) }),
  );
  return { book: emptyBook, outcomes };
}

/** The best price of a side, undefined when nothing waits there. */
export function topOf(book: Book, side: Side): Top | undefined {
  const best = book[side][0];
  if (best === undefined) return undefined;
  return { priceTicks: best.priceTicks, quantity: best.orders.reduce((sum, { leaves }) => sum + leaves, 0n) };
}

/** Everything that waits, in the order of arrival. */
export function restingOrders(book: Book): readonly RestingOrder[] {
  return [...book.buy, ...book.sell]
    .flatMap(({ orders }) => orders)
    .sort((one, other) => (one.arrival < other.arrival ? -1 : 1));
}

/** Puts an order on the book as it is, without matching: at its price, behind everything that waits there. */
export function enter(book: Book, resting: RestingOrder): Book {
  const { side } = resting.terms;
  const priceTicks = priceOf(resting.terms);
  const levels = book[side];
  const place = levels.findIndex((level) => !isBetter(side, level.priceTicks, priceTicks));
  const found = place === -1 ? undefined : levels[place];
  if (found?.priceTicks === priceTicks) {
    return { ...book, [side]: levels.with(place, { priceTicks, orders: [...found.orders, resting] }) };
  }
  return {
    ...book,
    [side]: levels.toSpliced(place === -1 ? levels.length : place, 0, { priceTicks, orders: [resting] }),
  };
}

interface Matching {
  readonly levels: readonly Level[];
  readonly trades: readonly Outcome[];
  readonly leaves: bigint;
  readonly ended: 'byOwnOrder' | 'byPriceOrQuantity';
}

function match(levels: readonly Level[], terms: OrderTerms): Matching {
  const trades: Outcome[] = [];
  let leaves = terms.quantity;
  for (const [depth, level] of levels.entries()) {
    if (!accepts(terms, level.priceTicks))
      return { levels: levels.slice(depth), trades, leaves, ended: 'byPriceOrQuantity' };
    for (const [place, resting] of level.orders.entries()) {
      const own = resting.terms.account === terms.account;
      if (leaves === 0n || own) {
        const rest = [{ ...level, orders: level.orders.slice(place) }, ...levels.slice(depth + 1)];
        return { levels: rest, trades, leaves, ended: own ? 'byOwnOrder' : 'byPriceOrQuantity' };
      }
      const quantity = smaller(resting.leaves, leaves);
      leaves -= quantity;
      const contra = { ...resting, leaves: resting.leaves - quantity };
      trades.push(trade(openState(terms, leaves), contra, quantity));
      if (contra.leaves > 0n) {
        const orders = level.orders.slice(place).with(0, contra);
        return {
          levels: [{ ...level, orders }, ...levels.slice(depth + 1)],
          trades,
          leaves,
          ended: 'byPriceOrQuantity',
        };
      }
    }
  }
  return { levels: [], trades, leaves, ended: 'byPriceOrQuantity' };
}

function smaller(one: bigint, other: bigint): bigint {
  if (one < other) return one;
  return other;
}

function trade(order: OrderState, contra: RestingOrder, quantity: bigint): Outcome {
  return {
    kind: 'traded',
    order,
    contra: openState(contra.terms, contra.leaves),
    quantity,
    priceTicks: priceOf(contra.terms),
  };
}

function accepts({ side, pricing }: OrderTerms, priceTicks: bigint): boolean {
  return pricing.kind === 'market' || !isBetter(side, priceTicks, pricing.priceTicks);
}

/** True iff `priceTicks` comes before `other` among the orders of `side` that wait. */
function isBetter(side: Side, priceTicks: bigint, other: bigint): boolean {
  return side === 'buy' ? priceTicks > other : priceTicks < other;
}

function cancelRest(terms: OrderTerms, leaves: bigint): Outcome {
  return { kind: 'canceled', order: endedState(terms, 'canceled', leaves) };
}

function tryFindResting(book: Book, terms: OrderTerms): RestingOrder | undefined {
  if (!rests(terms)) return undefined;
  const level = book[terms.side].find(({ priceTicks }) => priceTicks === terms.pricing.priceTicks);
  return level?.orders.find((resting) => isSameOrder(resting.terms, terms));
}

function leave(book: Book, { terms }: RestingOrder): Book {
  const priceTicks = priceOf(terms);
  const levels = book[terms.side].flatMap((level) => {
    if (level.priceTicks !== priceTicks) return [level];
    const orders = level.orders.filter((resting) => !isSameOrder(resting.terms, terms));
    return orders.length === 0 ? [] : [{ ...level, orders }];
  });
  return { ...book, [terms.side]: levels };
}

function isSameOrder(one: OrderKey, other: OrderKey): boolean {
  return orderKey(one) === orderKey(other);
}

function opposite(side: Side): Side {
  return side === 'buy' ? 'sell' : 'buy';
}

function priceOf({ pricing }: OrderTerms): bigint {
  if (pricing.kind === 'limit') return pricing.priceTicks;
  throw new Error('a market order never waits, so it has no price');
}
