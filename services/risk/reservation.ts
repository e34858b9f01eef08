/** What is set aside for one order, and how reports of the market change it. */

/** The part of a reservation that adjustments change. `sequence` is -1 before the first of them. */
export interface Reservation {
  readonly quantity: bigint;
  readonly unitAmount: bigint;
  readonly leavesQuantity: bigint;
  readonly sequence: bigint;
}

/** What a report says about an order; sequence 0 releases one that never reached the market. */
export interface Adjustment {
  readonly sequence: bigint;
  readonly leavesQuantity: bigint;
}

/** The effect of an adjustment: none when it is not newer, otherwise what stays open and the amount set free. */
export type Adjusted =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'excessive' }
  | { readonly kind: 'changed'; readonly leavesQuantity: bigint; readonly sequence: bigint; readonly released: bigint };

/**
 * Applies one adjustment. A newer report is the truth even where it opens more than before (an order released as lost
 * that the market had after all): what the market holds is always counted.
 */
export function adjust(reservation: Reservation, { sequence, leavesQuantity }: Adjustment): Adjusted {
  if (leavesQuantity > reservation.quantity) return { kind: 'excessive' };
  if (sequence <= reservation.sequence) return { kind: 'unchanged' };
  const closed = reservation.leavesQuantity - leavesQuantity;
  return { kind: 'changed', leavesQuantity, sequence, released: closed > 0n ? closed * reservation.unitAmount : 0n };
}
