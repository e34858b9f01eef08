import { RpcError, status } from '../runtime/index.ts';
import { backgroundCall } from './background.ts';
import { isRefusal } from './callees.ts';
import type { Delivery, Lane } from './outbox.ts';
import { retryMs } from './policy.ts';
import type { LaneProps } from './settlement-lane.ts';

/** What risk is still to be told of one order. */
export interface DueAdjustment {
  readonly account: string;
  readonly client_order_id: string;
  readonly sequence: bigint;
  readonly leaves_quantity: bigint;
  readonly last_price_ticks: bigint;
  readonly attempts: number;
  readonly traceparent: string;
}

/**
 * Adjustments of reservations. INVARIANT: none is sent before every earlier trade of its order is in the ledger; otherwise
 * what a trade has used up would for a moment be neither reserved at risk nor gone from the account.
 */
export class AdjustmentLane implements Lane<DueAdjustment, undefined> {
  readonly name = 'adjustment';
  readonly #props: LaneProps;
  readonly #signal = new AbortController().signal;

  constructor(props: LaneProps) {
    this.#props = props;
  }

  async claim(): Promise<readonly DueAdjustment[]> {
    const { database, policy } = this.#props;
    return await database.query<DueAdjustment>(
      `with due as materialized (
         select account, client_order_id, sequence from adjustment a
          where refused_because is null and due_at <= clock_timestamp()
            and not exists (select from settlement s where s.settled_at is null and s.sequence <= a.sequence
              and s.buyer_account = a.account and s.buyer_client_order_id = a.client_order_id)
            and not exists (select from settlement s where s.settled_at is null and s.sequence <= a.sequence
              and s.seller_account = a.account and s.seller_client_order_id = a.client_order_id)
          order by due_at limit $1 for update skip locked)
       update adjustment a set attempts = a.attempts + 1, due_at = clock_timestamp() + $2::float8 * interval '1 ms'
         from due, orders o
        where a.account = due.account and a.client_order_id = due.client_order_id and a.sequence = due.sequence
          and o.account = a.account and o.client_order_id = a.client_order_id
       returning a.*, o.traceparent`,
      [policy.batch, policy.leaseMs],
    );
  }

  async deliver(due: DueAdjustment): Promise<Delivery<undefined>> {
    const { callees, policy, log } = this.#props;
    const parent = backgroundCall({ log, signal: this.#signal, traceparent: due.traceparent });
    try {
      await callees.risk.adjustReservation(requestOf(due), { parent });
      return { kind: 'done', result: undefined };
    } catch (thrown) {
      const isUnknown = thrown instanceof RpcError && thrown.code === status.NOT_FOUND;
      // A Reserve that was given up may reach risk after the release; one that comes later still lapses by itself.
      if (isUnknown && due.attempts >= policy.unknownReservationTries) return { kind: 'done', result: undefined };
      if (isRefusal(thrown)) return { kind: 'refused', because: thrown.message };
      return { kind: 'again', cause: thrown, delayMs: retryMs(due.attempts, policy) };
    }
  }

  /** What risk knows makes everything older about the same order pointless. */
  async finish(done: readonly (readonly [DueAdjustment, undefined])[]): Promise<void> {
    await this.#props.database.transaction((tx) =>
      tx.query(
        `delete from adjustment a using unnest($1::text[], $2::text[], $3::bigint[]) as n(account, client_order_id, sequence)
          where a.account = n.account and a.client_order_id = n.client_order_id and a.sequence <= n.sequence`,
        [
          done.map(([{ account }]) => account),
          done.map(([{ client_order_id }]) => client_order_id),
          done.map(([{ sequence }]) => sequence),
        ],
      ),
    );
  }

  async postpone(due: DueAdjustment, delayMs: number): Promise<void> {
    await this.#props.database.query(
      `update adjustment set due_at = clock_timestamp() + $4::float8 * interval '1 ms'
        where account = $1 and client_order_id = $2 and sequence = $3`,
      [due.account, due.client_order_id, due.sequence, delayMs],
    );
  }

  async setAside(due: DueAdjustment, because: string): Promise<void> {
    await this.#props.database.query(
      `update adjustment set refused_because = $4 where account = $1 and client_order_id = $2 and sequence = $3`,
      [due.account, due.client_order_id, due.sequence, because],
    );
  }
}

function requestOf(due: DueAdjustment) {
  return {
    account: due.account,
    clientOrderId: due.client_order_id,
    sequence: due.sequence,
    leavesQuantity: due.leaves_quantity,
    lastPriceTicks: due.last_price_ticks,
  };
}
