import type { Database, Transaction } from '../runtime/index.ts';
import { type MoveTiming, movedBy, type OrderMove, writeMoves } from './move-statement.ts';
import { keyText, type OrderKey } from './order.ts';
import { type OrderRow, orderOf, type StoredOrder } from './order-row.ts';
import type { OrderChange, Report, Settlement } from './report.ts';
import { type Effect, tryMove } from './saga.ts';

/** The right to take reports in. `token` fences: a holder that was replaced can write nothing any more. */
export interface ReportLease {
  readonly token: bigint;
  /** The last journal sequence that was taken in. */
  readonly sequence: bigint;
}

/** The lease went to somebody else: what was received meanwhile counts for nothing. */
export class LeaseLost extends Error {}

/** What a batch of reports did. */
export interface Intake {
  readonly lease: ReportLease;
  /** The orders that moved, as they are now. */
  readonly moved: readonly StoredOrder[];
  /** The orders that reports name and nobody has placed here. */
  readonly unknown: readonly OrderKey[];
}

/** What the store needs besides the database. */
export interface ReportStoreProps {
  readonly timing: MoveTiming;
  /** How long a holder may be silent before another one takes over. */
  readonly holdMs: number;
  /** Microseconds since the epoch. */
  readonly nowUs: () => bigint;
}

/** The cursor in the journal of execution reports, and the effects of the reports, in one transaction. */
export class ReportStore {
  readonly #database: Database;
  readonly #props: ReportStoreProps;

  constructor(database: Database, props: ReportStoreProps) {
    this.#database = database;
    this.#props = props;
  }

  /** Takes the lease when nobody holds it; undefined while somebody does. */
  async tryAcquire(): Promise<ReportLease | undefined> {
    const [row] = await this.#database.query<ReportLease>(
      `update report_cursor set token = token + 1, held_until = clock_timestamp() + $1::float8 * interval '1 ms'
        where held_until <= clock_timestamp() returning token, sequence`,
      [this.#props.holdMs],
    );
    return row;
  }

  /**
   * Keeps the lease for longer, and gives the sequence that the journal is known to have reached because an order waits
   * for its report; 0 when none does. Errors: throws `LeaseLost`.
   */
  async renew({ token }: ReportLease): Promise<bigint> {
    const [row] = await this.#database.query<{ awaited: bigint }>(
      `update report_cursor set held_until = clock_timestamp() + $2::float8 * interval '1 ms' where token = $1
        returning (select coalesce(max(awaited_sequence), 0) from orders where step = 'reporting') as awaited`,
      [token, this.#props.holdMs],
    );
    if (row === undefined) throw new LeaseLost('the lease of the reports went to another holder');
    return row.awaited;
  }

  /** Gives the lease back, so that another replica need not wait for its end. */
  async release({ token }: ReportLease): Promise<void> {
    await this.#database.query(`update report_cursor set held_until = '-infinity' where token = $1`, [token]);
  }

  /**
   * Takes in the reports that follow the lease's sequence without a gap: orders, settlements, adjustments and the cursor
   * change together or not at all. Errors: throws `LeaseLost`, and an error when the reports do not follow.
   */
  async take(lease: ReportLease, reports: readonly Report[]): Promise<Intake> {
    const last = reports.at(-1)?.sequence ?? lease.sequence;
    if (last - lease.sequence !== BigInt(reports.length)) throw new Error('reports do not follow the cursor');
    return await this.#database.transaction(async (tx) => {
      await this.#advance(tx, lease, last);
      const changes = reports.flatMap((report) => report.changes);
      const known = await lockOrders(tx, changes);
      const moves = this.#movesOf(known, changes);
      if (moves.length > 0) await writeMoves(tx, moves, this.#props.timing);
      await writeSettlements(
        tx,
        reports.flatMap(({ settlement }) => (settlement === undefined ? [] : [settlement])),
      );
      return {
        lease: { token: lease.token, sequence: last },
        moved: moves.map(({ after }) => after),
        unknown: changes.map(({ key }) => key).filter((key) => !known.has(keyText(key))),
      };
    });
  }

  // INVARIANT: this row lock orders all holders; who finds another token or sequence has been replaced.
  async #advance(tx: Transaction, { token, sequence }: ReportLease, last: bigint): Promise<void> {
    const rows = await tx.query(
      `update report_cursor set sequence = $3, held_until = clock_timestamp() + $4::float8 * interval '1 ms'
        where token = $1 and sequence = $2 returning token`,
      [token, sequence, last, this.#props.holdMs],
    );
    if (rows.length === 0) throw new LeaseLost('the lease of the reports went to another holder');
  }

  /** One move an order, however many reports of the batch name it. */
  #movesOf(known: ReadonlyMap<string, StoredOrder>, changes: readonly OrderChange[]): readonly OrderMove[] {
    const moves = new Map<string, OrderMove>();
    const nowUs = this.#props.nowUs();
    for (const { key, event } of changes) {
      const before = known.get(keyText(key));
      if (before === undefined) continue;
      const earlier = moves.get(keyText(key));
      const current = earlier?.after ?? before;
      const move = tryMove(current.order, event);
      if (move === undefined) continue;
      const effects: readonly Effect[] = [...(earlier?.effects ?? []), ...move.effects];
      const after = { ...movedBy(current, move, nowUs), version: before.version + 1 };
      moves.set(keyText(key), { before, after, effects });
    }
    return [...moves.values()];
  }
}

async function lockOrders(tx: Transaction, changes: readonly OrderChange[]): Promise<ReadonlyMap<string, StoredOrder>> {
  const keys = [...new Map(changes.map(({ key }) => [keyText(key), key])).values()];
  const rows = await tx.query<OrderRow>(
    `select o.* from orders o
       join unnest($1::text[], $2::text[]) as k(account, client_order_id) using (account, client_order_id)
      order by o.account, o.client_order_id for update of o`,
    [keys.map(({ account }) => account), keys.map(({ clientOrderId }) => clientOrderId)],
  );
  return new Map(
    rows.map((row) => [keyText({ account: row.account, clientOrderId: row.client_order_id }), orderOf(row)]),
  );
}

async function writeSettlements(tx: Transaction, settlements: readonly Settlement[]): Promise<void> {
  if (settlements.length === 0) return;
  const column = (value: (settlement: Settlement) => unknown) => settlements.map(value);
  await tx.query(
    `insert into settlement (execution_id, sequence, symbol, buyer_account, buyer_client_order_id, seller_account,
       seller_client_order_id, quantity, price_ticks, tick_currency, tick_value_minor, due_at)
     select n.*, clock_timestamp() from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
       $7::text[], $8::bigint[], $9::bigint[], $10::text[], $11::bigint[]) as n
     on conflict (execution_id) do nothing`,
    [
      column(({ executionId }) => executionId),
      column(({ sequence }) => sequence),
      column(({ symbol }) => symbol),
      column(({ buyer }) => buyer.account),
      column(({ buyer }) => buyer.clientOrderId),
      column(({ seller }) => seller.account),
      column(({ seller }) => seller.clientOrderId),
      column(({ quantity }) => quantity),
      column(({ priceTicks }) => priceTicks),
      column(({ tickValue }) => tickValue.currency),
      column(({ tickValue }) => tickValue.amountMinor),
    ],
  );
}
