import type { Transaction } from '../runtime/index.ts';
import {
  type Asset,
  type Circumstances,
  type Credit,
  holdOf,
  type Limits,
  type Listing,
  type Order,
  type Refusal,
} from './checks.ts';
import type { RiskPolicy } from './policy.ts';

/** The settled balance of the asset that an order needs, or why it is not known. */
export type Basis =
  | { readonly kind: 'settled'; readonly asset: Asset; readonly amount: bigint; readonly releasedBefore: bigint }
  | { readonly kind: 'unreadable'; readonly cause: unknown };

/** What is known before the ledger is asked: the asset that an order needs, and everything released of it so far. */
export type Survey =
  | { readonly kind: 'unlisted' }
  | { readonly kind: 'listed'; readonly asset: Asset; readonly currency: string; readonly releasedBefore: bigint };

/** The terms of an order as they are stored and compared; the account and the client order id are its key. */
export function termsOf({ symbol, side, orderType, timeInForce, quantity, priceTicks }: Order): string {
  return JSON.stringify({ symbol, side, orderType, timeInForce, quantity: `${quantity}`, priceTicks: `${priceTicks}` });
}

/** Reads the survey of an order. It must come before the ledger is asked: see `readSituation`. */
export async function surveyOf(from: Transaction, order: Order): Promise<Survey> {
  const [row] = await from.query<SurveyRow>(
    `select l.tick_currency as currency, coalesce((
         select total from released
          where account = $1 and asset_kind = $3 and asset = case $3 when 'cash' then l.tick_currency else l.symbol end
       ), 0)::text as released
       from instrument_limit l where l.symbol = $2`,
    [order.account, order.symbol, order.side === 'buy' ? 'cash' : 'units'],
  );
  if (row === undefined) return { kind: 'unlisted' };
  const asset: Asset =
    order.side === 'buy' ? { kind: 'cash', name: row.currency } : { kind: 'units', name: order.symbol };
  return { kind: 'listed', asset, currency: row.currency, releasedBefore: BigInt(row.released) };
}

/** The answer that is stored under an order's key. */
export interface StoredAnswer {
  readonly verdict: 'passed' | Refusal;
  readonly expiresAtUnixUs: bigint;
  /** True iff it was given to an order with the same terms. */
  readonly isSame: boolean;
  /** True iff its reservation ran out before the market was heard of. */
  readonly hasLapsed: boolean;
}

/** Where an order stands: the answer that it got before, if any, and what it is judged by otherwise. */
export interface Situation {
  readonly stored: StoredAnswer | undefined;
  readonly circumstances: Circumstances;
}

/**
 * Reads the situation of `order` in one snapshot; the caller holds the lock of the account.
 * INVARIANT: what was released since the survey still counts as held, because the basis was read after the survey and may
 * not show the settlements that led to those releases.
 */
export async function readSituation(
  tx: Transaction,
  order: Order,
  { basis, policy }: { readonly basis: Basis; readonly policy: RiskPolicy },
): Promise<Situation> {
  const asset = basis.kind === 'settled' ? basis.asset : undefined;
  const [row] = await tx.query<SituationRow>(situationSql, [
    order.account,
    order.clientOrderId,
    order.symbol,
    termsOf(order),
    policy.orderRate.windowMs,
    policy.repetitionMs,
    asset?.kind ?? 'nothing',
    asset?.name ?? '',
  ]);
  if (row === undefined) throw new Error('the situation of an order cannot be read');
  const listing = listingOf(row);
  const circumstances: Circumstances = {
    killed: row.killed,
    listing,
    recentOrders: row.recent_orders,
    repeated: row.repeated,
    credit: creditOf(order, listing, { basis, held: BigInt(row.held), releasedNow: BigInt(row.released) }),
  };
  return { stored: storedOf(row), circumstances };
}

const situationSql = `
  with instant as materialized (select clock_timestamp() as now)
  select
    exists (select from kill_switch where scope in ('everyone', 'account/' || $1) and engaged) as killed,
    (select count(*) from reservation r where r.account = $1 and r.client_order_id <> $2
        and r.created_at > now - $5::float8 * interval '1 ms' and r.verdict <> 'orderRate') as recent_orders,
    exists (select from reservation r where r.account = $1 and r.client_order_id <> $2 and r.verdict = 'passed'
        and r.created_at > now - $6::float8 * interval '1 ms' and r.terms = $4::jsonb) as repeated,
    coalesce((select sum(r.leaves_quantity * r.unit_amount::numeric) from reservation r
        where r.account = $1 and r.asset_kind = $7 and r.asset = $8 and r.client_order_id <> $2
        and r.leaves_quantity > 0 and (r.sequence > 0 or r.expires_at > now)), 0)::text as held,
    coalesce((select total from released where account = $1 and asset_kind = $7 and asset = $8), 0)::text as released,
    l.reference_price_ticks, l.collar_basis_points, l.max_quantity, l.max_notional_ticks, l.tick_currency, l.tick_value_minor,
    s.verdict, (extract(epoch from s.expires_at) * 1000000)::bigint as expires_at_us, s.terms = $4::jsonb as is_same,
    s.verdict = 'passed' and s.sequence < 0 and s.expires_at <= now as has_lapsed
  from instant
    left join instrument_limit l on l.symbol = $3
    left join reservation s on s.account = $1 and s.client_order_id = $2`;

interface SurveyRow {
  readonly currency: string;
  readonly released: string;
}

interface LimitsRow {
  readonly reference_price_ticks: bigint;
  readonly collar_basis_points: bigint;
  readonly max_quantity: bigint;
  readonly max_notional_ticks: bigint;
  readonly tick_currency: string;
  readonly tick_value_minor: bigint;
}

type UnlistedRow = { readonly [K in keyof LimitsRow]: null };

interface StoredRow {
  readonly verdict: 'passed' | Refusal;
  readonly expires_at_us: bigint;
  readonly is_same: boolean;
  readonly has_lapsed: boolean;
}

type NewRow = { readonly [K in keyof StoredRow]: null };

type SituationRow = (LimitsRow | UnlistedRow) &
  (StoredRow | NewRow) & {
    readonly killed: boolean;
    readonly recent_orders: bigint;
    readonly repeated: boolean;
    readonly held: string;
    readonly released: string;
  };

function storedOf(row: StoredRow | NewRow): StoredAnswer | undefined {
  if (row.verdict === null) return undefined;
  const { verdict, expires_at_us, is_same, has_lapsed } = row;
  return { verdict, expiresAtUnixUs: expires_at_us, isSame: is_same, hasLapsed: has_lapsed };
}

function listingOf(row: LimitsRow | UnlistedRow): Listing {
  if (row.reference_price_ticks === null) return { kind: 'unlisted' };
  const limits: Limits = {
    referencePriceTicks: row.reference_price_ticks,
    collarBasisPoints: row.collar_basis_points,
    maxQuantity: row.max_quantity,
    maxNotionalTicks: row.max_notional_ticks,
    tickValue: { currency: row.tick_currency, amountMinor: row.tick_value_minor },
  };
  return { kind: 'listed', limits };
}

interface Commitments {
  readonly basis: Basis;
  readonly held: bigint;
  readonly releasedNow: bigint;
}

function creditOf(order: Order, listing: Listing, { basis, held, releasedNow }: Commitments): Credit {
  if (basis.kind === 'unreadable') return basis;
  if (listing.kind === 'listed' && holdOf(order, listing.limits).asset.name !== basis.asset.name) {
    return {
      kind: 'unreadable',
      cause: new Error('the currency of the instrument changed while its limits were read'),
    };
  }
  return { kind: 'available', amount: basis.amount - held - (releasedNow - basis.releasedBefore) };
}
