/**
 * Lets transactions on accounts run one at a time for each account and `places` at a time in all, in the order of their arrival.
 * They would queue at the account's lock in the database anyway, but there each holds a connection: a busy account, or a
 * burst of orders, must leave connections for other accounts and for the kill switch.
 */
export class AccountTurns {
  readonly #lastOf = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(places: number) {
    this.#free = places;
  }

  /** Runs `work` in its turn. Errors: those of `work`; the reason of `signal` when it was aborted before the turn came. */
  async take<T>(account: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const previous = this.#lastOf.get(account);
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
    this.#lastOf.set(account, finished);
    await previous;
    try {
      signal.throwIfAborted();
      return await this.#inPlace(signal, work);
    } finally {
      if (this.#lastOf.get(account) === finished) this.#lastOf.delete(account);
      finish();
    }
  }

  async #inPlace<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
