/** Plays the demo's plan against the platform's HTTP API and checks afterwards that nothing was lost, doubled or made up. */

import { setTimeout as pause } from 'node:timers/promises';
import {
  type Instrument,
  instruments,
  openingCashMinor,
  openingUnits,
  type PlannedOrder,
  type Trader,
  traders,
} from './demo-plan.ts';
import type { ApiAnswer, Token, TradingApi } from './trading-api.ts';

/** Mints a user token for a subject with accounts and scopes. */
export type MintToken = (subject: string, accounts: readonly string[], scopes: readonly string[]) => Promise<Token>;

/** What the session did, in orders. */
export interface SessionFigures {
  readonly placed: number;
  readonly filled: number;
  readonly resting: number;
  readonly canceled: number;
  readonly refusedByRisk: number;
  readonly duplicates: number;
  readonly elapsedMs: number;
  /** The orders that traded at once, newest first, each with the trace that the client began. */
  readonly tracedOrders: readonly { readonly traceId: string; readonly clientOrderId: string }[];
}

interface OrderBody {
  readonly status: string;
  readonly cumulativeQuantity: string;
  readonly cumulativeNotionalTicks: string;
  readonly rejectReason: string;
}

const traderScopes = ['orders.write', 'orders.read', 'positions.read', 'quotes.read'];
const operatorScopes = ['operations.risk', 'operations.market', 'operations.ledger'];
const workers = 16;

function orderIn(answer: ApiAnswer, what: string): OrderBody {
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

/** A session of one platform: set-up by an operator, orders by traders, the final check. */
export class DemoSession {
  private readonly api: TradingApi;
  private readonly mint: MintToken;
  private readonly seed: number;
  private readonly tokens = new Map<string, Token>();
  private readonly finals = new Map<PlannedOrder, OrderBody>();

  constructor(api: TradingApi, mint: MintToken, seed: number) {
    this.api = api;
    this.mint = mint;
    this.seed = seed;
  }

  /** Lists the instruments, sets their limits and funds the accounts. */
  async setUp(): Promise<void> {
    const operator = await this.mint('operator', [], operatorScopes);
    const act = (path: string, body: unknown) => expectOk(this.api.send(operator, 'POST', path, body), path);
    for (const instrument of instruments) await this.list(instrument, act);
    for (const trader of traders) {
      this.tokens.set(trader.subject, await this.mint(trader.subject, [trader.account], traderScopes));
      await this.fund(trader, act);
    }
  }

  private async list(instrument: Instrument, act: (path: string, body: unknown) => Promise<unknown>): Promise<void> {
    const { symbol, referencePriceTicks } = instrument;
    const tickValue = { currency: 'USD', amountMinor: String(instrument.tickValueMinor) };
    await act('/operations/instruments', { requestId: `list-${this.seed}-${symbol}`, symbol, tickValue });
    await act('/operations/limits', {
      requestId: `limits-${this.seed}-${symbol}`,
      symbol,
      referencePriceTicks: String(referencePriceTicks),
      collarBasisPoints: '1000',
      maxQuantity: '1000',
      maxNotionalTicks: '5000000',
      tickValue,
    });
  }

  private async fund(trader: Trader, act: (path: string, body: unknown) => Promise<unknown>): Promise<void> {
    const { account } = trader;
    const cash = { currency: 'USD', amountMinor: String(openingCashMinor) };
    await act('/operations/deposits', { requestId: `cash-${this.seed}-${account}`, account, cash });
    for (const { symbol } of instruments) {
      const units = { symbol, quantity: String(openingUnits) };
      await act('/operations/deposits', { requestId: `units-${this.seed}-${account}-${symbol}`, account, units });
    }
  }

  private tokenOf(trader: Trader): Token {
    const token = this.tokens.get(trader.subject);
    if (token === undefined) throw new Error(`trader \`${trader.subject}\` has no token: set the session up first`);
    return token;
  }

  private place(planned: PlannedOrder): Promise<ApiAnswer> {
    const { trader, clientOrderId, instrument, side, orderType, timeInForce, quantity, priceTicks } = planned;
    return this.api.send(this.tokenOf(trader), 'POST', '/orders', {
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

  /** Sends every order of the plan, `workers` at a time, and reports progress after each. */
  async trade(plan: readonly PlannedOrder[], progress: (done: number) => void): Promise<SessionFigures> {
    const startedAt = performance.now();
    const queue = plan.values();
    let done = 0;
    let duplicates = 0;
    const tracedOrders: { traceId: string; clientOrderId: string }[] = [];
    const work = async () => {
      for (const planned of queue) {
        const answer = await this.place(planned);
        const order = orderIn(answer, `placing ${planned.clientOrderId}`);
        if (order.status === 'ORDER_STATUS_FILLED')
          tracedOrders.unshift({ traceId: answer.traceId, clientOrderId: planned.clientOrderId });
        if (planned.twist === 'duplicate') duplicates += await this.duplicate(planned);
        if (planned.twist === 'cancel') await this.cancel(planned);
        if (planned.twist === 'refused' && order.status !== 'ORDER_STATUS_REJECTED')
          throw new Error(`${planned.clientOrderId}: expected risk to refuse it, got ${order.status}`);
        done += 1;
        progress(done);
      }
    };
    await Promise.all(Array.from({ length: workers }, work));
    if (tracedOrders.length === 0) throw new Error('no order of the session traded at once');
    const elapsedMs = performance.now() - startedAt;
    return { ...(await this.readBack(plan)), placed: plan.length, duplicates, elapsedMs, tracedOrders };
  }

  private async duplicate(planned: PlannedOrder): Promise<number> {
    orderIn(await this.place(planned), `repeating ${planned.clientOrderId}`);
    const other = await this.place({ ...planned, quantity: planned.quantity + 1 });
    if (other.status !== 409)
      throw new Error(`${planned.clientOrderId} with other terms: expected HTTP 409, got ${other.status}`);
    return 1;
  }

  private async cancel({ trader, clientOrderId }: PlannedOrder): Promise<void> {
    const query = `account=${trader.account}&requestId=cancel-${clientOrderId}`;
    const path = `/orders/${clientOrderId}?${query}`;
    await expectOk(this.api.send(this.tokenOf(trader), 'DELETE', path), `cancelling ${clientOrderId}`);
  }

  private async readBack(
    plan: readonly PlannedOrder[],
  ): Promise<Pick<SessionFigures, 'filled' | 'resting' | 'canceled' | 'refusedByRisk'>> {
    const queue = plan.values();
    const work = async () => {
      for (const planned of queue) {
        const path = `/orders/${planned.clientOrderId}?account=${planned.trader.account}`;
        const answer = await this.api.send(this.tokenOf(planned.trader), 'GET', path);
        this.finals.set(planned, orderIn(answer, `reading ${planned.clientOrderId}`));
      }
    };
    await Promise.all(Array.from({ length: workers }, work));
    const count = (...statuses: readonly string[]) =>
      [...this.finals.values()].filter(({ status }) => statuses.includes(status)).length;
    return {
      filled: count('ORDER_STATUS_FILLED'),
      resting: count('ORDER_STATUS_NEW', 'ORDER_STATUS_PARTIALLY_FILLED'),
      canceled: count('ORDER_STATUS_CANCELED', 'ORDER_STATUS_EXPIRED'),
      refusedByRisk: count('ORDER_STATUS_REJECTED'),
    };
  }

  /**
   * What the books must show after the orders as they were read back: every ledger sum is zero, bought equals sold,
   * and each account holds its deposits plus its fills. Resolves to the differences; none means that all balances.
   */
  private async imbalances(): Promise<readonly string[]> {
    const operator = await this.mint('operator', [], operatorScopes);
    const trial = (await expectOk(
      this.api.send(operator, 'POST', '/operations/trial-balance', {}),
      'trial balance',
    )) as {
      balances?: readonly { asset: string; sum?: string }[];
    };
    const balances = trial.balances ?? [];
    const broken = balances
      .filter(({ sum }) => (sum ?? '0') !== '0')
      .map(({ asset, sum }) => `ledger: ${asset} sums to ${sum}`);
    if (balances.length !== instruments.length + 1)
      broken.push(`ledger: expected ${instruments.length + 1} assets, got ${balances.length}`);
    for (const { symbol } of instruments) {
      const [bought, sold] = [this.traded('SIDE_BUY', symbol), this.traded('SIDE_SELL', symbol)];
      if (bought !== sold) broken.push(`${symbol}: ${bought} bought, ${sold} sold`);
    }
    for (const trader of traders) broken.push(...(await this.accountDifferences(trader)));
    return broken;
  }

  /** Waits until settlement has caught up with the fills; resolves to what is still out of balance after `deadlineMs`. */
  async settle(deadlineMs = 15_000): Promise<readonly string[]> {
    const giveUpAt = performance.now() + deadlineMs;
    for (;;) {
      await this.readBack([...this.finals.keys()]);
      const broken = await this.imbalances();
      if (broken.length === 0 || performance.now() > giveUpAt) return broken;
      await pause(250);
    }
  }

  private traded(side: PlannedOrder['side'], symbol: string, trader?: Trader): bigint {
    return this.sum(side, symbol, trader, ({ cumulativeQuantity }) => BigInt(cumulativeQuantity));
  }

  private sum(
    side: PlannedOrder['side'],
    symbol: string,
    trader: Trader | undefined,
    value: (order: OrderBody) => bigint,
  ): bigint {
    let total = 0n;
    for (const [planned, order] of this.finals) {
      if (planned.side !== side || planned.instrument.symbol !== symbol) continue;
      if (trader === undefined || planned.trader === trader) total += value(order);
    }
    return total;
  }

  private async accountDifferences(trader: Trader): Promise<readonly string[]> {
    const path = `/positions?account=${trader.account}`;
    const holdings = (await expectOk(
      this.api.send(this.tokenOf(trader), 'GET', path),
      `positions of ${trader.account}`,
    )) as {
      cash?: readonly { currency: string; amountMinor?: string }[];
      positions?: readonly { symbol: string; quantity?: string }[];
    };
    const differences: string[] = [];
    const expect = (what: string, expected: bigint, actual: string | undefined) => {
      if (BigInt(actual ?? '0') !== expected)
        differences.push(`${trader.account} ${what}: expected ${expected}, got ${actual ?? '0'}`);
    };
    let cashMinor = BigInt(openingCashMinor);
    for (const { symbol, tickValueMinor } of instruments) {
      const notional = (side: PlannedOrder['side']) =>
        this.sum(side, symbol, trader, ({ cumulativeNotionalTicks }) => BigInt(cumulativeNotionalTicks)) *
        BigInt(tickValueMinor);
      cashMinor += notional('SIDE_SELL') - notional('SIDE_BUY');
      const units =
        BigInt(openingUnits) + this.traded('SIDE_BUY', symbol, trader) - this.traded('SIDE_SELL', symbol, trader);
      expect(symbol, units, holdings.positions?.find((position) => position.symbol === symbol)?.quantity);
    }
    expect('USD', cashMinor, holdings.cash?.find(({ currency }) => currency === 'USD')?.amountMinor);
    return differences;
  }
}
