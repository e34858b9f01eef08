import { PortfolioService } from '../gen/descriptors.ts';
import { connect, type ServiceDeclaration } from '../runtime/declaration.ts';

const owner = 'team-ledger';

/** The double-entry ledger of cash and positions. */
export const portfolio: ServiceDeclaration = {
  name: 'portfolio',
  namespace: 'trading',
  serviceAccount: 'portfolio',
  kind: 'service',
  owner,
  contracts: [{ kind: 'grpc', port: 50055, services: [PortfolioService] }],
  scaling: 'stateless',
  database: { schema: 'trading_portfolio' },
  calls: [connect('postgres', 5432, { timeoutMs: 3_600_000, owner, reason: 'the ledger is kept in the database' })],
};
