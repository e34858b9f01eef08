import { OrderType, Side, TimeInForce } from '#services/gen/trading/fix/v1/fix.ts';
import { PortfolioServiceService } from '#services/gen/trading/portfolio/v1/portfolio.ts';
import { RiskServiceService } from '#services/gen/trading/risk/v1/risk.ts';
import { riskHandlers } from '#services/risk/handlers.ts';
import { OperationStore } from '#services/risk/operations.ts';
import { type RiskPolicy, riskPolicy } from '#services/risk/policy.ts';
import { risk } from '#services/risk/service.ts';
import { ReservationStore } from '#services/risk/store.ts';
import { startService } from '#services/runtime/index.ts';
import { type BareClient, connectBare } from '../../../support/bare-grpc.ts';
import type { TestDatabase } from '../../../support/postgres.ts';

/** A risk service on loopback. */
export interface RunningRisk extends AsyncDisposable {
  readonly client: BareClient<typeof RiskServiceService>;
}

/** A policy under which neither the order rate nor repetitions refuse anything. */
export const patientPolicy: RiskPolicy = {
  ...riskPolicy,
  orderRate: { orders: 1_000_000n, windowMs: 1000 },
  repetitionMs: 0,
};

/** Starts the service as its `main.ts` does, in this process, with `policy` and the ledger at `portfolioAddress`. */
export async function startRisk(
  database: TestDatabase,
  portfolioAddress: string,
  policy: RiskPolicy,
): Promise<RunningRisk> {
  const environment = {
    ...(await database.environmentOf('risk')),
    LISTEN: '127.0.0.1:0',
    UPSTREAM_PORTFOLIO: portfolioAddress,
    LOG_LEVEL: 'silent',
    DRAIN_MS: '0',
  };
  const service = await startService(risk, environment, async (context) => [
    [
      RiskServiceService,
      riskHandlers({
        reservations: new ReservationStore(context.database, policy),
        operations: new OperationStore(context.database),
        portfolio: context.client(PortfolioServiceService, 'portfolio'),
      }),
    ],
  ]);
  const { methods, close } = connectBare(service.address, RiskServiceService);
  return {
    client: methods,
    [Symbol.asyncDispose]: async () => {
      close();
      await service.stop();
    },
  };
}

let last = 0;

/** A name that no other test of this file uses. Shape: `A-12`. */
export function fresh(what: string): string {
  last += 1;
  return `${what}-${last}`;
}

/** A limit order to buy 10 ACME at 100 ticks for the day, under a new id. */
export const buy = {
  symbol: 'ACME',
  side: Side.SIDE_BUY,
  orderType: OrderType.ORDER_TYPE_LIMIT,
  timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
  quantity: 10n,
  priceTicks: 100n,
} as const;

/** Limits of ACME: reference 100 ticks, collar 10 %, at most 1000 units and 50,000 ticks, one tick worth 2 cents. */
export const limits = {
  symbol: 'ACME',
  referencePriceTicks: 100n,
  collarBasisPoints: 1000n,
  maxQuantity: 1000n,
  maxNotionalTicks: 50_000n,
  tickValue: { currency: 'USD', amountMinor: 2n },
} as const;
