/** Time as the order service sees it; `main.ts` gives the real one. */
export interface Clock {
  /** Microseconds since the epoch. */
  nowUs(): bigint;
  /** Resolves after `ms`, or as soon as `signal` is aborted; never rejects. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}
