import { ExecutionServiceService } from '../gen/trading/execution/v1/execution.ts';
import { MarketDataServiceService } from '../gen/trading/marketdata/v1/market_data.ts';
import { OrderServiceService } from '../gen/trading/order/v1/order.ts';
import { PortfolioServiceService } from '../gen/trading/portfolio/v1/portfolio.ts';
import { RiskServiceService } from '../gen/trading/risk/v1/risk.ts';
import { runService } from '../runtime/index.ts';
import { gatewayParts } from './handlers.ts';
import { RateLimit, rateLimits } from './rate-limit.ts';
import { gateway } from './service.ts';

await runService(gateway, async ({ client }) =>
  gatewayParts(
    {
      orders: client(OrderServiceService, 'order'),
      portfolio: client(PortfolioServiceService, 'portfolio'),
      marketData: client(MarketDataServiceService, 'market-data'),
      risk: client(RiskServiceService, 'risk'),
      execution: client(ExecutionServiceService, 'execution'),
    },
    new RateLimit(rateLimits),
  ),
);
