/** Trades on one platform through its HTTP API: sets a market up, places and reads orders, and checks the books. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Instrument, openingCashMinor, openingUnits, type PlannedOrder, type Trader } from './demo-plan.ts';
import type { ApiAnswer, Token, TradingApi } from './trading-api.ts';

/** Mints a user token for a subject with accounts and scopes; it must be valid for `tokenLifeMs` at least. */
export type MintToken = (subject: string, accounts: readonly string[], scopes: readonly string[]) => Promise<Token>;

/** Who trades what. No other client may use these accounts and instruments, or the books cannot be checked. */
export interface Market {
  /** Part of every request id, so that a market is set up once however often it is asked for. Shape: `20`. */
  readonly run: string;
  readonly traders: readonly Trader[];
  readonly instruments: readonly Instrument[];
}

/** An order as the API tells it; quantities are whole numbers in text. */
export interface OrderBody {
  readonly status: string;
  readonly cumulativeQuantity: string;
  readonly cumulativeNotionalTicks: string;
  readonly rejectReason: string;
}

const traderScopes = ['orders.write', 'orders.read', 'positions.read', 'quotes.read'];
const operatorScopes = ['operations.risk', 'operations.market', 'operations.ledger'];
const operator: Trader = { subject: 'operator', account: '' };
/** How many requests a desk has under way at most. */
export const deskWorkers = 16;
/** How long a minted token is used, in milliseconds. */
const tokenLifeMs = 240_000;

/** The order in an answer. Errors: throws, with `what`, for any other answer. */
export function orderIn(answer: ApiAnswer, what: string): OrderBody {
  const order = (answer.body as { order?: Partial<OrderBody> } | undefined)?.order;
  if (answer.status !== 200 || order?.status === undefined)
    throw new Error(`${what}: expected an order, got HTTP ${answer.status} ${JSON.stringify(answer.body)}`);
  return { cumulativeQuantity: '0', cumulativeNotionalTicks: '0', rejectReason: '', ...order, status: order.status };
}

async function expectOk(answer: Promise<ApiAnswer>, what: string): Promise<unknown> {
  const { status, body } = await answer;
  if (status !== 200) throw new Error(`${what}: expected HTTP 200, got ${status} ${JSON.stringify(body)}`);
  return body;
}

/** One market of one platform. */
export class TradingDesk {
  private readonly api: TradingApi;
  private readonly mint: MintToken;
  private readonly market: Market;
  private readonly tokens = new Map<string, { readonly token: Promise<Token>; readonly mintedAtMs: number }>();

  constructor(api: TradingApi, mint: MintToken, market: Market) {
    this.api = api;
    this.mint = mint;
    this.market = market;
  }

  /** Lists the instruments, sets their limits and funds the accounts; repeating it changes nothing. */
  async setUp(): Promise<void> {
    for (const instrument of this.market.instruments) await this.list(instrument);
    for (const trader of this.market.traders) await this.fund(trader);
  }

  /** Sends one order; sending it again is answered as the first time. Errors: rejects when there is no HTTP answer. */
  async place(planned: PlannedOrder): Promise<ApiAnswer> {
    const { trader, clientOrderId, instrument, side, orderType, timeInForce, quantity, priceTicks } = planned;
    return this.api.send(await this.tokenOf(trader), 'POST', '/orders', {
      account: trader.account,
      clientOrderId,
      symbol: instrument.symbol,
      side,
      orderType,
      timeInForce,
      quantity: String(quantity),
      priceTicks: String(priceTicks),
    });
  }

  /** Cancels what is left of an order. Errors: throws unless the platform says 200. */
  async cancel({ trader, clientOrderId }: PlannedOrder): Promise<void> {
    const query = `account=${trader.account}&requestId=cancel-${clientOrderId}`;
    const path = `/orders/${clientOrderId}?${query}`;
    await expectOk(this.api.send(await this.tokenOf(trader), 'DELETE', path), `cancelling ${clientOrderId}`);
  }

  /** Reads an order back. Errors: throws unless the platform knows it. */
  async read({ trader, clientOrderId }: PlannedOrder): Promise<OrderBody> {
    const path = `/orders/${clientOrderId}?account=${trader.account}`;
    return orderIn(await this.api.send(await this.tokenOf(trader), 'GET', path), `reading ${clientOrderId}`);
  }

  /** Reads all these orders back. */
  async readAll(orders: Iterable<PlannedOrder>): Promise<ReadonlyMap<PlannedOrder, OrderBody>> {
    const queue = orders[Symbol.iterator]();
    const found = new Map<PlannedOrder, OrderBody>();
    const work = async () => {
      for (let next = queue.next(); !next.done; next = queue.next()) found.set(next.value, await this.read(next.value));
    };
    await Promise.all(Array.from({ length: deskWorkers }, work));
    return found;
  }

  /** Waits until settlement has caught up with the fills; resolves to what is out of balance after `deadlineMs`. */
  async settle(orders: readonly PlannedOrder[], deadlineMs = 15_000): Promise<readonly string[]> {
    const giveUpAtMs = performance.now() + deadlineMs;
    for (;;) {
      const broken = await this.imbalances(await this.readAll(orders));
      if (broken.length === 0 || performance.now() > giveUpAtMs) return broken;
      await pause(250);
    }
  }

  private async tokenOf({ subject, account }: Trader): Promise<Token> {
    const known = this.tokens.get(subject);
    if (known !== undefined && performance.now() - known.mintedAtMs < tokenLifeMs) return known.token;
    const isOperator = subject === operator.subject;
    const token = this.mint(subject, isOperator ? [] : [account], isOperator ? operatorScopes : traderScopes);
    this.tokens.set(subject, { token, mintedAtMs: performance.now() });
    return token;
  }

  private async operate(path: string, body: unknown): Promise<unknown> {
    return expectOk(this.api.send(await this.tokenOf(operator), 'POST', path, body), path);
  }

  private async list(instrument: Instrument): Promise<void> {
    const { symbol, referencePriceTicks } = instrument;
    const tickValue = { currency: 'USD', amountMinor: String(instrument.tickValueMinor) };
    await this.operate('/operations/instruments', {
      requestId: `list-${this.market.run}-${symbol}`,
      symbol,
      tickValue,
    });
    await this.operate('/operations/limits', {
      requestId: `limits-${this.market.run}-${symbol}`,
      symbol,
      referencePriceTicks: String(referencePriceTicks),
      collarBasisPoints: '1000',
      maxQuantity: '1000',
      maxNotionalTicks: '5000000',
      tickValue,
    });
  }

  private async fund({ account }: Trader): Promise<void> {
    const { run, instruments } = this.market;
    const cash = { currency: 'USD', amountMinor: String(openingCashMinor) };
    await this.operate('/operations/deposits', { requestId: `cash-${run}-${account}`, account, cash });
    for (const { symbol } of instruments) {
      const units = { symbol, quantity: String(openingUnits) };
      await this.operate('/operations/deposits', { requestId: `units-${run}-${account}-${symbol}`, account, units });
    }
  }

  /**
   * What the books must show after the orders as they were read back: every ledger sum is zero, bought equals sold,
   * and each account holds its deposits plus its fills. Resolves to the differences; none means that all balances.
   */
  private async imbalances(finals: ReadonlyMap<PlannedOrder, OrderBody>): Promise<readonly string[]> {
    const { instruments, traders } = this.market;
    const trial = (await this.operate('/operations/trial-balance', {})) as {
      balances?: readonly { asset: string; sum?: string }[];
    };
    const balances = trial.balances ?? [];
    const broken = balances
      .filter(({ sum }) => (sum ?? '0') !== '0')
      .map(({ asset, sum }) => `ledger: ${asset} sums to ${sum}`);
    if (balances.length < instruments.length + 1)
      broken.push(`ledger: expected ${instruments.length + 1} assets or more, got ${balances.length}`);
    for (const { symbol } of instruments) {
      const [bought, sold] = [traded(finals, 'SIDE_BUY', symbol), traded(finals, 'SIDE_SELL', symbol)];
      if (bought !== sold) broken.push(`${symbol}: ${bought} bought, ${sold} sold`);
    }
    for (const trader of traders) broken.push(...(await this.accountDifferences(trader, finals)));
    return broken;
  }

  private async accountDifferences(
    trader: Trader,
    finals: ReadonlyMap<PlannedOrder, OrderBody>,
  ): Promise<readonly string[]> {
    const path = `/positions?account=${trader.account}`;
    const answer = this.api.send(await this.tokenOf(trader), 'GET', path);
    const holdings = (await expectOk(answer, `positions of ${trader.account}`)) as {
      cash?: readonly { currency: string; amountMinor?: string }[];
      positions?: readonly { symbol: string; quantity?: string }[];
    };
    const differences: string[] = [];
    const expect = (what: string, expected: bigint, actual: string | undefined) => {
      if (BigInt(actual ?? '0') !== expected)
        differences.push(`${trader.account} ${what}: expected ${expected}, got ${actual ?? '0'}`);
    };
    let cashMinor = BigInt(openingCashMinor);
    for (const { symbol, tickValueMinor } of this.market.instruments) {
      const notional = (side: PlannedOrder['side']) =>
        sumOf(finals, { side, symbol, trader }, ({ cumulativeNotionalTicks }) => BigInt(cumulativeNotionalTicks)) *
        BigInt(tickValueMinor);
      cashMinor += notional('SIDE_SELL') - notional('SIDE_BUY');
      const bought = traded(finals, 'SIDE_BUY', symbol, trader);
      const units = BigInt(openingUnits) + bought - traded(finals, 'SIDE_SELL', symbol, trader);
      expect(symbol, units, holdings.positions?.find((position) => position.symbol === symbol)?.quantity);
    }
    expect('USD', cashMinor, holdings.cash?.find(({ currency }) => currency === 'USD')?.amountMinor);
    return differences;
  }
}

interface Which {
  readonly side: PlannedOrder['side'];
  readonly symbol: string;
  readonly trader: Trader | undefined;
}

function traded(
  finals: ReadonlyMap<PlannedOrder, OrderBody>,
  side: PlannedOrder['side'],
  symbol: string,
  trader?: Trader,
): bigint {
  return sumOf(finals, { side, symbol, trader }, ({ cumulativeQuantity }) => BigInt(cumulativeQuantity));
}

function sumOf(
  finals: ReadonlyMap<PlannedOrder, OrderBody>,
  { side, symbol, trader }: Which,
  value: (order: OrderBody) => bigint,
): bigint {
  let total = 0n;
  for (const [planned, order] of finals) {
    if (planned.side !== side || planned.instrument.symbol !== symbol) continue;
    if (trader === undefined || planned.trader === trader) total += value(order);
  }
  return total;
}
