/** Times (milliseconds) and sizes by which the order service works. */
export interface OrderPolicy {
  /** How long a saga or an outbox row belongs to whoever took it; longer than any call made for it. */
  readonly leaseMs: number;
  /** How long the consumer of the reports may be silent before another replica takes over. */
  readonly holdMs: number;
  /** How long risk may wait to hear that an order rests unchanged; well below the life of a reservation. */
  readonly confirmMs: number;
  /** How long a submit that was given up may still be on its way to the market. */
  readonly inFlightMs: number;
  /** How long idle workers wait before they look again. */
  readonly idleMs: number;
  /** The pause before a first retry; it doubles up to the greatest one. */
  readonly firstRetryMs: number;
  readonly greatestRetryMs: number;
  /** How often risk may say that it knows no reservation before it is believed: a late Reserve may still arrive. */
  readonly unknownReservationTries: number;
  /** How many rows or sagas a worker takes at once. */
  readonly batch: number;
}

/** The policy of the platform; `DECISIONS.md` gives the reasons. */
export const orderPolicy: OrderPolicy = {
  leaseMs: 5000,
  holdMs: 6000,
  confirmMs: 2000,
  inFlightMs: 3000,
  idleMs: 200,
  firstRetryMs: 100,
  greatestRetryMs: 10_000,
  unknownReservationTries: 6,
  batch: 64,
};

/**
 * The pause before retry number `attempt` (from 1), in milliseconds: a doubling bound, of which the upper half is random,
 * so that what failed together does not come back together.
 */
export function retryMs(
  attempt: number,
  { firstRetryMs, greatestRetryMs }: OrderPolicy,
  random: () => number = Math.random,
): number {
  const bound = Math.min(greatestRetryMs, firstRetryMs * 2 ** Math.min(attempt - 1, 30));
  return bound * (0.5 + random() / 2);
}
