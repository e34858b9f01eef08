import { gatewayParts } from '#services/gateway/handlers.ts';
import { RateLimit, type RateLimits } from '#services/gateway/rate-limit.ts';
import { gateway } from '#services/gateway/service.ts';
import { ExecutionServiceService } from '#services/gen/trading/execution/v1/execution.ts';
import { MarketDataServiceService } from '#services/gen/trading/marketdata/v1/market_data.ts';
import { OrderServiceService } from '#services/gen/trading/order/v1/order.ts';
import { PortfolioServiceService } from '#services/gen/trading/portfolio/v1/portfolio.ts';
import { RiskServiceService } from '#services/gen/trading/risk/v1/risk.ts';
import { startService } from '#services/runtime/index.ts';

/** An edge on loopback. */
export interface RunningGateway extends AsyncDisposable {
  /** Shape: `http://127.0.0.1:40123`. */
  readonly url: string;
}

/** Starts the service as its `main.ts` does, in this process, with one address for all its upstreams. */
export async function startGateway(upstream: string, limits: RateLimits): Promise<RunningGateway> {
  const upstreams = ['ORDER', 'PORTFOLIO', 'MARKET_DATA', 'RISK', 'EXECUTION'].map((name) => [
    `UPSTREAM_${name}`,
    upstream,
  ]);
  const environment = { ...Object.fromEntries(upstreams), LISTEN: '127.0.0.1:0', LOG_LEVEL: 'silent', DRAIN_MS: '0' };
  const service = await startService(gateway, environment, async ({ client }) =>
    gatewayParts(
      {
        orders: client(OrderServiceService, 'order'),
        portfolio: client(PortfolioServiceService, 'portfolio'),
        marketData: client(MarketDataServiceService, 'market-data'),
        risk: client(RiskServiceService, 'risk'),
        execution: client(ExecutionServiceService, 'execution'),
      },
      new RateLimit(limits),
    ),
  );
  return { url: `http://${service.address}`, [Symbol.asyncDispose]: () => service.stop() };
}
