-- Orders with the step of their saga, the cursor of the execution reports, and the outbox: what is due at portfolio and risk.

-- Enumerations are the numbers of trading.fix.v1.
create table trading_order.orders (
  account text not null check (length(account) between 1 and 64),
  client_order_id text not null check (length(client_order_id) between 1 and 64),
  symbol text not null,
  side smallint not null,
  order_type smallint not null,
  time_in_force smallint not null,
  quantity bigint not null check (quantity > 0),
  price_ticks bigint not null check (price_ticks >= 0),
  step text not null check (step in ('reserving', 'submitting', 'renewing', 'withdrawing', 'reporting', 'working', 'closed')),
  status smallint not null,
  cumulative_quantity bigint not null check (cumulative_quantity between 0 and quantity),
  leaves_quantity bigint not null check (leaves_quantity between 0 and quantity),
  cumulative_notional_ticks bigint not null check (cumulative_notional_ticks >= 0),
  reject_reason smallint not null,
  -- Journal sequence up to which the row speaks; 0 = the market was not heard of.
  sequence bigint not null check (sequence >= 0),
  reserved_until_us bigint not null,
  -- In step reporting: the answer of the market whose fills are not all reported yet.
  awaited_sequence bigint not null default 0,
  awaited_status smallint not null default 0,
  awaited_quantity bigint not null default 0,
  -- The encoded PlaceOrderResponse, written once; every replay returns these bytes.
  answer bytea,
  traceparent text not null,
  created_at_us bigint not null,
  updated_at_us bigint not null,
  -- Counts the moves: whoever moves an order names the version that it has seen.
  version integer not null default 0,
  -- When somebody else may take the saga over, and how often that happened since the last move.
  due_at timestamptz not null,
  attempts integer not null default 0,
  primary key (account, client_order_id)
);

create index orders_due on trading_order.orders (due_at)
  where step in ('reserving', 'submitting', 'renewing', 'withdrawing');

create index orders_reporting on trading_order.orders (awaited_sequence) where step = 'reporting';

create table trading_order.cancel_request (
  account text not null,
  request_id text not null check (length(request_id) between 1 and 64),
  client_order_id text not null,
  -- The encoded CancelOrderResponse, written once.
  answer bytea,
  primary key (account, request_id),
  foreign key (account, client_order_id) references trading_order.orders
);

-- How far the journal of execution reports was taken in, and who may go on. Each new holder gets a greater token.
create table trading_order.report_cursor (
  only_one boolean primary key default true check (only_one),
  sequence bigint not null default 0 check (sequence >= 0),
  token bigint not null default 0,
  held_until timestamptz not null default '-infinity'
);
insert into trading_order.report_cursor default values;

-- One row an execution, for ever: the record that it was settled, and the guard against settling it twice.
create table trading_order.settlement (
  execution_id text primary key,
  sequence bigint not null unique,
  symbol text not null,
  buyer_account text not null,
  buyer_client_order_id text not null,
  seller_account text not null,
  seller_client_order_id text not null,
  quantity bigint not null check (quantity > 0),
  price_ticks bigint not null check (price_ticks > 0),
  tick_currency text not null,
  tick_value_minor bigint not null,
  posting_id bigint,
  settled_at timestamptz,
  due_at timestamptz not null,
  attempts integer not null default 0,
  -- Why portfolio refuses it; such a row waits for a person.
  refused_because text,
  check ((posting_id is null) = (settled_at is null))
);

create index settlement_due on trading_order.settlement (due_at) where settled_at is null;
create index settlement_open_buyer on trading_order.settlement (buyer_account, buyer_client_order_id)
  where settled_at is null;
create index settlement_open_seller on trading_order.settlement (seller_account, seller_client_order_id)
  where settled_at is null;

-- What risk is still to be told of an order; a row is gone when risk knows.
create table trading_order.adjustment (
  account text not null,
  client_order_id text not null,
  sequence bigint not null check (sequence >= 0),
  leaves_quantity bigint not null check (leaves_quantity >= 0),
  last_price_ticks bigint not null check (last_price_ticks >= 0),
  due_at timestamptz not null,
  attempts integer not null default 0,
  refused_because text,
  primary key (account, client_order_id, sequence),
  foreign key (account, client_order_id) references trading_order.orders
);

create index adjustment_due on trading_order.adjustment (due_at);

grant select, insert, update on trading_order.orders, trading_order.cancel_request, trading_order.settlement
  to trading_order;
grant select, insert, update, delete on trading_order.adjustment to trading_order;
grant select, update on trading_order.report_cursor to trading_order;
