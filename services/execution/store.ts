import type { Database, Transaction } from '../runtime/index.ts';
import {
  type ActionRow,
  actionIn,
  actionRow,
  type CancelRow,
  cancelRow,
  eventRow,
  type OrderRow,
  orderRow,
  present,
  printRows,
  type ReportRow,
  reportIn,
  stateIn,
  termsIn,
} from './journal-row.ts';
import {
  act,
  type CancelAnswer,
  type CancelRequest,
  cancelKey,
  type Entries,
  type Instrument,
  type Known,
  type KnownOrder,
  type Market,
  type OperatorAction,
  type Report,
  replayStart,
  unlisted,
} from './market.ts';
import { type OrderKey, type OrderState, orderKey, type RejectReason } from './order.ts';
import { Replay } from './replay.ts';

/** The right to write, and where the journal stands. Whoever holds the highest token is the writer. */
export interface Lease {
  readonly token: bigint;
  readonly lastSequence: bigint;
  readonly replayFrom: bigint;
  readonly day: string;
}

/** Another writer has taken over: what was to be written is not. */
export class Fenced extends Error {
  constructor() {
    super('another instance has become the writer');
    this.name = 'Fenced';
  }
}

/** The keys that a batch of commands names. */
export interface Keys {
  readonly orders: readonly OrderKey[];
  readonly cancels: readonly CancelRequest[];
  readonly actions: readonly string[];
}

/** One addition to the journal: under which token, to which market, and what. */
export interface Addition {
  readonly token: bigint;
  readonly before: Market;
  readonly after: Market;
  readonly entries: Entries;
}

/** The most reports that are read at once, so that no reader of a long journal needs more memory. */
const reportsPerPage = 500;

/** The journal and the lease in the database. Errors: those of `Database`. */
export class JournalStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Becomes the writer when nobody is, when the lease of the last one has run out, or when that was `holder` itself; each time
   * under a new token. Waits for a write that is under way, so that afterwards the journal is known to its end.
   */
  async acquire(holder: string, leaseMs: number): Promise<Lease | undefined> {
    const [row] = await this.#database.query<LeaseRow>(
      `update writer
          set fencing_token = fencing_token + 1, holder = $1, expires_at = clock_timestamp() + $2 * interval '1 millisecond'
        where expires_at < clock_timestamp() or holder = $1
        returning fencing_token, last_sequence, replay_from, trading_day`,
      [holder, leaseMs],
    );
    if (row === undefined) return undefined;
    return {
      token: row.fencing_token,
      lastSequence: row.last_sequence,
      replayFrom: row.replay_from,
      day: row.trading_day,
    };
  }

  /** Extends the lease; false iff another writer has taken over. */
  async renew(token: bigint, leaseMs: number): Promise<boolean> {
    const rows = await this.#database.query(
      `update writer set expires_at = clock_timestamp() + $2 * interval '1 millisecond' where fencing_token = $1 returning 1`,
      [token, leaseMs],
    );
    return rows.length === 1;
  }

  /** Gives the lease back, so that the next writer need not wait for it to run out. */
  async release(token: bigint): Promise<void> {
    await this.#database.query(`update writer set expires_at = '-infinity' where fencing_token = $1`, [token]);
  }

  /** The market as the journal tells it, for the one who has just acquired `lease`. */
  async rebuild(lease: Lease): Promise<Market> {
    const instruments = await this.#instrumentsWithoutBooks();
    const replay = new Replay();
    for (let from = lease.replayFrom; from <= lease.lastSequence; ) {
      const page = await this.reports(from);
      for (const report of page) replay.take(report);
      const last = page.at(-1);
      if (last === undefined) throw new Error(`the journal ends before ${from}, expected ${lease.lastSequence}`);
      from = last.sequence + 1n;
    }
    for (const [symbol, book] of replay.books()) {
      instruments.set(symbol, { ...(instruments.get(symbol) ?? unlisted), book });
    }
    return { instruments, sequence: lease.lastSequence, day: lease.day };
  }

  /** What the journal holds about the keys. */
  async lookUp({ orders, cancels, actions }: Keys): Promise<Known> {
    const [knownOrders, knownCancels, knownActions] = await Promise.all([
      orders.length === 0 ? [] : this.#orders(orders),
      cancels.length === 0 ? [] : this.#cancels(cancels),
      actions.length === 0 ? [] : this.#actions(actions),
    ]);
    return { orders: new Map(knownOrders), cancels: new Map(knownCancels), actions: new Map(knownActions) };
  }

  /**
   * Writes one addition, whole or not at all.
   * Errors: throws `Fenced` when the token no longer holds or the journal has grown by another hand; after any other error it
   * is not known whether the addition was written.
   */
  async append(addition: Addition): Promise<void> {
    const { reports, orders, cancels, actions } = addition.entries;
    await this.#database.transaction(async (tx) => {
      await advance(tx, addition);
      await insert(
        tx,
        'trade_order',
        orders.map(({ terms, sequence }) => ({ ...orderRow(terms), sequence })),
      );
      await insert(
        tx,
        'event',
        reports.map((report) => ({ ...eventRow(report), fencing_token: addition.token })),
      );
      await insert(
        tx,
        'cancel_request',
        cancels.map(({ request, answer }) => cancelRow(request, answer)),
      );
      await insertActions(tx, actions.map(actionRow));
    });
  }

  /** The reports from a sequence on, at most a page of them. */
  async reports(from: bigint): Promise<readonly Report[]> {
    const rows = await this.#database.query<ReportRow>(
      `select e.*, o.side, o.limit_price_ticks, o.time_in_force, o.quantity as order_quantity,
              c.side as contra_side, c.limit_price_ticks as contra_limit_price_ticks,
              c.time_in_force as contra_time_in_force, c.quantity as contra_order_quantity
         from event e
         join trade_order o on o.account = e.account and o.client_order_id = e.client_order_id
         left join trade_order c on c.account = e.contra_account and c.client_order_id = e.contra_client_order_id
        where e.sequence >= $1 order by e.sequence limit $2`,
      [from, reportsPerPage],
    );
    return rows.map(reportIn);
  }

  async #instrumentsWithoutBooks(): Promise<Map<string, Instrument>> {
    const instruments = new Map<string, Instrument>();
    for (const row of await this.#database.query<InstrumentRow>(instrumentsWithEvents)) {
      const { symbol, sequence, price_ticks: priceTicks, quantity } = row;
      const lastTrade =
        priceTicks === null || quantity === null
          ? unlisted.lastTrade
          : { kind: 'trade' as const, priceTicks, quantity };
      instruments.set(symbol, { ...unlisted, sequence, lastTrade });
    }
    const actions = await this.#database.query<ActionRow>('select * from operator_action order by number');
    for (const action of actions.map(actionIn)) {
      instruments.set(action.symbol, act(instruments.get(action.symbol) ?? unlisted, action));
    }
    return instruments;
  }

  async #orders(keys: readonly OrderKey[]): Promise<(readonly [string, KnownOrder])[]> {
    const rows = await this.#database.query<KnownOrderRow>(knownOrders, columnsOf(keys));
    return rows.map((row) => {
      const { reject_reason: rejectReason, event_sequence: sequence } = row;
      const state = stateIn(row, termsIn(row));
      return [orderKey(state.terms), { state, rejectReason: rejectReason ?? 'none', sequence }];
    });
  }

  async #cancels(requests: readonly CancelRequest[]): Promise<(readonly [string, CancelAnswer])[]> {
    const rows = await this.#database.query<CancelRow & OrderRow>(
      `select r.*, o.symbol, o.side, o.limit_price_ticks, o.time_in_force, o.quantity
         from unnest($1::text[], $2::text[], $3::text[]) as asked (account, client_order_id, request_id)
         join cancel_request r using (account, client_order_id, request_id)
         left join trade_order o using (account, client_order_id)`,
      [...columnsOf(requests), requests.map(({ requestId }) => requestId)],
    );
    return rows.map((row) => [
      cancelKey({ account: row.account, clientOrderId: row.client_order_id, requestId: row.request_id }),
      row.kind === 'unknownOrder'
        ? { kind: row.kind, sequence: row.sequence }
        : { kind: row.kind, state: cancelledState(row), sequence: row.sequence },
    ]);
  }

  async #actions(requestIds: readonly string[]): Promise<(readonly [string, OperatorAction])[]> {
    const rows = await this.#database.query<ActionRow>(
      'select * from operator_action where request_id = any ($1::text[])',
      [requestIds],
    );
    return rows.map((row) => [row.request_id, actionIn(row)]);
  }
}

interface LeaseRow {
  readonly fencing_token: bigint;
  readonly last_sequence: bigint;
  readonly replay_from: bigint;
  readonly trading_day: string;
}

interface InstrumentRow {
  readonly symbol: string;
  readonly sequence: bigint;
  readonly price_ticks: bigint | null;
  readonly quantity: bigint | null;
}

interface KnownOrderRow extends OrderRow, Omit<OrderState, 'terms'> {
  readonly reject_reason: RejectReason | null;
  readonly event_sequence: bigint;
}

// One index probe a symbol and one for its last trade, however long the journal is.
const instrumentsWithEvents = `
  with recursive symbols as (
    (select symbol from event order by symbol limit 1)
    union all
    select (select e.symbol from event e where e.symbol > s.symbol order by e.symbol limit 1) from symbols s
     where s.symbol is not null
  )
  select s.symbol, newest.instrument_sequence as sequence, trade.price_ticks, trade.quantity
    from symbols s
    cross join lateral (
      select instrument_sequence from event where symbol = s.symbol order by instrument_sequence desc limit 1) newest
    left join lateral (
      select price_ticks, quantity from event
       where symbol = s.symbol and kind = 'traded' order by sequence desc limit 1) trade on true
   where s.symbol is not null`;

// The last event of each order, on whichever side of it the order stood.
const knownOrders = `
  select o.*, newest.*
    from unnest($1::text[], $2::text[]) as asked (account, client_order_id)
    join trade_order o using (account, client_order_id)
    cross join lateral (
      (select e.sequence as event_sequence, e.status, e.cumulative, e.leaves, e.reject_reason
         from event e where e.account = o.account and e.client_order_id = o.client_order_id
        order by e.sequence desc limit 1)
      union all
      (select e.sequence, e.contra_status, e.contra_cumulative, e.contra_leaves, null
         from event e where e.contra_account = o.account and e.contra_client_order_id = o.client_order_id
        order by e.sequence desc limit 1)
      order by event_sequence desc limit 1) newest`;

// INVARIANT: comes first in every write: it locks the writer's row, checks the token and that nobody else has written.
async function advance(tx: Transaction, { token, before, after }: Addition): Promise<void> {
  const moved = await tx.query(
    `update writer set last_sequence = $3, replay_from = $4, trading_day = $5
      where fencing_token = $1 and last_sequence = $2 returning 1`,
    [token, before.sequence, after.sequence, replayStart(after), after.day],
  );
  if (moved.length !== 1) throw new Fenced();
}

type Table = 'trade_order' | 'event' | 'cancel_request';

async function insert(tx: Transaction, table: Table, rows: readonly object[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(`insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1::jsonb)`, [
    printRows(rows),
  ]);
}

async function insertActions(tx: Transaction, rows: readonly ActionRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `insert into operator_action (request_id, subject, kind, symbol, tick_currency, tick_value_minor, reason)
     select request_id, subject, kind, symbol, tick_currency, tick_value_minor, reason
       from jsonb_populate_recordset(null::operator_action, $1::jsonb)`,
    [printRows(rows)],
  );
}

function columnsOf(keys: readonly OrderKey[]): readonly (readonly string[])[] {
  return [keys.map(({ account }) => account), keys.map(({ clientOrderId }) => clientOrderId)];
}

function cancelledState(row: CancelRow & OrderRow): OrderState {
  const terms = termsIn(row);
  return {
    terms,
    status: present(row, 'status'),
    cumulative: present(row, 'cumulative'),
    leaves: present(row, 'leaves'),
  };
}
