import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { OrderType } from '#services/gen/trading/fix/v1/fix.ts';
import { asUser } from '../../../support/bare-grpc.ts';
import {
  alice,
  closeStand,
  failWith,
  large,
  openStand,
  order,
  post,
  received,
  resetStand,
  type Sent,
  send,
} from './edge-stand.ts';

beforeAll(openStand);
afterAll(closeStand);
beforeEach(resetStand);

const newOrder = {
  clientOrderId: 'O-1',
  symbol: 'ACME',
  side: 'SIDE_BUY',
  orderType: 'ORDER_TYPE_LIMIT',
  timeInForce: 'TIME_IN_FORCE_DAY',
  quantity: String(large),
  priceTicks: '100',
};

const tickValue = { currency: 'USD', amountMinor: '2' };

interface Mapping {
  readonly route: string;
  readonly path?: string;
  readonly body?: unknown;
  readonly calls: string;
  readonly request: unknown;
}

describe('a route', () => {
  test.for<Mapping>([
    { route: 'POST /orders', body: newOrder, calls: 'placeOrder', request: { terms: order.terms } },
    {
      route: 'POST /orders',
      body: { ...newOrder, account: 'A-2', orderType: 'ORDER_TYPE_MARKET', priceTicks: undefined },
      calls: 'placeOrder',
      request: {
        terms: { ...order.terms, account: 'A-2', orderType: OrderType.ORDER_TYPE_MARKET, priceTicks: 0n },
      },
    },
    { route: 'GET /orders/O-1', calls: 'getOrder', request: { account: 'A-1', clientOrderId: 'O-1' } },
    { route: 'GET /orders/O-1?account=A-2', calls: 'getOrder', request: { account: 'A-2', clientOrderId: 'O-1' } },
    {
      route: 'DELETE /orders/O-1?requestId=C-1&account=A-2',
      calls: 'cancelOrder',
      request: { account: 'A-2', clientOrderId: 'O-1', requestId: 'C-1' },
    },
    { route: 'GET /positions', calls: 'getPositions', request: { account: 'A-1' } },
    { route: 'GET /quotes/ACME', calls: 'getQuote', request: { symbol: 'ACME' } },
    {
      route: 'POST /operations/kill-switch',
      body: { requestId: 'K-1', engaged: true, reason: 'drill' },
      calls: 'setKillSwitch',
      request: { requestId: 'K-1', account: '', engaged: true, reason: 'drill' },
    },
    {
      route: 'POST /operations/limits',
      body: {
        requestId: 'L-1',
        symbol: 'ACME',
        referencePriceTicks: '100',
        collarBasisPoints: '1000',
        maxQuantity: '10',
        maxNotionalTicks: String(large),
        tickValue,
      },
      calls: 'setInstrumentLimits',
      request: {
        requestId: 'L-1',
        symbol: 'ACME',
        referencePriceTicks: 100n,
        collarBasisPoints: 1000n,
        maxQuantity: 10n,
        maxNotionalTicks: large,
        tickValue: { currency: 'USD', amountMinor: 2n },
      },
    },
    {
      route: 'POST /operations/instruments',
      body: { requestId: 'I-1', symbol: 'ACME', tickValue },
      calls: 'defineInstrument',
      request: { requestId: 'I-1', symbol: 'ACME', tickValue: { currency: 'USD', amountMinor: 2n } },
    },
    {
      route: 'POST /operations/halts',
      body: { requestId: 'H-1', symbol: 'ACME', halted: true, reason: 'news' },
      calls: 'setTradingHalt',
      request: { requestId: 'H-1', symbol: 'ACME', halted: true, reason: 'news' },
    },
    {
      route: 'POST /operations/deposits',
      body: { requestId: 'D-1', account: 'A-9', cash: { currency: 'USD', amountMinor: String(large) } },
      calls: 'deposit',
      request: { requestId: 'D-1', account: 'A-9', cash: { currency: 'USD', amountMinor: large }, units: undefined },
    },
    {
      route: 'POST /operations/deposits',
      body: { requestId: 'D-2', account: 'A-9', units: { symbol: 'ACME', quantity: '5' } },
      calls: 'deposit',
      request: { requestId: 'D-2', account: 'A-9', cash: undefined, units: { symbol: 'ACME', quantity: 5n } },
    },
    { route: 'POST /operations/trial-balance', body: {}, calls: 'getTrialBalance', request: {} },
    { route: 'POST /operations/trial-balance', calls: 'getTrialBalance', request: {} },
  ])('$route calls $calls', async ({ route, body, calls, request }) => {
    const [method = '', path = ''] = route.split(' ');
    const answer = await send(path, { method, body });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    expect(received.map(({ method: called, request: sent }) => ({ called, sent }))).toEqual([
      { called: calls, sent: request },
    ]);
  });

  test('that is not declared is 404, and calls nobody', async () => {
    expect((await send('/orders')).status).toBe(404);
    expect(received).toEqual([]);
  });
});

describe('an answer', () => {
  test('has lowerCamelCase members, int64 as decimal strings, enums by name', async () => {
    expect((await post('/orders', newOrder)).body).toEqual({
      order: {
        terms: { ...newOrder, account: 'A-1' },
        status: 'ORDER_STATUS_PARTIALLY_FILLED',
        cumulativeQuantity: '1',
        leavesQuantity: String(large - 1n),
        cumulativeNotionalTicks: '100',
        createdAtUnixUs: '1',
        updatedAtUnixUs: '2',
      },
    });
    expect((await send('/positions')).body).toEqual({
      cash: [{ currency: 'USD', amountMinor: String(-large) }],
      positions: [{ symbol: 'ACME', quantity: String(large) }],
    });
    expect((await send('/orders/O-1?requestId=C-1', { method: 'DELETE' })).body).toMatchObject({
      cancelRejectReason: 'CANCEL_REJECT_REASON_TOO_LATE',
    });
  });

  test.for([
    { code: status.INVALID_ARGUMENT, http: 400 },
    { code: status.UNAUTHENTICATED, http: 401 },
    { code: status.PERMISSION_DENIED, http: 403 },
    { code: status.NOT_FOUND, http: 404 },
    { code: status.ALREADY_EXISTS, http: 409 },
    { code: status.RESOURCE_EXHAUSTED, http: 429 },
    { code: status.UNAVAILABLE, http: 503 },
  ])('of a callee that fails with $code is HTTP $http with its words', async ({ code, http }) => {
    failWith({ code, details: 'the words of the callee' });
    const answer = await post('/orders', newOrder);
    expect(answer.status).toBe(http);
    expect(answer.body).toMatchObject({ status: http, code: status[code], detail: 'the words of the callee' });
  });
});

describe('the edge', () => {
  test('forwards the token and the trace, and nothing else of a request', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const headers = {
      ...alice,
      authorization: 'Bearer token',
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
      cookie: 'session=1',
      'x-forwarded-for': '192.0.2.7',
      'x-forwarded-client-cert': 'By=spiffe://x',
      'x-custom': 'yes',
    };
    await post('/orders', newOrder, headers);
    const metadata = received[0]?.metadata.getMap() ?? {};
    expect(metadata).toMatchObject({ authorization: 'Bearer token' });
    expect(String(metadata['traceparent'])).toContain(traceId);
    const known = ['authorization', 'traceparent', 'tracestate', 'user-agent'];
    expect(Object.keys(metadata).filter((name) => !known.includes(name))).toEqual([]);
  });

  test.for([
    { name: 'POST /orders', path: '/orders', sent: { method: 'POST', body: { ...newOrder, account: 'B-1' } } },
    { name: 'GET /orders/O-1', path: '/orders/O-1?account=B-1', sent: {} },
    { name: 'DELETE /orders/O-1', path: '/orders/O-1?account=B-1&requestId=C', sent: { method: 'DELETE' } },
    { name: 'GET /positions', path: '/positions?account=B-1', sent: {} },
  ])("answers 404 to $name for another user's account and asks nobody", async ({ path, sent }) => {
    expect(await send(path, sent)).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND', detail: 'no such account' },
    });
    expect(received).toEqual([]);
  });

  test('answers 404 to a user without accounts and 401 to nobody', async () => {
    expect((await send('/positions', { headers: asUser('eve', []) })).status).toBe(404);
    expect((await send('/positions', { headers: {} })).status).toBe(401);
    expect(received).toEqual([]);
  });
});

describe('a request', () => {
  test('is refused with all its problems at once', async () => {
    const broken = {
      clientOrderId: 7,
      symbol: null,
      side: 'BUY',
      orderType: 2,
      timeInForce: 'TIME_IN_FORCE_UNSPECIFIED',
      quantity: 10,
      priceTicks: '1.5',
      quantitty: '10',
      note: 'x',
    };
    const answer = await post('/orders', broken);
    expect(answer.status).toBe(400);
    expect(answer.body.detail.split('; ')).toEqual([
      'clientOrderId: expected text, got the number 7',
      'symbol: expected text, got null',
      'side: expected SIDE_BUY or SIDE_SELL, got `BUY`',
      'orderType: expected ORDER_TYPE_MARKET or ORDER_TYPE_LIMIT, got the number 2',
      expect.stringMatching(/^timeInForce: expected .* got `TIME_IN_FORCE_UNSPECIFIED`$/),
      'quantity: expected text, got the number 10',
      'priceTicks: expected a 64-bit integer as decimal text, got `1.5`',
      'quantitty: unknown member',
      'note: unknown member',
    ]);
    expect(received).toEqual([]);
  });

  test.for<{ name: string; path: string; sent: Sent; detail: RegExp }>([
    { name: 'no body', path: '/orders', sent: { method: 'POST' }, detail: /expected an object, got nothing/ },
    {
      name: 'a list as body',
      path: '/orders',
      sent: { method: 'POST', body: [] },
      detail: /expected an object, got a list/,
    },
    {
      name: 'an integer beyond 64 bits',
      path: '/orders',
      sent: { method: 'POST', body: { ...newOrder, quantity: '9223372036854775808' } },
      detail: /quantity: expected a 64-bit integer/,
    },
    {
      name: 'an unknown query parameter',
      path: '/positions?acount=A-1',
      sent: {},
      detail: /acount: unknown member/,
    },
    {
      name: 'an account given twice',
      path: '/positions?account=A-1&account=A-2',
      sent: {},
      detail: /account: expected text, got a list/,
    },
    {
      name: 'a cancel without request id',
      path: '/orders/O-1',
      sent: { method: 'DELETE' },
      detail: /requestId: expected one/,
    },
    {
      name: 'a cancel with an empty request id',
      path: '/orders/O-1?requestId=',
      sent: { method: 'DELETE' },
      detail: /requestId: expected one/,
    },
    {
      name: 'a cancel with two request ids',
      path: '/orders/O-1?requestId=C-1',
      sent: { method: 'DELETE', headers: { ...alice, 'idempotency-key': 'C-2' } },
      detail: /requestId: expected one/,
    },
    {
      name: 'an operator action without request id',
      path: '/operations/kill-switch',
      sent: { method: 'POST', body: { engaged: true, reason: 'drill' } },
      detail: /requestId: expected text, got nothing/,
    },
    {
      name: 'an unknown member inside a member',
      path: '/operations/instruments',
      sent: { method: 'POST', body: { requestId: 'I', symbol: 'ACME', tickValue: { ...tickValue, exponent: 2 } } },
      detail: /tickValue\.exponent: unknown member/,
    },
    {
      name: 'a deposit of nothing',
      path: '/operations/deposits',
      sent: { method: 'POST', body: { requestId: 'D', account: 'A' } },
      detail: /exactly one of `cash`, `units`/,
    },
    {
      name: 'a body that is not JSON',
      path: '/orders',
      sent: { method: 'POST', body: '{"a":' },
      detail: /malformed/,
    },
  ])('with $name is 400 and calls nobody', async ({ path, sent, detail }) => {
    const answer = await send(path, sent);
    expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringMatching(detail) } });
    expect(received).toEqual([]);
  });

  test('to cancel may carry its id in a header', async () => {
    const headers = { ...alice, 'idempotency-key': 'C-7' };
    expect((await send('/orders/O-1', { method: 'DELETE', headers })).status).toBe(200);
    expect(received).toMatchObject([{ request: { requestId: 'C-7' } }]);
  });

  test('of more than 16 KiB is 413, and one of a little less is read', async () => {
    const padded = (length: number) => post('/orders', { ...newOrder, note: 'x'.repeat(length) });
    expect((await padded(16 * 1024)).status).toBe(413);
    expect((await padded(15 * 1024)).body.detail).toBe('note: unknown member');
    expect(received).toEqual([]);
  });
});
