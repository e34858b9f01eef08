import type { Metadata } from '@grpc/grpc-js';
import { ExecutionServiceService } from '#services/gen/trading/execution/v1/execution.ts';
import { OrderStatus, OrderType, Side, TimeInForce } from '#services/gen/trading/fix/v1/fix.ts';
import { MarketDataServiceService, type Quote } from '#services/gen/trading/marketdata/v1/market_data.ts';
import { type Order, OrderServiceService } from '#services/gen/trading/order/v1/order.ts';
import { PortfolioServiceService } from '#services/gen/trading/portfolio/v1/portfolio.ts';
import { RiskServiceService } from '#services/gen/trading/risk/v1/risk.ts';
import { asUser, type FakeServer, fake, serveFakes } from '../../../support/bare-grpc.ts';
import { type RunningGateway, startGateway } from './running-gateway.ts';

/** More than a double can hold. */
export const large = 2n ** 53n + 1n;

/** A quote with an integer that no double holds. */
export const quote: Quote = {
  symbol: 'ACME',
  instrumentSequence: 7n,
  bidPriceTicks: 99n,
  bidQuantity: 5n,
  askPriceTicks: 101n,
  askQuantity: 6n,
  lastPriceTicks: 100n,
  lastQuantity: 1n,
  publishedAtUnixUs: large,
};

/** A partly filled order with one, too. */
export const order: Order = {
  terms: {
    account: 'A-1',
    clientOrderId: 'O-1',
    symbol: 'ACME',
    side: Side.SIDE_BUY,
    orderType: OrderType.ORDER_TYPE_LIMIT,
    timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
    quantity: large,
    priceTicks: 100n,
  },
  status: OrderStatus.ORDER_STATUS_PARTIALLY_FILLED,
  cumulativeQuantity: 1n,
  leavesQuantity: large - 1n,
  cumulativeNotionalTicks: 100n,
  rejectReason: 0,
  createdAtUnixUs: 1n,
  updatedAtUnixUs: 2n,
};

/** What the fakes were called with, in order. */
export let received: { readonly method: string; readonly request: unknown; readonly metadata: Metadata }[] = [];
let failure: { readonly code: number; readonly details: string } | undefined;
let streamed: () => AsyncIterable<Quote> = async function* () {};

/** Makes every fake fail until the next test. */
export function failWith(error: { readonly code: number; readonly details: string }): void {
  failure = error;
}

/** Sets what the fake market data streams. */
export function stream(quotes: () => AsyncIterable<Quote>): void {
  streamed = quotes;
}

const answering =
  <R>(method: string, response: R) =>
  async (request: unknown, metadata: Metadata): Promise<R> => {
    received.push({ method, request, metadata });
    if (failure !== undefined) throw failure;
    return response;
  };

/** Serves all fakes. */
export let upstream: FakeServer;
/** The edge in front of them, with limits that no test reaches. */
export let gateway: RunningGateway;

/** Starts everything; for `beforeAll`. */
export async function openStand(): Promise<void> {
  upstream = await serveFakes([
    fake(OrderServiceService, {
      placeOrder: answering('placeOrder', { order }),
      getOrder: answering('getOrder', { order }),
      cancelOrder: answering('cancelOrder', { order, cancelRejectReason: 1 as const }),
    }),
    fake(PortfolioServiceService, {
      getPositions: answering('getPositions', {
        cash: [{ currency: 'USD', amountMinor: -large }],
        positions: [{ symbol: 'ACME', quantity: large }],
      }),
      deposit: answering('deposit', { postingId: large }),
      getTrialBalance: answering('getTrialBalance', {
        balances: [{ asset: 'USD', sum: 0n, entries: 4n }],
        postings: 2n,
      }),
    }),
    fake(MarketDataServiceService, {
      getQuote: answering('getQuote', { quote }),
      streamQuotes: async function* (request, metadata) {
        await answering('streamQuotes', {})(request, metadata);
        for await (const next of streamed()) yield { quote: next };
      },
    }),
    fake(RiskServiceService, {
      setKillSwitch: answering('setKillSwitch', {}),
      setInstrumentLimits: answering('setInstrumentLimits', {}),
    }),
    fake(ExecutionServiceService, {
      defineInstrument: answering('defineInstrument', {}),
      setTradingHalt: answering('setTradingHalt', {}),
    }),
  ]);
  gateway = await startGateway(upstream.address, { perUser: 10_000, perAddress: 10_000 });
}

/** Ends everything; for `afterAll`. */
export async function closeStand(): Promise<void> {
  await gateway?.[Symbol.asyncDispose]();
  upstream?.stop();
}

/** Forgets what the fakes were called with; for `beforeEach`. */
export function resetStand(): void {
  received = [];
  failure = undefined;
}

/** The headers of a user with two accounts. */
export const alice = asUser('alice', ['A-1', 'A-2']);

/** A request as a test sends it. */
export interface Sent {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a request to the edge and reads the whole answer. */
export const send = async (path: string, { method = 'GET', body, headers = alice }: Sent = {}) => {
  const content = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: { ...content, ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
};

/** Posts a body as JSON. */
export const post = (path: string, body: unknown, headers = alice) => send(path, { method: 'POST', body, headers });
