import type { Database, Transaction } from '../runtime/index.ts';
import type { Asset, Entry, Posting } from './ledger.ts';

/** What became of a posting: booked now or earlier under the same key, or refused. */
export type Booking =
  | { readonly kind: 'booked'; readonly postingId: bigint }
  | { readonly kind: 'otherTerms' }
  | { readonly kind: 'beyondRange' };

/** What one account holds of one asset. */
export interface Balance {
  readonly asset: Asset;
  readonly amount: bigint;
}

/** The whole ledger summed up; amounts of a sum that is not zero may not fit the ledger's range. */
export interface TrialBalance {
  readonly sums: readonly { readonly asset: Asset; readonly sum: bigint; readonly entries: bigint }[];
  readonly postings: bigint;
}

const numericValueOutOfRange = '22003';

/** The ledger in the database. Errors: those of `Database`. */
export class LedgerStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Books `posting` once: the same key again gives the first number, with other terms `otherTerms`. */
  async book(posting: Posting): Promise<Booking> {
    try {
      return await this.#database.transaction((tx) => bookOnce(tx, posting));
    } catch (thrown) {
      if (isBeyondRange(thrown)) return { kind: 'beyondRange' };
      throw thrown;
    }
  }

  /** The balances of one account, cash first, then by name; assets that it never held are left out. */
  async balancesOf(account: string): Promise<readonly Balance[]> {
    const rows = await this.#database.query<BalanceRow>(
      `select h.asset_kind, h.asset, e.balance_after
         from holding h
         cross join lateral (
           select balance_after from entry
            where account = h.account and asset_kind = h.asset_kind and asset = h.asset
            order by number desc limit 1) e
        where h.account = $1 order by h.asset_kind, h.asset`,
      [account],
    );
    return rows.map((row) => ({ asset: assetOf(row), amount: row.balance_after }));
  }

  /** The balances of one account in `assets`, in their order, from one snapshot; zero where it never held one. */
  async balancesIn(account: string, assets: readonly Asset[]): Promise<readonly bigint[]> {
    const rows = await this.#database.query<{ balance: bigint }>(
      `select coalesce((
           select balance_after from entry
            where account = $1 and asset_kind = wanted.kind and asset = wanted.name
            order by number desc limit 1), 0) as balance
         from unnest($2::text[], $3::text[]) with ordinality as wanted (kind, name, place)
        order by wanted.place`,
      [account, assets.map(({ kind }) => kind), assets.map(({ name }) => name)],
    );
    return rows.map(({ balance }) => balance);
  }

  /** The sum and the number of the entries of every asset, read from the entries themselves in one snapshot. */
  async trialBalance(): Promise<TrialBalance> {
    const rows = await this.#database.query<TrialRow>(
      `select p.postings, s.asset_kind, s.asset, s.sum, s.entries
         from (select count(*) as postings from posting) p
         left join (
           select asset_kind, asset, sum(amount)::text as sum, count(*) as entries
             from entry group by asset_kind, asset) s on true
        order by s.asset_kind, s.asset`,
    );
    return {
      postings: rows[0]?.postings ?? 0n,
      sums: rows.filter(isSummed).map((row) => ({ asset: assetOf(row), sum: BigInt(row.sum), entries: row.entries })),
    };
  }
}

interface AssetRow {
  readonly asset_kind: Asset['kind'];
  readonly asset: string;
}

interface BalanceRow extends AssetRow {
  readonly balance_after: bigint;
}

interface SumRow extends AssetRow {
  readonly postings: bigint;
  readonly sum: string;
  readonly entries: bigint;
}

type TrialRow = SumRow | { readonly postings: bigint; readonly asset: null };

function isSummed(row: TrialRow): row is SumRow {
  return row.asset !== null;
}

function assetOf(row: AssetRow): Asset {
  return { kind: row.asset_kind, name: row.asset };
}

// The unique key makes a rival with the same reference wait here until this transaction has ended.
async function bookOnce(tx: Transaction, posting: Posting): Promise<Booking> {
  const { kind, reference } = posting;
  const terms = JSON.stringify(posting.terms);
  const [opened] = await tx.query<{ posting_id: bigint }>(
    `insert into posting (kind, reference, terms) values ($1, $2, $3::jsonb)
     on conflict (kind, reference) do nothing returning posting_id`,
    [kind, reference, terms],
  );
  if (opened !== undefined) {
    await lockBalances(tx, posting.entries);
    await insertEntries(tx, opened.posting_id, posting.entries);
    return { kind: 'booked', postingId: opened.posting_id };
  }
  const [earlier] = await tx.query<{ posting_id: bigint; same: boolean }>(
    'select posting_id, terms = $3::jsonb as same from posting where kind = $1 and reference = $2',
    [kind, reference, terms],
  );
  if (earlier === undefined) throw new Error(`posting \`${kind}/${reference}\` is neither new nor known`);
  return earlier.same ? { kind: 'booked', postingId: earlier.posting_id } : { kind: 'otherTerms' };
}

// INVARIANT: every posting takes its locks in the order of their keys, so that two postings cannot wait for each other.
async function lockBalances(tx: Transaction, entries: readonly Entry[]): Promise<void> {
  await tx.query(
    `select pg_advisory_xact_lock(key) from (
       select distinct balance_key(account, kind, name) as key
         from unnest($1::text[], $2::text[], $3::text[]) as touched (account, kind, name) order by key) ordered`,
    columnsOf(entries),
  );
}

async function insertEntries(tx: Transaction, postingId: bigint, entries: readonly Entry[]): Promise<void> {
  await tx.query(
    `insert into entry (posting_id, line, account, asset_kind, asset, amount)
     select $5::bigint, line, account, kind, name, amount
       from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) with ordinality
         as line (account, kind, name, amount, line) order by line`,
    [...columnsOf(entries), entries.map(({ amount }) => amount), postingId],
  );
}

function columnsOf(entries: readonly Entry[]): readonly (readonly string[])[] {
  return [
    entries.map(({ account }) => account),
    entries.map(({ asset }) => asset.kind),
    entries.map(({ asset }) => asset.name),
  ];
}

function isBeyondRange(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === numericValueOutOfRange;
}
