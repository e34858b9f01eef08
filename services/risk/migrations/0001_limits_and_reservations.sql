-- Limits, the kill switch and the reservations. Every check of an order reads them in the transaction that writes its reservation.

create table trading_risk.instrument_limit (
  symbol text primary key check (length(symbol) between 1 and 32),
  reference_price_ticks bigint not null check (reference_price_ticks > 0),
  -- Journal sequence of the fill that last moved the reference price; 0 while only operators have set it.
  reference_sequence bigint not null default 0 check (reference_sequence >= 0),
  collar_basis_points bigint not null check (collar_basis_points between 1 and 10000),
  max_quantity bigint not null check (max_quantity > 0),
  max_notional_ticks bigint not null check (max_notional_ticks > 0),
  tick_currency text not null check (tick_currency ~ '^[A-Z]{3}$'),
  tick_value_minor bigint not null check (tick_value_minor > 0)
);

-- Scope `everyone` or `account/<name>`.
create table trading_risk.kill_switch (
  scope text primary key,
  engaged boolean not null,
  reason text not null,
  changed_at timestamptz not null default clock_timestamp()
);

-- What operators did, once per request id: the idempotency key and the record at the same time.
create table trading_risk.operator_action (
  request_id text primary key check (length(request_id) between 1 and 128),
  kind text not null check (kind in ('killSwitch', 'instrumentLimits')),
  terms jsonb not null,
  subject text,
  recorded_at timestamptz not null default clock_timestamp()
);

create table trading_risk.reservation (
  account text not null,
  client_order_id text not null,
  terms jsonb not null,
  -- The stored answer: `passed`, or which check refused the order.
  verdict text not null check (verdict in (
    'passed', 'unknownSymbol', 'priceCollar', 'maxQuantity', 'maxNotional', 'credit', 'orderRate', 'duplicate', 'killSwitch')),
  -- What is held: `unit_amount` of the asset for every unit still open.
  asset_kind text not null check (asset_kind in ('cash', 'units', 'nothing')),
  asset text not null,
  unit_amount bigint not null check (unit_amount >= 0),
  leaves_quantity bigint not null check (leaves_quantity >= 0),
  -- Journal sequence of the last adjustment; -1 = none yet, 0 = released because it never reached the market.
  sequence bigint not null default -1 check (sequence >= -1),
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  primary key (account, client_order_id),
  check (verdict = 'passed' or leaves_quantity = 0)
);

create index reservation_recent on trading_risk.reservation (account, created_at);
create index reservation_open on trading_risk.reservation (account, asset_kind, asset) where leaves_quantity > 0;

-- Everything that adjustments have ever released, so that a reader of the ledger can tell what was released meanwhile.
create table trading_risk.released (
  account text not null,
  asset_kind text not null check (asset_kind in ('cash', 'units')),
  asset text not null,
  total numeric(60) not null check (total >= 0),
  primary key (account, asset_kind, asset)
);

grant usage on schema trading_risk to trading_risk;
grant select, insert, update on
  trading_risk.instrument_limit, trading_risk.kill_switch, trading_risk.reservation, trading_risk.released to trading_risk;
grant select, insert on trading_risk.operator_action to trading_risk;
