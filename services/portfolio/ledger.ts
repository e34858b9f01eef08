/**
 * The ledger's arithmetic. Every business event is a posting: entries that add to and take from accounts so that the
 * sum over each asset is zero. Amounts are bigint: minor units of a currency, or whole units of an instrument.
 */

/** What an entry moves: cash in a currency (`USD`) or units of an instrument (`ACME`). */
export interface Asset {
  readonly kind: 'cash' | 'units';
  readonly name: string;
}

/** One line of a posting; a negative amount leaves the account. */
export interface Entry {
  readonly account: string;
  readonly asset: Asset;
  readonly amount: bigint;
}

/** One event in the ledger. `(kind, reference)` is its idempotency key, `terms` what a replay must repeat. */
export interface Posting {
  readonly kind: 'trade' | 'deposit';
  readonly reference: string;
  readonly terms: Readonly<Record<string, string>>;
  readonly entries: readonly Entry[];
}

/** One execution between two accounts; quantity and price are positive, the tick value is in minor units. */
export interface Trade {
  readonly executionId: string;
  readonly symbol: string;
  readonly buyer: string;
  readonly seller: string;
  readonly quantity: bigint;
  readonly priceTicks: bigint;
  readonly tickValue: { readonly currency: string; readonly amountMinor: bigint };
}

/** What an operator books into an account. */
export interface Deposit {
  readonly requestId: string;
  readonly account: string;
  readonly asset: Asset;
  readonly amount: bigint;
}

/** The account on the other side of deposits; its name is no user's because of the colon. */
export const houseAccount = 'house:deposits';

/** The greatest amount that a 64-bit signed integer holds, and so the greatest of the ledger. */
export const maxAmount = 2n ** 63n - 1n;

/** What `trade` costs the buyer, in minor units. */
export function considerationOf(trade: Trade): bigint {
  return trade.quantity * trade.priceTicks * trade.tickValue.amountMinor;
}

/** The posting of one execution: cash from buyer to seller, units from seller to buyer. */
export function postTrade(trade: Trade): Posting {
  const cash: Asset = { kind: 'cash', name: trade.tickValue.currency };
  const units: Asset = { kind: 'units', name: trade.symbol };
  return {
    kind: 'trade',
    reference: trade.executionId,
    terms: {
      symbol: trade.symbol,
      buyer: trade.buyer,
      seller: trade.seller,
      quantity: `${trade.quantity}`,
      priceTicks: `${trade.priceTicks}`,
      currency: trade.tickValue.currency,
      tickValueMinor: `${trade.tickValue.amountMinor}`,
    },
    entries: [
      ...transfer({ from: trade.buyer, to: trade.seller, asset: cash, amount: considerationOf(trade) }),
      ...transfer({ from: trade.seller, to: trade.buyer, asset: units, amount: trade.quantity }),
    ],
  };
}

/** The posting of one deposit: from the house to the account. */
export function postDeposit(deposit: Deposit): Posting {
  const { account, asset, amount } = deposit;
  return {
    kind: 'deposit',
    reference: deposit.requestId,
    terms: { account, assetKind: asset.kind, asset: asset.name, amount: `${amount}` },
    entries: transfer({ from: houseAccount, to: account, asset, amount }),
  };
}

/** True iff `entries` is not empty and the amounts of every asset in it sum to zero. */
export function isBalanced(entries: readonly Entry[]): boolean {
  const sums = new Map<string, bigint>();
  for (const { asset, amount } of entries) {
    const key = `${asset.kind}/${asset.name}`;
    sums.set(key, (sums.get(key) ?? 0n) + amount);
  }
  return entries.length > 0 && [...sums.values()].every((sum) => sum === 0n);
}

interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly asset: Asset;
  readonly amount: bigint;
}

function transfer({ from, to, asset, amount }: Transfer): readonly Entry[] {
  return [
    { account: from, asset, amount: -amount },
    { account: to, asset, amount },
  ];
}
