import type { Transaction } from '../runtime/index.ts';
import { placeAnswer } from './message.ts';
import { keyText } from './order.ts';
import type { StoredOrder } from './order-row.ts';
import type { Effect, Move } from './saga.ts';

/** An order that moves: the row as it was seen, the row as it becomes, and what is due with that. */
export interface OrderMove {
  readonly before: StoredOrder;
  readonly after: StoredOrder;
  readonly effects: readonly Effect[];
}

/** Times that a move sets. */
export interface MoveTiming {
  /** For how long nobody else takes the saga over. */
  readonly leaseMs: number;
  /** How long risk may wait to hear that an order rests unchanged; any other adjustment is due at once. */
  readonly confirmMs: number;
}

/** The stored order after a move made at `nowUs`; the answer is fixed by the first move that says so. */
export function movedBy(before: StoredOrder, { order, effects }: Move, nowUs: bigint): StoredOrder {
  const times = { createdAtUs: before.createdAtUs, updatedAtUs: nowUs };
  const answers = before.answer === undefined && effects.some(({ kind }) => kind === 'answer');
  return {
    ...before,
    ...times,
    order,
    version: before.version + 1,
    attempts: 0,
    answer: answers ? placeAnswer(order, times) : before.answer,
  };
}

/**
 * Writes moves and what they make due, in one statement; gives the keys (`keyText`) of those that were written.
 * A move whose order was moved by somebody else meanwhile is left out, with its effects.
 */
export async function writeMoves(
  tx: Transaction,
  moves: readonly OrderMove[],
  timing: MoveTiming,
): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ account: string; client_order_id: string }>(statement, [
    ...columnsOf(moves),
    ...adjustmentColumns(moves),
    timing.leaseMs,
    timing.confirmMs,
  ]);
  return new Set(rows.map((row) => keyText({ account: row.account, clientOrderId: row.client_order_id })));
}

const statement = `
  with change as (
    select * from unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::smallint[], $6::bigint[], $7::bigint[],
        $8::bigint[], $9::smallint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::smallint[], $14::bigint[],
        $15::bytea[], $16::bigint[])
      as c(account, client_order_id, version, step, status, cumulative_quantity, leaves_quantity,
        cumulative_notional_ticks, reject_reason, sequence, reserved_until_us, awaited_sequence, awaited_status,
        awaited_quantity, answer, updated_at_us)
  ), moved as (
    update orders o set step = c.step, status = c.status, cumulative_quantity = c.cumulative_quantity,
        leaves_quantity = c.leaves_quantity, cumulative_notional_ticks = c.cumulative_notional_ticks,
        reject_reason = c.reject_reason, sequence = c.sequence, reserved_until_us = c.reserved_until_us,
        awaited_sequence = c.awaited_sequence, awaited_status = c.awaited_status,
        awaited_quantity = c.awaited_quantity, answer = coalesce(o.answer, c.answer), updated_at_us = c.updated_at_us,
        version = o.version + 1, attempts = 0, due_at = clock_timestamp() + $22::float8 * interval '1 ms'
      from change c
      where o.account = c.account and o.client_order_id = c.client_order_id and o.version = c.version
      returning o.account, o.client_order_id
  ), due as (
    insert into adjustment (account, client_order_id, sequence, leaves_quantity, last_price_ticks, due_at)
      select a.account, a.client_order_id, a.sequence, a.leaves_quantity, a.last_price_ticks,
          clock_timestamp() + case when a.leaves_quantity > 0 and a.last_price_ticks = 0
            then $23::float8 else 0 end * interval '1 ms'
        from unnest($17::text[], $18::text[], $19::bigint[], $20::bigint[], $21::bigint[])
          as a(account, client_order_id, sequence, leaves_quantity, last_price_ticks)
        join moved using (account, client_order_id)
      on conflict do nothing
  )
  select account, client_order_id from moved`;

function columnsOf(moves: readonly OrderMove[]): readonly unknown[] {
  const column = (value: (move: OrderMove) => unknown) => moves.map(value);
  return [
    column(({ after }) => after.order.terms.account),
    column(({ after }) => after.order.terms.clientOrderId),
    column(({ before }) => before.version),
    column(({ after }) => after.order.step),
    column(({ after }) => after.order.status),
    column(({ after }) => after.order.cumulativeQuantity),
    column(({ after }) => after.order.leavesQuantity),
    column(({ after }) => after.order.cumulativeNotionalTicks),
    column(({ after }) => after.order.rejectReason),
    column(({ after }) => after.order.sequence),
    column(({ after }) => after.order.reservedUntilUs),
    column(({ after }) => after.order.awaited.sequence),
    column(({ after }) => after.order.awaited.status),
    column(({ after }) => after.order.awaited.cumulativeQuantity),
    column(({ after }) => after.answer ?? null),
    column(({ after }) => after.updatedAtUs),
  ];
}

function adjustmentColumns(moves: readonly OrderMove[]): readonly unknown[] {
  const adjustments = moves.flatMap(({ after: { order }, effects }) =>
    effects.flatMap((effect) => (effect.kind === 'adjust' ? [{ ...effect, terms: order.terms }] : [])),
  );
  return [
    adjustments.map(({ terms }) => terms.account),
    adjustments.map(({ terms }) => terms.clientOrderId),
    adjustments.map(({ sequence }) => sequence),
    adjustments.map(({ leavesQuantity }) => leavesQuantity),
    adjustments.map(({ lastPriceTicks }) => lastPriceTicks),
  ];
}
