import type { Clock } from './clock.ts';
import { keyText } from './order.ts';
import type { StoredOrder } from './order-row.ts';
import type { OrderStore } from './store.ts';

const firstLookMs = 40;
const greatestLookMs = 500;

type Listener = (stored: StoredOrder) => void;

/**
 * Lets a call wait for an order to become something. Moves made in this process arrive at once; those that another
 * replica makes are found by looking, at growing intervals.
 */
export class OrderWatch {
  readonly #store: Pick<OrderStore, 'find'>;
  readonly #clock: Clock;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(store: Pick<OrderStore, 'find'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Tells those who wait what an order has become. */
  publish(stored: StoredOrder): void {
    for (const listener of this.#listeners.get(keyText(stored.order.terms)) ?? []) listener(stored);
  }

  /** The order as soon as `holds` is true of it. Errors: throws the reason of `signal` when that comes first. */
  async until(seen: StoredOrder, holds: (stored: StoredOrder) => boolean, signal: AbortSignal): Promise<StoredOrder> {
    let current = seen;
    let woken = new AbortController();
    const listener = (stored: StoredOrder) => {
      if (stored.version > current.version) current = stored;
      woken.abort();
    };
    this.#listen(keyText(seen.order.terms), listener);
    try {
      for (let lookMs = firstLookMs; !holds(current); lookMs = Math.min(2 * lookMs, greatestLookMs)) {
        woken = new AbortController();
        await this.#clock.pause(lookMs, AbortSignal.any([signal, woken.signal]));
        signal.throwIfAborted();
        if (!woken.signal.aborted) listener(await this.#store.find(seen.order.terms));
      }
      return current;
    } finally {
      this.#forget(keyText(seen.order.terms), listener);
    }
  }

  #listen(key: string, listener: Listener): void {
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
  }

  #forget(key: string, listener: Listener): void {
    const listeners = this.#listeners.get(key);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(key);
  }
}
