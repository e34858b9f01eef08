import type { Database } from '../runtime/index.ts';
import { type MoveTiming, movedBy, writeMoves } from './move-statement.ts';
import { newOrder, type OrderKey, type Terms } from './order.ts';
import { type OrderRow, orderOf, type StoredOrder } from './order-row.ts';
import type { CancelRequest } from './request.ts';
import { type SagaEvent, tryMove } from './saga.ts';

/** An order with the trace of the call that places it. */
export interface Placement {
  readonly terms: Terms;
  readonly traceparent: string;
}

/** What became of a placement: a new order, or the one that its key has had before. */
export interface Placed {
  readonly kind: 'new' | 'known';
  readonly stored: StoredOrder;
}

/** What became of a request to cancel: it is open, it was answered before, or its id belongs to another order. */
export type CancelClaim =
  | { readonly kind: 'open' }
  | { readonly kind: 'answered'; readonly answer: Buffer }
  | { readonly kind: 'otherOrder' };

/** What the store needs besides the database. */
export interface OrderStoreProps {
  readonly timing: MoveTiming;
  /** Microseconds since the epoch. */
  readonly nowUs: () => bigint;
}

/** Orders and their sagas in the database. Errors: those of `Database`. */
export class OrderStore {
  readonly #database: Database;
  readonly #props: OrderStoreProps;

  constructor(database: Database, props: OrderStoreProps) {
    this.#database = database;
    this.#props = props;
  }

  /** Accepts an order, or finds the one that has its key; the terms are for the caller to compare. */
  async place({ terms, traceparent }: Placement): Promise<Placed> {
    const { leavesQuantity, status, step } = newOrder(terms);
    const nowUs = this.#props.nowUs();
    const [row] = await this.#database.query<OrderRow>(
      `insert into orders (account, client_order_id, symbol, side, order_type, time_in_force, quantity, price_ticks,
         step, status, cumulative_quantity, leaves_quantity, cumulative_notional_ticks, reject_reason, sequence,
         reserved_until_us, traceparent, created_at_us, updated_at_us, due_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, 0, 0, 0, 0, $12, $13, $13,
         clock_timestamp() + $14::float8 * interval '1 ms')
       on conflict do nothing returning *`,
      [
        terms.account,
        terms.clientOrderId,
        terms.symbol,
        terms.side,
        terms.orderType,
        terms.timeInForce,
        terms.quantity,
        terms.priceTicks,
        step,
        status,
        leavesQuantity,
        traceparent,
        nowUs,
        this.#props.timing.leaseMs,
      ],
    );
    if (row !== undefined) return { kind: 'new', stored: orderOf(row) };
    return { kind: 'known', stored: await this.find(terms) };
  }

  /** The order of a key, undefined when there is none. */
  async tryFind(key: OrderKey): Promise<StoredOrder | undefined> {
    const [row] = await this.#database.query<OrderRow>(
      'select * from orders where account = $1 and client_order_id = $2',
      [key.account, key.clientOrderId],
    );
    return row === undefined ? undefined : orderOf(row);
  }

  /** The order of a key. Errors: throws when there is none; orders are never deleted. */
  async find(key: OrderKey): Promise<StoredOrder> {
    const stored = await this.tryFind(key);
    if (stored === undefined) throw new Error(`order \`${key.clientOrderId}\` is gone`);
    return stored;
  }

  /** Moves an order by an event, from whatever it has become meanwhile; gives the order as it is afterwards. */
  async apply(seen: StoredOrder, event: SagaEvent): Promise<StoredOrder> {
    for (let before = seen; ; before = await this.find(seen.order.terms)) {
      const move = tryMove(before.order, event);
      if (move === undefined) return before;
      const after = movedBy(before, move, this.#props.nowUs());
      const written = await writeMoves(this.#database, [{ before, after, effects: move.effects }], this.#props.timing);
      if (written.size > 0) return after;
    }
  }

  /** Takes over sagas that nobody drives any more; no other replica gets them until the lease ends. */
  async claimDue(limit: number): Promise<readonly StoredOrder[]> {
    const rows = await this.#database.query<OrderRow>(
      `update orders set attempts = attempts + 1, due_at = clock_timestamp() + $2::float8 * interval '1 ms'
        where (account, client_order_id) in (
          select account, client_order_id from orders
           where step in ('reserving', 'submitting', 'renewing', 'withdrawing') and due_at <= clock_timestamp()
           order by due_at limit $1 for update skip locked)
        returning *`,
      [limit, this.#props.timing.leaseMs],
    );
    return rows.map(orderOf);
  }

  /** Lets a saga rest for a while, unless it has moved. */
  async postpone({ order: { terms }, version }: StoredOrder, delayMs: number): Promise<void> {
    await this.#database.query(
      `update orders set due_at = clock_timestamp() + $4::float8 * interval '1 ms'
        where account = $1 and client_order_id = $2 and version = $3`,
      [terms.account, terms.clientOrderId, version, delayMs],
    );
  }

  /** Notes a request to cancel, or finds what became of it. */
  async claimCancel({ account, clientOrderId, requestId }: CancelRequest): Promise<CancelClaim> {
    const [row] = await this.#database.query<{ client_order_id: string; answer: Buffer | null }>(
      `with added as (
         insert into cancel_request (account, request_id, client_order_id) values ($1, $2, $3) on conflict do nothing
         returning client_order_id, answer)
       select client_order_id, answer from added
       union all select client_order_id, answer from cancel_request where account = $1 and request_id = $2`,
      [account, requestId, clientOrderId],
    );
    // A rival may have inserted the row after this statement began: then it is open, as for the rival.
    if (row === undefined) return { kind: 'open' };
    if (row.client_order_id !== clientOrderId) return { kind: 'otherOrder' };
    return row.answer === null ? { kind: 'open' } : { kind: 'answered', answer: row.answer };
  }

  /** Stores the answer to a cancel; the first one stays and is given back. */
  async answerCancel({ account, requestId }: CancelRequest, answer: Buffer): Promise<Buffer> {
    const [row] = await this.#database.query<{ answer: Buffer }>(
      `update cancel_request set answer = coalesce(answer, $3) where account = $1 and request_id = $2 returning answer`,
      [account, requestId, answer],
    );
    return row?.answer ?? answer;
  }
}
