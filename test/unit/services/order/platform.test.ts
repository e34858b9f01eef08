import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OrderRejectReason, OrderStatus, Side, TimeInForce } from '#services/gen/trading/fix/v1/fix.ts';
import { PortfolioServiceService } from '#services/gen/trading/portfolio/v1/portfolio.ts';
import { RiskServiceService } from '#services/gen/trading/risk/v1/risk.ts';
import { riskHandlers } from '#services/risk/handlers.ts';
import { OperationStore } from '#services/risk/operations.ts';
import { riskPolicy } from '#services/risk/policy.ts';
import { risk } from '#services/risk/service.ts';
import { ReservationStore } from '#services/risk/store.ts';
import { startService } from '#services/runtime/index.ts';
import { asUser, connectBare } from '../../../support/bare-grpc.ts';
import { withDatabase } from '../../../support/postgres.ts';
import { operator, startMarket, untilServing } from '../execution/running-market.ts';
import { startPortfolio } from '../portfolio/running-portfolio.ts';
import { eventually, type RunningOrder, startOrder } from './running-order.ts';
import { terms } from './terms.ts';

const opened = new AsyncDisposableStack();
let order: RunningOrder;
let positionsOf: (account: string) => Promise<readonly bigint[]>;
let heldAt: (account: string) => Promise<bigint>;
afterAll(() => opened.disposeAsync());

const tickValue = { currency: 'USD', amountMinor: 2n };

beforeAll(async () => {
  const database = opened.use(await withDatabase(['order', 'risk', 'execution', 'portfolio']));
  const portfolio = opened.use(await startPortfolio(database));
  const market = opened.use(await startMarket(database));
  const riskEnvironment = {
    ...(await database.environmentOf('risk')),
    LISTEN: '127.0.0.1:0',
    UPSTREAM_PORTFOLIO: portfolio.address,
    LOG_LEVEL: 'silent',
    DRAIN_MS: '0',
  };
  const riskService = await startService(risk, riskEnvironment, async (context) => [
    [
      RiskServiceService,
      riskHandlers({
        reservations: new ReservationStore(context.database, riskPolicy),
        operations: new OperationStore(context.database),
        portfolio: context.client(PortfolioServiceService, 'portfolio'),
      }),
    ],
  ]);
  opened.defer(() => riskService.stop());
  const riskClient = connectBare(riskService.address, RiskServiceService);
  opened.defer(() => riskClient.close());
  const environment = async () => ({
    ...(await database.environmentOf('order')),
    UPSTREAM_RISK: riskService.address,
    UPSTREAM_EXECUTION: market.address,
    UPSTREAM_PORTFOLIO: portfolio.address,
    LISTEN: '127.0.0.1:0',
    LOG_LEVEL: 'silent',
    DRAIN_MS: '0',
  });
  await untilServing(market.address);
  order = await startOrder({ environment });
  opened.defer(() => order.stop());
  await market.client.defineInstrument({ requestId: 'list', symbol: 'ACME', tickValue }, operator);
  await riskClient.methods.setInstrumentLimits(
    {
      requestId: 'limits',
      symbol: 'ACME',
      referencePriceTicks: 100n,
      collarBasisPoints: 1000n,
      maxQuantity: 1000n,
      maxNotionalTicks: 50_000n,
      tickValue,
    },
    operator,
  );
  for (const account of ['alice', 'bob']) {
    const cash = { currency: 'USD', amountMinor: 100_000n };
    const units = { symbol: 'ACME', quantity: 100n };
    await portfolio.client.deposit({ requestId: `cash-${account}`, account, cash, units: undefined });
    await portfolio.client.deposit({ requestId: `units-${account}`, account, cash: undefined, units });
  }
  positionsOf = async (account) => {
    const { cash, positions } = await portfolio.client.getPositions({ account }, asUser('owner', [account]));
    return [cash[0]?.amountMinor ?? 0n, positions[0]?.quantity ?? 0n];
  };
  const admin = await database.connectAdmin();
  opened.defer(() => admin.end());
  heldAt = async (account) => {
    const { rows } = await admin.query(
      'select coalesce(sum(leaves_quantity), 0)::text as held from trading_risk.reservation where account = $1',
      [account],
    );
    return BigInt(rows[0].held);
  };
});

const sell = { account: 'bob', side: Side.SIDE_SELL };
const immediate = TimeInForce.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL;

describe('an order, with the real risk, market and ledger', () => {
  test('goes from the reservation to the ledger, and everything that was reserved is free again', async () => {
    const ask = terms({ ...sell, clientOrderId: 'ask', priceTicks: 99n });
    expect(await order.place(ask)).toMatchObject({ status: OrderStatus.ORDER_STATUS_NEW });
    const bid = terms({ account: 'alice', clientOrderId: 'bid', quantity: 4n });
    expect(await order.place(bid)).toMatchObject({
      status: OrderStatus.ORDER_STATUS_FILLED,
      cumulativeNotionalTicks: 396n,
    });
    await eventually(async () => {
      expect(await positionsOf('alice')).toEqual([100_000n - 792n, 104n]);
      expect(await positionsOf('bob')).toEqual([100_000n + 792n, 96n]);
      expect([await heldAt('alice'), await heldAt('bob')]).toEqual([0n, 6n]);
    });
    const cancelled = await order.client.cancelOrder(
      { account: 'bob', clientOrderId: 'ask', requestId: 'r' },
      { metadata: asUser('owner', ['bob']) },
    );
    expect(cancelled.order).toMatchObject({ status: OrderStatus.ORDER_STATUS_CANCELED, cumulativeQuantity: 4n });
    await eventually(async () => expect(await heldAt('bob')).toBe(0n));
  });

  test('that finds nothing to trade with and may not rest leaves nothing reserved', async () => {
    const asked = terms({ account: 'alice', clientOrderId: 'nothing', timeInForce: immediate });
    expect(await order.place(asked)).toMatchObject({ leavesQuantity: 0n, cumulativeQuantity: 0n });
    await eventually(async () => expect(await heldAt('alice')).toBe(0n));
  });

  test('is refused by risk with its reason, and a replay hears the same', async () => {
    const far = terms({ account: 'alice', clientOrderId: 'far', priceTicks: 200n });
    const answer = await order.place(far);
    expect(answer.rejectReason).toBe(OrderRejectReason.ORDER_REJECT_REASON_PRICE_COLLAR);
    expect(await order.place(far)).toEqual(answer);
    const unknown = terms({ account: 'alice', clientOrderId: 'unknown', symbol: 'NONE' });
    expect((await order.place(unknown)).rejectReason).toBe(OrderRejectReason.ORDER_REJECT_REASON_UNKNOWN_SYMBOL);
  });
});
