import { type RpcError, status } from './rpc-error.ts';

/** The most attempts of one call, the first included. */
export const mostAttempts = 3;

const retriesPerCall = 0.2;
const greatestReserve = 10;
const firstBackoffMs = 50;
const greatestBackoffMs = 500;

/**
 * Bounds the retries towards one callee to a fifth of the calls: every call earns 0.2 of a retry, a retry spends 1.
 * The reserve is capped, so that an hour of health does not pay for a storm.
 */
export class RetryBudget {
  #reserve = 0;

  /** Notes one call (not its retries). */
  earn(): void {
    this.#reserve = Math.min(greatestReserve, this.#reserve + retriesPerCall);
  }

  /** True, and one retry spent, iff the budget allows one. */
  spend(): boolean {
    // Ten sums of 0.2 are a hair below 2: the tolerance keeps the fifth call worth a whole retry.
    if (this.#reserve < 1 - 1e-9) return false;
    this.#reserve -= 1;
    return true;
  }
}

/** True iff trying again may help: the callee did not answer. */
export function isRetriable(error: RpcError): boolean {
  return error.code === status.UNAVAILABLE;
}

/** The pause before retry number `retry` (from 1), in milliseconds: full jitter over a doubling bound. */
export function backoffMs(retry: number, random: () => number = Math.random): number {
  return random() * Math.min(greatestBackoffMs, firstBackoffMs * 2 ** (retry - 1));
}
