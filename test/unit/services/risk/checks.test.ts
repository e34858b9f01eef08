import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Circumstances,
  holdOf,
  isInsideCollar,
  judge,
  type Limits,
  type Order,
  upperCollarOf,
} from '#services/risk/checks.ts';

const limits: Limits = {
  referencePriceTicks: 100n,
  collarBasisPoints: 1000n,
  maxQuantity: 1000n,
  maxNotionalTicks: 50_000n,
  tickValue: { currency: 'USD', amountMinor: 2n },
};

const order: Order = {
  account: 'A',
  clientOrderId: 'O-1',
  symbol: 'ACME',
  side: 'buy',
  orderType: 'limit',
  timeInForce: 'day',
  quantity: 10n,
  priceTicks: 100n,
};

const calm: Circumstances = {
  killed: false,
  listing: { kind: 'listed', limits },
  recentOrders: 0n,
  repeated: false,
  credit: { kind: 'available', amount: 2000n },
};

const maxOrders = 5n;
const market = { orderType: 'market', priceTicks: 0n } as const;

describe('an order', () => {
  test('passes when nothing speaks against it, and holds its price in cash', () => {
    const hold = { asset: { kind: 'cash', name: 'USD' }, unitAmount: 200n };
    expect(judge(order, calm, maxOrders)).toEqual({ kind: 'passed', hold });
  });

  test('to sell holds units, whatever its price', () => {
    const hold = { asset: { kind: 'units', name: 'ACME' }, unitAmount: 1n };
    expect(holdOf({ ...order, side: 'sell', ...market }, limits)).toEqual(hold);
  });

  test('to buy at the market holds the upper end of the collar', () => {
    expect(holdOf({ ...order, ...market }, limits).unitAmount).toBe(220n);
  });

  test.for<{ name: string; order?: Partial<Order>; given?: Partial<Circumstances>; refusal: string }>([
    { name: 'the kill switch is engaged', given: { killed: true }, refusal: 'killSwitch' },
    { name: 'the account sent as many as it may', given: { recentOrders: 5n }, refusal: 'orderRate' },
    { name: 'the instrument has no limits', given: { listing: { kind: 'unlisted' } }, refusal: 'unknownSymbol' },
    { name: 'it is one unit too large', order: { quantity: 1001n }, refusal: 'maxQuantity' },
    { name: 'it is one tick above the collar', order: { priceTicks: 111n }, refusal: 'priceCollar' },
    { name: 'it is one tick below the collar', order: { priceTicks: 89n }, refusal: 'priceCollar' },
    { name: 'it sells below the collar', order: { side: 'sell', priceTicks: 1n }, refusal: 'priceCollar' },
    { name: 'its notional is too great', order: { quantity: 501n }, refusal: 'maxNotional' },
    { name: 'its notional at the collar is too great', order: { ...market, quantity: 455n }, refusal: 'maxNotional' },
    { name: 'it repeats another one', given: { repeated: true }, refusal: 'duplicate' },
    {
      name: 'one cent is missing',
      given: { credit: { kind: 'available', amount: 1999n } },
      refusal: 'credit',
    },
    {
      name: 'one unit is missing',
      order: { side: 'sell' },
      given: { credit: { kind: 'available', amount: 9n } },
      refusal: 'credit',
    },
    {
      name: 'the account is overdrawn',
      given: { credit: { kind: 'available', amount: -1n } },
      refusal: 'credit',
    },
  ])('is refused for $refusal when $name', ({ order: other = {}, given = {}, refusal }) => {
    expect(judge({ ...order, ...other }, { ...calm, ...given }, maxOrders)).toEqual({ kind: 'refused', refusal });
  });

  test('is undecided, not passed, when its credit cannot be read', () => {
    const cause = new Error('ledger down');
    expect(judge(order, { ...calm, credit: { kind: 'unreadable', cause } }, maxOrders)).toEqual({
      kind: 'undecided',
      cause,
    });
  });

  test('is refused by name although its credit cannot be read, when another check suffices', () => {
    const given: Circumstances = { ...calm, killed: true, credit: { kind: 'unreadable', cause: 'ledger down' } };
    expect(judge(order, given, maxOrders)).toEqual({ kind: 'refused', refusal: 'killSwitch' });
  });

  test('that passes never holds more than the account has', () => {
    const amount = fc.bigInt({ min: 1n, max: 10n ** 6n });
    fc.assert(
      fc.property(
        fc.record({ quantity: amount, priceTicks: amount, reference: amount, tick: amount, credit: amount }),
        fc.constantFrom<'buy' | 'sell'>('buy', 'sell'),
        fc.boolean(),
        ({ quantity, priceTicks, reference, tick, credit }, side, atMarket) => {
          const own: Limits = {
            ...limits,
            referencePriceTicks: reference,
            tickValue: { currency: 'USD', amountMinor: tick },
          };
          const wide = { ...own, maxQuantity: 10n ** 12n, maxNotionalTicks: 10n ** 18n, collarBasisPoints: 10_000n };
          const asked: Order = { ...order, side, quantity, priceTicks, ...(atMarket ? market : {}) };
          const given: Circumstances = {
            ...calm,
            listing: { kind: 'listed', limits: wide },
            credit: { kind: 'available', amount: credit },
          };
          const judgement = judge(asked, given, maxOrders);
          const held = judgement.kind === 'passed' ? judgement.hold.unitAmount * quantity : 0n;
          expect(held <= credit).toBe(true);
        },
      ),
    );
  });
});

describe('the collar', () => {
  test('has its upper end inside and the next tick outside, for any reference price', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 9n }), fc.bigInt({ min: 1n, max: 10_000n }), (reference, width) => {
        const own = { ...limits, referencePriceTicks: reference, collarBasisPoints: width };
        const upper = upperCollarOf(own);
        expect([isInsideCollar(own, upper), isInsideCollar(own, upper + 1n)]).toEqual([true, false]);
      }),
    );
  });
});
