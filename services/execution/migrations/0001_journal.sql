-- The journal of the market and the lease of its only writer. What is written stays: the service may add and read, nothing else.

-- INVARIANT: whoever writes moves last_sequence in the same transaction, under its own fencing token; so writers queue on this
-- row, a writer that was replaced finds another token, and the journal has no gap.
create table trading_execution.writer (
  id boolean primary key default true check (id),
  fencing_token bigint not null default 0 check (fencing_token >= 0),
  holder text not null default '',
  expires_at timestamptz not null default '-infinity',
  last_sequence bigint not null default 0 check (last_sequence >= 0),
  -- No order that still waits arrived before this sequence: a replay may begin here.
  replay_from bigint not null default 1 check (replay_from >= 1),
  trading_day text not null default '' check (trading_day ~ '^(\d{4}-\d{2}-\d{2})?$')
);
insert into trading_execution.writer default values;

create table trading_execution.trade_order (
  account text not null,
  client_order_id text not null,
  symbol text not null,
  side text not null check (side in ('buy', 'sell')),
  -- Null: a market order.
  limit_price_ticks bigint check (limit_price_ticks > 0),
  time_in_force text not null check (time_in_force in ('day', 'immediateOrCancel', 'fillOrKill')),
  quantity bigint not null check (quantity > 0),
  sequence bigint not null unique,
  primary key (account, client_order_id)
);

-- One row an event: the order that it is about, and of a trade the order that waited, both as the event left them.
create table trading_execution.event (
  sequence bigint primary key check (sequence >= 1),
  symbol text not null,
  instrument_sequence bigint not null check (instrument_sequence >= 1),
  kind text not null check (kind in ('accepted', 'traded', 'canceled', 'rejected', 'expired')),
  account text not null,
  client_order_id text not null,
  status text not null,
  cumulative bigint not null check (cumulative >= 0),
  leaves bigint not null check (leaves >= 0),
  contra_account text,
  contra_client_order_id text,
  contra_status text,
  contra_cumulative bigint check (contra_cumulative >= 0),
  contra_leaves bigint check (contra_leaves >= 0),
  quantity bigint check (quantity > 0),
  price_ticks bigint check (price_ticks > 0),
  reject_reason text check (reject_reason in ('unknownSymbol', 'instrumentHalted', 'noLiquidity')),
  transact_time_unix_us bigint not null,
  tick_currency text,
  tick_value_minor bigint,
  fencing_token bigint not null,
  unique (symbol, instrument_sequence),
  foreign key (account, client_order_id) references trading_execution.trade_order,
  foreign key (contra_account, contra_client_order_id) references trading_execution.trade_order,
  check ((kind = 'traded') = (contra_account is not null)),
  check ((kind = 'traded') = (quantity is not null and price_ticks is not null)),
  check ((kind = 'rejected') = (reject_reason is not null)),
  -- Orders of one account never trade with each other.
  check (account is distinct from contra_account)
);

create index event_order on trading_execution.event (account, client_order_id, sequence);
create index event_contra on trading_execution.event (contra_account, contra_client_order_id, sequence)
  where contra_account is not null;
create index event_trade on trading_execution.event (symbol, sequence) where kind = 'traded';

-- The answer to every cancel, for its replays. Status, cumulative and leaves are null when the order was not known.
create table trading_execution.cancel_request (
  account text not null,
  client_order_id text not null,
  request_id text not null,
  kind text not null check (kind in ('canceled', 'tooLate', 'unknownOrder')),
  sequence bigint not null,
  status text,
  cumulative bigint,
  leaves bigint,
  primary key (account, client_order_id, request_id),
  check ((kind = 'unknownOrder') = (status is null))
);

-- What operators did, in order, and who did it; the last word on an instrument counts.
create table trading_execution.operator_action (
  number bigint generated always as identity primary key,
  request_id text not null unique,
  subject text not null,
  kind text not null check (kind in ('list', 'halt', 'resume')),
  symbol text not null,
  tick_currency text check (tick_currency ~ '^[A-Z]{3}$'),
  tick_value_minor bigint check (tick_value_minor > 0),
  reason text,
  recorded_at timestamptz not null default clock_timestamp(),
  check ((kind = 'list') = (tick_currency is not null and tick_value_minor is not null)),
  check ((kind = 'list') = (reason is null))
);

-- The database does not trust the writer: events enter under the token that holds now, and never beyond the journal's end.
create function trading_execution.require_fencing_token() returns trigger
  language plpgsql set search_path = trading_execution, pg_temp as $$
begin
  if exists (
    select from added a, writer w where a.fencing_token <> w.fencing_token or a.sequence > w.last_sequence
  ) then
    raise exception 'an event came under a fencing token that does not hold' using errcode = 'restrict_violation';
  end if;
  return null;
end $$;

create trigger require_fencing_token after insert on trading_execution.event
  referencing new table as added for each statement execute function trading_execution.require_fencing_token();

grant usage on schema trading_execution to trading_execution;
grant select, update on trading_execution.writer to trading_execution;
grant select, insert on
  trading_execution.trade_order, trading_execution.event, trading_execution.cancel_request, trading_execution.operator_action
  to trading_execution;
