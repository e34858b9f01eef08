import { PortfolioServiceService } from '../gen/trading/portfolio/v1/portfolio.ts';
import { runService } from '../runtime/index.ts';
import { portfolioHandlers } from './handlers.ts';
import { portfolio } from './service.ts';
import { LedgerStore } from './store.ts';

await runService(portfolio, async ({ database }) => [
  [PortfolioServiceService, portfolioHandlers(new LedgerStore(database))],
]);
