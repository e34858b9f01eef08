/** The time as the domain may know it; given from outside, so that tests own it. */
export interface Clock {
  /** Microseconds since the epoch, UTC. */
  nowUnixUs(): bigint;
  /** Resolves after `ms`, or earlier when `signal` aborts; never rejects. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** The trading day that a moment belongs to: the UTC date. Shape: `2026-11-23`. */
export function tradingDay(unixUs: bigint): string {
  return new Date(Number(unixUs / 1000n)).toISOString().slice(0, 10);
}
