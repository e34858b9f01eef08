import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CancelRejectReason,
  ExecType,
  OrderRejectReason,
  OrderStatus,
  TimeInForce,
} from '#services/gen/trading/fix/v1/fix.ts';
import { asUser } from '../../../support/bare-grpc.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import {
  codeOf,
  list,
  openReports,
  operator,
  type RunningMarket,
  startMarket,
  submission,
  untilServing,
} from './running-market.ts';

let database: TestDatabase;
let market: RunningMarket;

beforeAll(async () => {
  database = await withDatabase(['execution']);
  market = await startMarket(database);
  await untilServing(market.address);
});

afterAll(async () => {
  await market?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

let last = 0;
/** A symbol of its own for a test, already listed. */
async function freshSymbol(): Promise<string> {
  last += 1;
  const symbol = `SYM${last}`;
  await list(market, symbol);
  return symbol;
}

async function journalEnd(): Promise<bigint> {
  const client = await database.connectAdmin();
  try {
    const { rows } = await client.query('select coalesce(max(sequence), 0)::text as end from trading_execution.event');
    return BigInt(rows[0].end);
  } finally {
    await client.end();
  }
}

describe('an order', () => {
  test('waits, trades in part with an order of another account, and is filled by the next', async () => {
    const symbol = await freshSymbol();
    const from = (await journalEnd()) + 1n;
    const { client } = market;
    const resting = await client.submitTrade(submission({ id: `${symbol}-s`, account: 'S', symbol, side: 'sell' }));
    expect(resting).toMatchObject({
      order: { status: OrderStatus.ORDER_STATUS_NEW, leavesQuantity: 5n },
      sequence: from,
    });
    const first = await client.submitTrade(submission({ id: `${symbol}-b1`, account: 'B', symbol, quantity: 2n }));
    expect(first.order).toMatchObject({ status: OrderStatus.ORDER_STATUS_FILLED, cumulativeQuantity: 2n });
    const second = await client.submitTrade(submission({ id: `${symbol}-b2`, account: 'C', symbol, quantity: 4n }));
    expect(second.order).toMatchObject({ status: OrderStatus.ORDER_STATUS_PARTIALLY_FILLED, leavesQuantity: 1n });
    using stream = openReports(market.address, from);
    const reports = await stream.take(5);
    expect(reports.map(({ execType }) => execType)).toEqual([
      ExecType.EXEC_TYPE_NEW,
      ExecType.EXEC_TYPE_NEW,
      ExecType.EXEC_TYPE_TRADE,
      ExecType.EXEC_TYPE_NEW,
      ExecType.EXEC_TYPE_TRADE,
    ]);
    expect(reports[2]).toMatchObject({
      lastQuantity: 2n,
      lastPriceTicks: 100n,
      tickValue: { currency: 'USD', amountMinor: 5n },
      order: { terms: { account: 'B' }, status: OrderStatus.ORDER_STATUS_FILLED },
      contraOrder: { terms: { account: 'S' }, status: OrderStatus.ORDER_STATUS_PARTIALLY_FILLED, leavesQuantity: 3n },
    });
    expect(reports[4]?.contraOrder).toMatchObject({ status: OrderStatus.ORDER_STATUS_FILLED, cumulativeQuantity: 5n });
    expect(reports.map(({ instrumentSequence }) => instrumentSequence)).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect(reports.map(({ executionId }) => executionId)).toEqual(reports.map(({ sequence }) => `E${sequence}`));
  });

  test('that is sent again answers with its present state and writes nothing', async () => {
    const symbol = await freshSymbol();
    const request = submission({ id: `${symbol}-s`, account: 'S', symbol, side: 'sell' });
    const first = await market.client.submitTrade(request);
    expect(await market.client.submitTrade(request)).toEqual(first);
    const trade = await market.client.submitTrade(
      submission({ id: `${symbol}-b`, account: 'B', symbol, quantity: 3n }),
    );
    const end = await journalEnd();
    const again = await market.client.submitTrade(request);
    expect(again).toMatchObject({ order: { cumulativeQuantity: 3n, leavesQuantity: 2n }, sequence: trade.sequence });
    expect(await journalEnd()).toBe(end);
  });

  test('that is sent many times at once enters the market once', async () => {
    const symbol = await freshSymbol();
    const end = await journalEnd();
    const request = submission({ id: `${symbol}-s`, symbol });
    const answers = await Promise.all(Array.from({ length: 20 }, () => market.client.submitTrade(request)));
    expect(new Set(answers.map(({ sequence }) => sequence))).toEqual(new Set([end + 1n]));
    expect(await journalEnd()).toBe(end + 1n);
  });

  test('with the name of another is refused', async () => {
    const symbol = await freshSymbol();
    await market.client.submitTrade(submission({ id: `${symbol}-o`, symbol }));
    const other = market.client.submitTrade(submission({ id: `${symbol}-o`, symbol, quantity: 6n }));
    expect(await codeOf(other)).toBe(status.ALREADY_EXISTS);
  });

  test('for a symbol that nobody listed is rejected in the journal', async () => {
    const answer = await market.client.submitTrade(submission({ id: 'nobody', symbol: 'NOBODY' }));
    expect(answer).toMatchObject({
      order: { status: OrderStatus.ORDER_STATUS_REJECTED, leavesQuantity: 0n },
      rejectReason: OrderRejectReason.ORDER_REJECT_REASON_UNKNOWN_SYMBOL,
    });
    expect(await market.client.submitTrade(submission({ id: 'nobody', symbol: 'NOBODY' }))).toEqual(answer);
  });

  test.for([
    { name: 'no terms', request: { terms: undefined } },
    { name: 'an empty account', request: submission({ id: 'x', account: '' }) },
    { name: 'a client order id of 65 characters', request: submission({ id: 'x'.repeat(65) }) },
    { name: 'a symbol with a space', request: submission({ id: 'x', symbol: 'A B' }) },
    { name: 'no quantity', request: submission({ id: 'x', quantity: 0n }) },
    { name: 'a negative quantity', request: submission({ id: 'x', quantity: -1n }) },
    { name: 'a quantity beyond what a book can sum', request: submission({ id: 'x', quantity: 2n ** 62n }) },
    { name: 'a negative price', request: submission({ id: 'x', limit: -1n }) },
    { name: 'no time in force', request: submission({ id: 'x', timeInForce: TimeInForce.TIME_IN_FORCE_UNSPECIFIED }) },
    { name: 'an unknown side', request: { terms: { ...submission({ id: 'x' }).terms, side: 7 as 1 } } },
    {
      name: 'a market order with a price',
      request: { terms: { ...submission({ id: 'x', limit: 0n }).terms, priceTicks: 1n } },
    },
  ])('with $name is not valid', async ({ request }) => {
    const end = await journalEnd();
    expect(await codeOf(market.client.submitTrade(request))).toBe(status.INVALID_ARGUMENT);
    expect(await journalEnd()).toBe(end);
  });
});

describe('a cancel', () => {
  const cancel = (clientOrderId: string, requestId: string, account = 'A') =>
    market.client.cancelTrade({ account, clientOrderId, requestId });

  test('takes what is left off the book, and its replay answers the same and writes nothing', async () => {
    const symbol = await freshSymbol();
    await market.client.submitTrade(submission({ id: `${symbol}-o`, symbol }));
    await market.client.submitTrade(
      submission({ id: `${symbol}-s`, account: 'S', symbol, side: 'sell', quantity: 2n }),
    );
    const answer = await cancel(`${symbol}-o`, 'c1');
    expect(answer).toMatchObject({
      order: { status: OrderStatus.ORDER_STATUS_CANCELED, cumulativeQuantity: 2n, leavesQuantity: 0n },
      cancelRejectReason: CancelRejectReason.CANCEL_REJECT_REASON_UNSPECIFIED,
    });
    const end = await journalEnd();
    expect(answer.sequence).toBe(end);
    expect(await cancel(`${symbol}-o`, 'c1')).toEqual(answer);
    const late = await cancel(`${symbol}-o`, 'c2');
    expect(late).toMatchObject({
      order: { status: OrderStatus.ORDER_STATUS_CANCELED },
      cancelRejectReason: CancelRejectReason.CANCEL_REJECT_REASON_TOO_LATE,
    });
    expect(await journalEnd()).toBe(end);
  });

  test('of an order that nobody sent, or that belongs to another account, knows no order', async () => {
    const symbol = await freshSymbol();
    await market.client.submitTrade(submission({ id: `${symbol}-o`, symbol }));
    for (const answer of [await cancel('none', 'c'), await cancel(`${symbol}-o`, 'c', 'B')]) {
      expect(answer.order).toBeUndefined();
      expect(answer.cancelRejectReason).toBe(CancelRejectReason.CANCEL_REJECT_REASON_UNKNOWN_ORDER);
    }
  });

  test('that races a fill wins whole or loses whole', async () => {
    const symbol = await freshSymbol();
    const rounds = Array.from({ length: 40 }, (_, round) => round);
    const winners = new Set<string>();
    for (const round of rounds) {
      const id = `${symbol}-${round}`;
      await market.client.submitTrade(submission({ id, account: 'S', symbol, side: 'sell' }));
      const taking = () =>
        market.client.submitTrade(
          submission({
            id: `${id}-b`,
            account: 'B',
            symbol,
            timeInForce: TimeInForce.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL,
          }),
        );
      const cancelling = () => cancel(id, `c-${id}`, 'S');
      const [canceled, taken] =
        round % 2 === 0
          ? await Promise.all([cancelling(), taking()])
          : ((await Promise.all([taking(), cancelling()])).toReversed() as [
              Awaited<ReturnType<typeof cancel>>,
              Awaited<ReturnType<typeof taking>>,
            ]);
      const isFilled = taken.order?.status === OrderStatus.ORDER_STATUS_FILLED;
      winners.add(isFilled ? 'fill' : 'cancel');
      expect(canceled).toMatchObject(
        isFilled
          ? {
              order: { status: OrderStatus.ORDER_STATUS_FILLED, cumulativeQuantity: 5n },
              cancelRejectReason: CancelRejectReason.CANCEL_REJECT_REASON_TOO_LATE,
            }
          : {
              order: { status: OrderStatus.ORDER_STATUS_CANCELED, cumulativeQuantity: 0n },
              cancelRejectReason: CancelRejectReason.CANCEL_REJECT_REASON_UNSPECIFIED,
            },
      );
      if (!isFilled) expect(taken.order?.cumulativeQuantity).toBe(0n);
    }
    expect(winners).toEqual(new Set(['fill', 'cancel']));
  });
});

describe('an operator', () => {
  test('halts an instrument: new orders are rejected, cancels pass, and after the halt it trades again', async () => {
    const symbol = await freshSymbol();
    const { client } = market;
    const set = (requestId: string, halted: boolean) =>
      client.setTradingHalt({ requestId: `${symbol}-${requestId}`, symbol, halted, reason: 'news' }, operator);
    await client.submitTrade(submission({ id: `${symbol}-1`, symbol }));
    await set('h', true);
    const refused = await client.submitTrade(submission({ id: `${symbol}-2`, symbol }));
    expect(refused.rejectReason).toBe(OrderRejectReason.ORDER_REJECT_REASON_INSTRUMENT_HALTED);
    const canceled = await client.cancelTrade({ account: 'A', clientOrderId: `${symbol}-1`, requestId: 'c' });
    expect(canceled.order?.status).toBe(OrderStatus.ORDER_STATUS_CANCELED);
    await set('r', false);
    await set('h', true);
    const traded = await client.submitTrade(submission({ id: `${symbol}-3`, symbol }));
    expect(traded.order?.status).toBe(OrderStatus.ORDER_STATUS_NEW);
    expect(await codeOf(set('h', false))).toBe(status.INVALID_ARGUMENT);
  });

  test('halts nothing that is not listed', async () => {
    const halt = { requestId: 'h', symbol: 'NONE', halted: true, reason: '' };
    expect(await codeOf(market.client.setTradingHalt(halt, operator))).toBe(status.NOT_FOUND);
  });

  test('lists a symbol once; again with other terms is refused', async () => {
    const symbol = await freshSymbol();
    const tickValue = { currency: 'USD', amountMinor: 5n };
    const again = (requestId: string, amountMinor: bigint) =>
      codeOf(market.client.defineInstrument({ requestId, symbol, tickValue: { ...tickValue, amountMinor } }, operator));
    expect(await again(`list-${symbol}`, 5n)).toBe(status.OK);
    expect(await again(`again-${symbol}`, 5n)).toBe(status.OK);
    expect(await again(`list-${symbol}`, 6n)).toBe(status.ALREADY_EXISTS);
    expect(await again(`more-${symbol}`, 6n)).toBe(status.ALREADY_EXISTS);
  });

  test.for([
    { name: 'nobody', user: {}, code: status.UNAUTHENTICATED },
    { name: 'a trader', user: asUser('tom', ['A'], 'orders.write'), code: status.PERMISSION_DENIED },
    {
      name: 'an operator of another field',
      user: asUser('rita', [], 'operations.risk'),
      code: status.PERMISSION_DENIED,
    },
  ])('is not $name', async ({ user, code }) => {
    const { client } = market;
    const listing = { requestId: 'l', symbol: 'FORBIDDEN', tickValue: { currency: 'USD', amountMinor: 1n } };
    expect(await codeOf(client.defineInstrument(listing, user))).toBe(code);
    const halt = { requestId: 'h', symbol: 'ACME', halted: true, reason: '' };
    expect(await codeOf(client.setTradingHalt(halt, user))).toBe(code);
  });
});

describe('the role of the service', () => {
  test.for(['event', 'trade_order', 'cancel_request', 'operator_action'])(
    'cannot change what `%s` holds',
    async (table) => {
      const { default: pg } = await import('pg');
      const client = new pg.Client(database.accessOf('execution'));
      await client.connect();
      try {
        for (const statement of [`delete from trading_execution.${table}`, `truncate trading_execution.${table}`]) {
          await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
        }
      } finally {
        await client.end();
      }
    },
  );
});
