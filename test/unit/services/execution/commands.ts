import fc from 'fast-check';
import type { OrderTerms } from '#services/execution/order.ts';
import type { PlainOrder } from './brute-force-book.ts';

/** One thing that happens to a market; `at` picks an order from those that came before. */
export type Command =
  | { readonly kind: 'submit'; readonly symbol: string; readonly order: Omit<PlainOrder, 'id'> }
  | { readonly kind: 'cancel'; readonly at: number }
  | { readonly kind: 'endDay' };

const order = fc.record({
  account: fc.constantFrom('A', 'B', 'C'),
  side: fc.constantFrom('buy' as const, 'sell' as const),
  limit: fc.oneof(
    { arbitrary: fc.integer({ min: 97, max: 103 }), weight: 9 },
    { arbitrary: fc.constant(undefined), weight: 1 },
  ),
  life: fc.oneof(
    { arbitrary: fc.constant('day' as const), weight: 6 },
    { arbitrary: fc.constantFrom('immediateOrCancel' as const, 'fillOrKill' as const), weight: 2 },
  ),
  quantity: fc.integer({ min: 1, max: 12 }),
});

/** Sessions on `symbols`, narrow in prices and accounts so that orders meet, with own orders among them. */
export function sessions(symbols: readonly string[]): fc.Arbitrary<Command[]> {
  const submit = fc.record({ kind: fc.constant('submit' as const), symbol: fc.constantFrom(...symbols), order });
  const cancel = fc.record({ kind: fc.constant('cancel' as const), at: fc.nat() });
  const endDay = fc.constant({ kind: 'endDay' as const });
  return fc.array(
    fc.oneof({ arbitrary: submit, weight: 20 }, { arbitrary: cancel, weight: 4 }, { arbitrary: endDay, weight: 1 }),
    { minLength: 1, maxLength: 80 },
  );
}

/** The terms of a plain order on `symbol`. */
export function termsOf(plain: PlainOrder, symbol = 'ACME'): OrderTerms {
  return {
    account: plain.account,
    clientOrderId: plain.id,
    symbol,
    side: plain.side,
    pricing: plain.limit === undefined ? { kind: 'market' } : { kind: 'limit', priceTicks: BigInt(plain.limit) },
    timeInForce: plain.life,
    quantity: BigInt(plain.quantity),
  };
}
