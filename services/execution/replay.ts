import { type Book, emptyBook, enter, type RestingOrder } from './book.ts';
import type { Report } from './market.ts';
import { type OrderState, orderKey, rests } from './order.ts';

/**
 * Rebuilds the books from the journal. Reports come in the order of their sequence, from any point that is not after the
 * arrival of an order that still waits; earlier events only speak of orders that have ended since.
 */
export class Replay {
  // A map keeps the order of insertion: within one price that is the order of arrival.
  readonly #open = new Map<string, RestingOrder>();

  /** Takes the next event. */
  take({ outcome, sequence }: Report): void {
    if (outcome.kind === 'accepted' && rests(outcome.order.terms)) {
      this.#open.set(orderKey(outcome.order.terms), {
        terms: outcome.order.terms,
        leaves: outcome.order.leaves,
        arrival: sequence,
      });
      return;
    }
    this.#settle(outcome.order);
    if (outcome.kind === 'traded') this.#settle(outcome.contra);
  }

  /** The books of all instruments with waiting orders, by symbol. */
  books(): ReadonlyMap<string, Book> {
    const books = new Map<string, Book>();
    for (const resting of this.#open.values()) {
      const { symbol } = resting.terms;
      books.set(symbol, enter(books.get(symbol) ?? emptyBook, resting));
    }
    return books;
  }

  #settle({ terms, leaves }: OrderState): void {
    const key = orderKey(terms);
    const resting = this.#open.get(key);
    if (resting === undefined) return;
    if (leaves === 0n) this.#open.delete(key);
    else this.#open.set(key, { ...resting, leaves });
  }
}
