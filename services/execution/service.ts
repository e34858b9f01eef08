import { ExecutionService, MarketDataService } from '../gen/descriptors.ts';
import { call, connect, type ServiceDeclaration } from '../runtime/declaration.ts';

const owner = 'team-market';

/** The matching engine: one writer, one journal. */
export const execution: ServiceDeclaration = {
  name: 'execution',
  namespace: 'trading',
  serviceAccount: 'execution',
  kind: 'service',
  owner,
  contracts: [{ kind: 'grpc', port: 50053, services: [ExecutionService] }],
  scaling: 'singleton',
  database: { schema: 'trading_execution' },
  calls: [
    call(MarketDataService.methods.publish, { timeoutMs: 500, owner, reason: 'top of book and trades become public' }),
    connect('postgres', 5432, {
      timeoutMs: 3_600_000,
      owner,
      reason: 'the journal and the writer lease are kept in the database',
    }),
  ],
};
