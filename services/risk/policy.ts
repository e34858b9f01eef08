/** How long things count, and how many orders an account may send. Times in milliseconds. */
export interface RiskPolicy {
  /** How long a passed order holds its reservation while the market has not been heard of. */
  readonly unconfirmedMs: number;
  readonly orderRate: { readonly orders: bigint; readonly windowMs: number };
  /** How long a passed order makes another one with the same terms a repetition. */
  readonly repetitionMs: number;
}

/** The policy of the platform; `DECISIONS.md` gives the reasons. */
export const riskPolicy: RiskPolicy = {
  unconfirmedMs: 300_000,
  orderRate: { orders: 100n, windowMs: 1000 },
  repetitionMs: 500,
};
