import type { Database, Logger } from '../runtime/index.ts';
import { backgroundCall } from './background.ts';
import { type Callees, isRefusal } from './callees.ts';
import type { Delivery, Lane } from './outbox.ts';
import { type OrderPolicy, retryMs } from './policy.ts';

/** What a lane of the outbox works with. */
export interface LaneProps {
  readonly database: Database;
  readonly callees: Callees;
  readonly policy: OrderPolicy;
  readonly log: Logger;
}

/** One execution that the ledger has not confirmed yet. */
export interface DueSettlement {
  readonly execution_id: string;
  readonly symbol: string;
  readonly buyer_account: string;
  readonly seller_account: string;
  readonly quantity: bigint;
  readonly price_ticks: bigint;
  readonly tick_currency: string;
  readonly tick_value_minor: bigint;
  readonly attempts: number;
  readonly traceparent: string | null;
}

/** Settlements: every execution reaches the ledger, which books it once however often it comes. */
export class SettlementLane implements Lane<DueSettlement, bigint> {
  readonly name = 'settlement';
  readonly #props: LaneProps;
  readonly #signal = new AbortController().signal;

  constructor(props: LaneProps) {
    this.#props = props;
  }

  async claim(): Promise<readonly DueSettlement[]> {
    const { database, policy } = this.#props;
    return await database.query<DueSettlement>(
      `with due as materialized (
         select execution_id from settlement
          where settled_at is null and refused_because is null and due_at <= clock_timestamp()
          order by due_at limit $1 for update skip locked)
       update settlement s set attempts = attempts + 1, due_at = clock_timestamp() + $2::float8 * interval '1 ms'
         from due where s.execution_id = due.execution_id
       returning s.*, (
         select traceparent from orders o
          where (o.account, o.client_order_id) in
            ((s.buyer_account, s.buyer_client_order_id), (s.seller_account, s.seller_client_order_id))
          order by created_at_us desc limit 1)`,
      [policy.batch, policy.leaseMs],
    );
  }

  async deliver(due: DueSettlement): Promise<Delivery<bigint>> {
    const { callees, policy, log } = this.#props;
    const parent = backgroundCall({ log, signal: this.#signal, traceparent: due.traceparent ?? '' });
    try {
      const { postingId } = await callees.portfolio.settleTrade(requestOf(due), { parent });
      return { kind: 'done', result: postingId };
    } catch (thrown) {
      if (isRefusal(thrown)) return { kind: 'refused', because: thrown.message };
      return { kind: 'again', cause: thrown, delayMs: retryMs(due.attempts, policy) };
    }
  }

  async finish(done: readonly (readonly [DueSettlement, bigint])[]): Promise<void> {
    await this.#props.database.query(
      `update settlement s set settled_at = clock_timestamp(), posting_id = n.posting_id
         from unnest($1::text[], $2::bigint[]) as n(execution_id, posting_id)
        where s.execution_id = n.execution_id and s.settled_at is null`,
      [done.map(([{ execution_id }]) => execution_id), done.map(([, postingId]) => postingId)],
    );
  }

  async postpone({ execution_id }: DueSettlement, delayMs: number): Promise<void> {
    await this.#props.database.query(
      `update settlement set due_at = clock_timestamp() + $2::float8 * interval '1 ms' where execution_id = $1`,
      [execution_id, delayMs],
    );
  }

  async setAside({ execution_id }: DueSettlement, because: string): Promise<void> {
    await this.#props.database.query(`update settlement set refused_because = $2 where execution_id = $1`, [
      execution_id,
      because,
    ]);
  }
}

function requestOf(due: DueSettlement) {
  return {
    executionId: due.execution_id,
    symbol: due.symbol,
    buyerAccount: due.buyer_account,
    sellerAccount: due.seller_account,
    quantity: due.quantity,
    priceTicks: due.price_ticks,
    tickValue: { currency: due.tick_currency, amountMinor: due.tick_value_minor },
  };
}
