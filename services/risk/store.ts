import type { Database, Transaction } from '../runtime/index.ts';
import { type Judgement, judge, type Order, type Refusal } from './checks.ts';
import { type Basis, readCircumstances, type Survey, surveyOf, termsOf } from './circumstances.ts';
import type { RiskPolicy } from './policy.ts';
import type { AdjustmentOrder } from './request.ts';
import { type Adjusted, adjust } from './reservation.ts';

/** The answer to an order, stored except where it is undecided or contradicts its key. */
export type Answer =
  | { readonly kind: 'passed'; readonly expiresAtUnixUs: bigint }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'undecided'; readonly cause: unknown }
  | { readonly kind: 'otherTerms' };

/** What became of an adjustment; `unknown` when no reservation was ever granted under its key. */
export type AdjustmentOutcome = 'done' | 'unknown' | 'excessive';

/** The reservations in the database. Errors: those of `Database`. */
export class ReservationStore {
  readonly #database: Database;
  readonly #policy: RiskPolicy;

  constructor(database: Database, policy: RiskPolicy) {
    this.#database = database;
    this.#policy = policy;
  }

  /** What must be known before the ledger is asked about `order`. */
  survey(order: Order): Promise<Survey> {
    return surveyOf(this.#database, order);
  }

  /**
   * Judges `order` once and stores the answer with what it sets aside; the same key gives the stored answer.
   * A reservation that lapsed before the market was heard of is judged anew: nothing was held for it meanwhile.
   */
  reserve(order: Order, basis: Basis): Promise<Answer> {
    return this.#database.transaction(async (tx) => {
      await lockAccount(tx, order.account);
      const stored = await tryFindStored(tx, order);
      if (stored !== undefined && !stored.same) return { kind: 'otherTerms' };
      if (stored !== undefined && !stored.lapsed) return answerOf(stored);
      const circumstances = await readCircumstances(tx, order, { basis, policy: this.#policy });
      const judgement = judge(order, circumstances, this.#policy.orderRate.orders);
      if (judgement.kind === 'undecided') return judgement;
      return answerOf(await write(tx, order, { judgement, unconfirmedMs: this.#policy.unconfirmedMs }));
    });
  }

  /** Applies one report to one reservation, and moves the reference price when the report is of a fill. */
  adjust(order: AdjustmentOrder): Promise<AdjustmentOutcome> {
    return this.#database.transaction(async (tx) => {
      await lockAccount(tx, order.account);
      const [row] = await tx.query<ReservationRow>(
        `select verdict, asset_kind, asset, unit_amount, leaves_quantity, sequence, terms->>'symbol' as symbol,
                (terms->>'quantity')::bigint as quantity
           from reservation where account = $1 and client_order_id = $2`,
        [order.account, order.clientOrderId],
      );
      if (row === undefined) return 'unknown';
      // Nothing was granted, so nothing can be open; that nothing is open is no news.
      if (row.verdict !== 'passed') return order.leavesQuantity === 0n ? 'done' : 'unknown';
      const adjusted = adjust(reservationOf(row), order);
      if (adjusted.kind === 'excessive') return 'excessive';
      if (adjusted.kind === 'changed') await change(tx, { order, row, adjusted });
      return 'done';
    });
  }
}

interface StoredAnswer {
  readonly verdict: 'passed' | Refusal;
  readonly expires_at_us: bigint;
}

interface StoredRow extends StoredAnswer {
  readonly same: boolean;
  readonly lapsed: boolean;
}

interface ReservationRow {
  readonly verdict: 'passed' | Refusal;
  readonly asset_kind: string;
  readonly asset: string;
  readonly unit_amount: bigint;
  readonly leaves_quantity: bigint;
  readonly sequence: bigint;
  readonly symbol: string;
  readonly quantity: bigint;
}

const expiresAtUs = '(extract(epoch from expires_at) * 1000000)::bigint as expires_at_us';

// INVARIANT: whoever writes a reservation of an account holds this lock until the transaction has ended.
async function lockAccount(tx: Transaction, account: string): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 50052))', [account]);
}

async function tryFindStored(tx: Transaction, order: Order): Promise<StoredRow | undefined> {
  const [row] = await tx.query<StoredRow>(
    `select verdict, ${expiresAtUs}, terms = $3::jsonb as same,
            verdict = 'passed' and sequence < 0 and expires_at <= clock_timestamp() as lapsed
       from reservation where account = $1 and client_order_id = $2`,
    [order.account, order.clientOrderId, termsOf(order)],
  );
  return row;
}

function answerOf({ verdict, expires_at_us }: StoredAnswer): Answer {
  return verdict === 'passed'
    ? { kind: 'passed', expiresAtUnixUs: expires_at_us }
    : { kind: 'refused', refusal: verdict };
}

interface Grant {
  readonly judgement: Exclude<Judgement, { kind: 'undecided' }>;
  readonly unconfirmedMs: number;
}

async function write(tx: Transaction, order: Order, { judgement, unconfirmedMs }: Grant): Promise<StoredAnswer> {
  const hold = judgement.kind === 'passed' ? judgement.hold : undefined;
  const [row] = await tx.query<StoredAnswer>(
    `insert into reservation
       (account, client_order_id, terms, verdict, asset_kind, asset, unit_amount, leaves_quantity, expires_at)
     values ($1, $2, $3::jsonb, $4, $5, $6, $7, $8, clock_timestamp() + $9::float8 * interval '1 ms')
     on conflict (account, client_order_id) do update set
       verdict = excluded.verdict, asset_kind = excluded.asset_kind, asset = excluded.asset,
       unit_amount = excluded.unit_amount, leaves_quantity = excluded.leaves_quantity, expires_at = excluded.expires_at
     returning verdict, ${expiresAtUs}`,
    [
      order.account,
      order.clientOrderId,
      termsOf(order),
      judgement.kind === 'passed' ? 'passed' : judgement.refusal,
      hold?.asset.kind ?? 'nothing',
      hold?.asset.name ?? '',
      hold?.unitAmount ?? 0n,
      hold === undefined ? 0n : order.quantity,
      unconfirmedMs,
    ],
  );
  if (row === undefined) throw new Error('a written reservation was not returned');
  return row;
}

function reservationOf(row: ReservationRow) {
  return {
    quantity: row.quantity,
    unitAmount: row.unit_amount,
    leavesQuantity: row.leaves_quantity,
    sequence: row.sequence,
  };
}

interface Change {
  readonly order: AdjustmentOrder;
  readonly row: ReservationRow;
  readonly adjusted: Extract<Adjusted, { kind: 'changed' }>;
}

async function change(tx: Transaction, { order, row, adjusted }: Change): Promise<void> {
  // A release (sequence 0) also ends the validity of the stored answer: whoever reads it again sees it expired.
  await tx.query(
    `update reservation set leaves_quantity = $3, sequence = $4::bigint,
       expires_at = case when $4::bigint = 0 then least(expires_at, clock_timestamp()) else expires_at end
     where account = $1 and client_order_id = $2`,
    [order.account, order.clientOrderId, adjusted.leavesQuantity, adjusted.sequence],
  );
  if (adjusted.released > 0n) {
    await tx.query(
      `insert into released (account, asset_kind, asset, total) values ($1, $2, $3, $4)
       on conflict (account, asset_kind, asset) do update set total = released.total + excluded.total`,
      [order.account, row.asset_kind, row.asset, adjusted.released],
    );
  }
  if (order.lastPriceTicks > 0n) {
    await tx.query(
      `update instrument_limit set reference_price_ticks = $2, reference_sequence = $3::bigint
        where symbol = $1 and reference_sequence < $3::bigint`,
      [row.symbol, order.lastPriceTicks, order.sequence],
    );
  }
}
