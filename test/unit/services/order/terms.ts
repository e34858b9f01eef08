import { type OrderTerms, OrderType, Side, TimeInForce } from '#services/gen/trading/fix/v1/fix.ts';

/** Terms of a limit order for the day to buy 10 ACME at 100 ticks, unless given otherwise. */
export function terms(
  given: Partial<OrderTerms> & { readonly account: string; readonly clientOrderId: string },
): OrderTerms {
  return {
    symbol: 'ACME',
    side: Side.SIDE_BUY,
    orderType: OrderType.ORDER_TYPE_LIMIT,
    timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
    quantity: 10n,
    priceTicks: 100n,
    ...given,
  };
}
