import { PortfolioServiceService } from '../gen/trading/portfolio/v1/portfolio.ts';
import { RiskServiceService } from '../gen/trading/risk/v1/risk.ts';
import { runService } from '../runtime/index.ts';
import { riskHandlers } from './handlers.ts';
import { OperationStore } from './operations.ts';
import { riskPolicy } from './policy.ts';
import { risk } from './service.ts';
import { ReservationStore } from './store.ts';

await runService(risk, async ({ database, client }) => [
  [
    RiskServiceService,
    riskHandlers({
      reservations: new ReservationStore(database, riskPolicy),
      operations: new OperationStore(database),
      portfolio: client(PortfolioServiceService, 'portfolio'),
    }),
  ],
]);
