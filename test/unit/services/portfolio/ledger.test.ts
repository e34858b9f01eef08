import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { houseAccount, isBalanced, postDeposit, postTrade, type Trade } from '#services/portfolio/ledger.ts';

const trade: Trade = {
  executionId: 'E-1',
  symbol: 'ACME',
  buyer: 'A',
  seller: 'B',
  quantity: 10n,
  priceTicks: 105n,
  tickValue: { currency: 'USD', amountMinor: 5n },
};

describe('a posting', () => {
  test('of a trade moves cash to the seller and units to the buyer', () => {
    const cash = { kind: 'cash', name: 'USD' };
    const units = { kind: 'units', name: 'ACME' };
    expect(postTrade(trade).entries).toEqual([
      { account: 'A', asset: cash, amount: -5250n },
      { account: 'B', asset: cash, amount: 5250n },
      { account: 'B', asset: units, amount: -10n },
      { account: 'A', asset: units, amount: 10n },
    ]);
  });

  test('of a deposit comes from the house', () => {
    const asset = { kind: 'cash', name: 'USD' } as const;
    expect(postDeposit({ requestId: 'D-1', account: 'A', asset, amount: 7n }).entries).toEqual([
      { account: houseAccount, asset, amount: -7n },
      { account: 'A', asset, amount: 7n },
    ]);
  });

  test('balances for any trade, one with itself included', () => {
    const account = fc.constantFrom('A', 'B', 'C');
    const amount = fc.bigInt({ min: 1n, max: 10n ** 9n });
    fc.assert(
      fc.property(account, account, amount, amount, amount, (buyer, seller, quantity, priceTicks, amountMinor) => {
        const tickValue = { currency: 'USD', amountMinor };
        expect(isBalanced(postTrade({ ...trade, buyer, seller, quantity, priceTicks, tickValue }).entries)).toBe(true);
      }),
    );
  });
});

describe('balance', () => {
  const entry = (name: string, amount: bigint) => ({ account: 'A', asset: { kind: 'cash' as const, name }, amount });

  test.for([
    { because: 'there is nothing in it', entries: [] },
    { because: 'one side is missing', entries: [entry('USD', 1n)] },
    { because: 'the sides differ by one', entries: [entry('USD', 2n), entry('USD', -1n)] },
    {
      because: 'amounts of different assets do not make up for each other',
      entries: [entry('USD', 1n), entry('EUR', -1n)],
    },
  ])('does not hold when $because', ({ entries }) => {
    expect(isBalanced(entries)).toBe(false);
  });
});
