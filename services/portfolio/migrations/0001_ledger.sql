-- The ledger: postings with entries. Balanced per asset, append-only, and closed at commit; the database holds it to that by itself.

create table trading_portfolio.posting (
  posting_id bigint generated always as identity primary key,
  kind text not null check (kind in ('trade', 'deposit')),
  reference text not null check (length(reference) between 1 and 128),
  terms jsonb not null,
  written_in xid8 not null,
  posted_at timestamptz not null,
  unique (kind, reference)
);

-- The assets that an account has ever held, so that a portfolio is read without a scan of its entries.
create table trading_portfolio.holding (
  account text not null check (length(account) between 1 and 64),
  asset_kind text not null check (asset_kind in ('cash', 'units')),
  asset text not null check (length(asset) between 1 and 32),
  primary key (account, asset_kind, asset)
);

create table trading_portfolio.entry (
  posting_id bigint not null references trading_portfolio.posting,
  line smallint not null check (line >= 1),
  account text not null,
  asset_kind text not null,
  asset text not null,
  amount bigint not null check (amount <> 0),
  -- Position among the entries of this account and asset, from 1 without gaps, and the balance after this entry.
  number bigint not null check (number >= 1),
  balance_after bigint not null,
  primary key (posting_id, line),
  unique (account, asset_kind, asset, number),
  foreign key (account, asset_kind, asset) references trading_portfolio.holding
);

-- The lock that orders the entries of one account and asset.
create function trading_portfolio.balance_key(account text, asset_kind text, asset text) returns bigint
  language sql immutable parallel safe
  return hashtextextended(account || '/' || asset_kind || '/' || asset, 50055);

create function trading_portfolio.open_posting() returns trigger
  language plpgsql as $$
begin
  new.written_in := pg_current_xact_id();
  new.posted_at := clock_timestamp();
  return new;
end $$;

create trigger open_posting before insert on trading_portfolio.posting
  for each row execute function trading_portfolio.open_posting();

-- Continues the chain of balances; a posting takes entries only from the transaction that opened it.
create function trading_portfolio.continue_balance() returns trigger
  language plpgsql security definer set search_path = trading_portfolio, pg_temp as $$
declare
  previous record;
begin
  if not exists (select from posting p where p.posting_id = new.posting_id and p.written_in = pg_current_xact_id()) then
    raise exception 'posting % is closed', new.posting_id using errcode = 'restrict_violation';
  end if;
  perform pg_advisory_xact_lock(balance_key(new.account, new.asset_kind, new.asset));
  select e.number, e.balance_after into previous from entry e
    where e.account = new.account and e.asset_kind = new.asset_kind and e.asset = new.asset
    order by e.number desc limit 1;
  if not found then
    insert into holding (account, asset_kind, asset) values (new.account, new.asset_kind, new.asset);
    new.number := 1;
    new.balance_after := new.amount;
  else
    new.number := previous.number + 1;
    new.balance_after := previous.balance_after + new.amount;
  end if;
  return new;
end $$;

create trigger continue_balance before insert on trading_portfolio.entry
  for each row execute function trading_portfolio.continue_balance();

-- INVARIANT: per posting and asset the amounts sum to zero, and no posting is empty. Checked at commit.
create function trading_portfolio.require_balance() returns trigger
  language plpgsql security definer set search_path = trading_portfolio, pg_temp as $$
begin
  if not exists (select from entry e where e.posting_id = new.posting_id) then
    raise exception 'posting % has no entries', new.posting_id using errcode = 'check_violation';
  end if;
  if exists (
    select from entry e where e.posting_id = new.posting_id group by e.asset_kind, e.asset having sum(e.amount) <> 0
  ) then
    raise exception 'posting % does not balance', new.posting_id using errcode = 'check_violation';
  end if;
  return null;
end $$;

create constraint trigger posting_balances after insert on trading_portfolio.posting
  deferrable initially deferred for each row execute function trading_portfolio.require_balance();
create constraint trigger entry_balances after insert on trading_portfolio.entry
  deferrable initially deferred for each row execute function trading_portfolio.require_balance();

create function trading_portfolio.refuse_change() returns trigger
  language plpgsql as $$
begin
  raise exception 'the ledger is append-only: % of `%` refused', lower(tg_op), tg_table_name
    using errcode = 'restrict_violation';
end $$;

create trigger append_only before update or delete or truncate on trading_portfolio.posting
  for each statement execute function trading_portfolio.refuse_change();
create trigger append_only before update or delete or truncate on trading_portfolio.entry
  for each statement execute function trading_portfolio.refuse_change();
create trigger append_only before update or delete or truncate on trading_portfolio.holding
  for each statement execute function trading_portfolio.refuse_change();

-- The service may add and read; what the database derives (numbers, balances, times, holdings) it cannot write.
grant usage on schema trading_portfolio to trading_portfolio;
grant select on trading_portfolio.posting, trading_portfolio.entry, trading_portfolio.holding to trading_portfolio;
grant insert (kind, reference, terms) on trading_portfolio.posting to trading_portfolio;
grant insert (posting_id, line, account, asset_kind, asset, amount) on trading_portfolio.entry to trading_portfolio;
