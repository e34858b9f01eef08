import { PortfolioService, RiskService } from '../gen/descriptors.ts';
import { call, connect, type ServiceDeclaration } from '../runtime/declaration.ts';

const owner = 'team-risk';

/** Pre-trade checks and reservations; fails closed. */
export const risk: ServiceDeclaration = {
  name: 'risk',
  namespace: 'trading',
  serviceAccount: 'risk',
  kind: 'service',
  owner,
  contracts: [{ kind: 'grpc', port: 50052, services: [RiskService] }],
  scaling: 'stateless',
  database: { schema: 'trading_risk' },
  calls: [
    call(PortfolioService.methods.getLimitsBasis, {
      timeoutMs: 400,
      owner,
      reason: 'credit is judged on settled cash and positions',
    }),
    connect('postgres', 5432, {
      timeoutMs: 3_600_000,
      owner,
      reason: 'reservations and limits are kept in the database',
    }),
  ],
};
