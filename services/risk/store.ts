import type { Database, Transaction } from '../runtime/index.ts';
import { type Judgement, judge, type Order, type Refusal } from './checks.ts';
import { type Basis, readSituation, type StoredAnswer, type Survey, surveyOf, termsOf } from './circumstances.ts';
import type { RiskPolicy } from './policy.ts';
import type { Adjustment } from './request.ts';

/** The answer to an order, stored except where it is undecided or contradicts its key. */
export type Answer =
  | { readonly kind: 'passed'; readonly expiresAtUnixUs: bigint }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'undecided'; readonly cause: unknown }
  | { readonly kind: 'otherTerms' };

/**
 * What became of an adjustment; `unknown` when no reservation was ever granted under its key, `excessive` when it leaves
 * more open than was ordered.
 */
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
      const { stored, circumstances } = await readSituation(tx, order, { basis, policy: this.#policy });
      if (stored !== undefined && !stored.isSame) return { kind: 'otherTerms' };
      if (stored !== undefined && !stored.hasLapsed) return answerOf(stored);
      const judgement = judge(order, circumstances, this.#policy.orderRate.orders);
      if (judgement.kind === 'undecided') return judgement;
      return await write(tx, order, { judgement, unconfirmedMs: this.#policy.unconfirmedMs });
    });
  }

  /**
   * Applies one report to one reservation, and moves the reference price when the report is of a fill. A report that is not
   * newer changes nothing; a newer one is the truth even where it opens more than before (an order released as lost that
   * the market had after all): what the market holds is always counted.
   */
  async adjust({
    account,
    clientOrderId,
    sequence,
    leavesQuantity,
    lastPriceTicks,
  }: Adjustment): Promise<AdjustmentOutcome> {
    const [row] = await this.#database.query<{ readonly passed: boolean; readonly fits: boolean }>(adjustSql, [
      account,
      clientOrderId,
      sequence,
      leavesQuantity,
      lastPriceTicks,
    ]);
    if (row === undefined) return 'unknown';
    // Nothing was granted, so nothing can be open; that nothing is open is no news.
    if (!row.passed) return leavesQuantity === 0n ? 'done' : 'unknown';
    return row.fits ? 'done' : 'excessive';
  }
}

// INVARIANT: whoever grants a reservation of an account holds this lock until the transaction has ended. Adjustments need
// it not: a snapshot shows one either with its release or not at all, and both add up to the same.
async function lockAccount(tx: Transaction, account: string): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 50052))', [account]);
}

function answerOf({ verdict, expiresAtUnixUs }: Pick<StoredAnswer, 'verdict' | 'expiresAtUnixUs'>): Answer {
  return verdict === 'passed' ? { kind: 'passed', expiresAtUnixUs } : { kind: 'refused', refusal: verdict };
}

interface Grant {
  readonly judgement: Exclude<Judgement, { kind: 'undecided' }>;
  readonly unconfirmedMs: number;
}

// A lapsed reservation that the market reports in this moment is confirmed, and stays what the report made of it.
async function write(tx: Transaction, order: Order, { judgement, unconfirmedMs }: Grant): Promise<Answer> {
  const hold = judgement.kind === 'passed' ? judgement.hold : undefined;
  const [row] = await tx.query<{ readonly expires_at_us: bigint }>(
    `insert into reservation as r
       (account, client_order_id, terms, verdict, asset_kind, asset, unit_amount, leaves_quantity, expires_at)
     values ($1, $2, $3::jsonb, $4, $5, $6, $7, $8, clock_timestamp() + $9::float8 * interval '1 ms')
     on conflict (account, client_order_id) do update set
       verdict = excluded.verdict, asset_kind = excluded.asset_kind, asset = excluded.asset,
       unit_amount = excluded.unit_amount, leaves_quantity = excluded.leaves_quantity, expires_at = excluded.expires_at
       where r.sequence < 0
     returning (extract(epoch from expires_at) * 1000000)::bigint as expires_at_us`,
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
  if (row === undefined) return { kind: 'undecided', cause: new Error('the market reported the order meanwhile') };
  const verdict = judgement.kind === 'passed' ? 'passed' : judgement.refusal;
  return answerOf({ verdict, expiresAtUnixUs: row.expires_at_us });
}

// One statement, for it runs for every report. A release (sequence 0) also ends the validity of the stored answer:
// whoever reads it again sees it expired. The reference price follows the newest fill of the journal.
const adjustSql = `
  with changed as (
    update reservation set leaves_quantity = $4::bigint, sequence = $3::bigint,
      expires_at = case when $3::bigint = 0 then least(expires_at, clock_timestamp()) else expires_at end
     where account = $1 and client_order_id = $2 and verdict = 'passed' and sequence < $3::bigint
       and $4::bigint <= (terms->>'quantity')::bigint
    returning account, asset_kind, asset, terms->>'symbol' as symbol,
      (old.leaves_quantity - new.leaves_quantity) * unit_amount::numeric as freed),
  counted as (
    insert into released (account, asset_kind, asset, total)
    select account, asset_kind, asset, freed from changed where freed > 0
    on conflict (account, asset_kind, asset) do update set total = released.total + excluded.total),
  moved as (
    update instrument_limit l set reference_price_ticks = $5::bigint, reference_sequence = $3::bigint
      from changed where l.symbol = changed.symbol and $5::bigint > 0 and l.reference_sequence < $3::bigint)
  select verdict = 'passed' as passed, $4::bigint <= (terms->>'quantity')::bigint as fits
    from reservation where account = $1 and client_order_id = $2`;
