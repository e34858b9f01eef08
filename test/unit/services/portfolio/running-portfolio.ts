import { PortfolioServiceService } from '#services/gen/trading/portfolio/v1/portfolio.ts';
import { portfolioHandlers } from '#services/portfolio/handlers.ts';
import { portfolio } from '#services/portfolio/service.ts';
import { LedgerStore } from '#services/portfolio/store.ts';
import { startService } from '#services/runtime/index.ts';
import { type BareClient, connectBare } from '../../../support/bare-grpc.ts';
import type { TestDatabase } from '../../../support/postgres.ts';

/** A ledger on loopback. */
export interface RunningPortfolio extends AsyncDisposable {
  readonly address: string;
  readonly client: BareClient<typeof PortfolioServiceService>;
}

/** Starts the service as its `main.ts` does, in this process, on a free port. */
export async function startPortfolio(database: TestDatabase): Promise<RunningPortfolio> {
  const environment = {
    ...(await database.environmentOf('portfolio')),
    LISTEN: '127.0.0.1:0',
    LOG_LEVEL: 'silent',
    DRAIN_MS: '0',
  };
  const service = await startService(portfolio, environment, async (context) => [
    [PortfolioServiceService, portfolioHandlers(new LedgerStore(context.database))],
  ]);
  const { methods, close } = connectBare(service.address, PortfolioServiceService);
  return {
    address: service.address,
    client: methods,
    [Symbol.asyncDispose]: async () => {
      close();
      await service.stop();
    },
  };
}
