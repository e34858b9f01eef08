import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

/** How many requests one user, and one client address, may send in a second. */
export interface RateLimits {
  readonly perUser: number;
  readonly perAddress: number;
}

/** The limits of the platform; an address may stand for many users behind one router. */
export const rateLimits: RateLimits = { perUser: 300, perAddress: 1500 };

/** Who sent a request; a request without a verified user counts for its address alone. */
export interface Sender {
  readonly address: string;
  readonly subject: string | undefined;
}

/** Whether a request may go on, or after how many whole seconds its sender may try again. */
export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'limited'; readonly retryAfterSeconds: number };

const windowSeconds = 1;

/** Counts the requests of this replica; memory holds the senders of the last second only. */
export class RateLimit {
  readonly #byAddress: RateLimiterMemory;
  readonly #byUser: RateLimiterMemory;

  constructor({ perUser, perAddress }: RateLimits) {
    this.#byAddress = new RateLimiterMemory({ points: perAddress, duration: windowSeconds });
    this.#byUser = new RateLimiterMemory({ points: perUser, duration: windowSeconds });
  }

  /** Counts one request of `sender`. */
  async admit({ address, subject }: Sender): Promise<Admission> {
    const byAddress = await take(this.#byAddress, address);
    return byAddress.kind === 'limited' || subject === undefined ? byAddress : take(this.#byUser, subject);
  }
}

async function take(limiter: RateLimiterMemory, key: string): Promise<Admission> {
  try {
    await limiter.consume(key);
    return { kind: 'admitted' };
  } catch (thrown) {
    if (!(thrown instanceof RateLimiterRes)) throw thrown;
    return { kind: 'limited', retryAfterSeconds: Math.max(1, Math.ceil(thrown.msBeforeNext / 1000)) };
  }
}
