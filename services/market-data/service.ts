import { MarketDataService } from '../gen/descriptors.ts';
import type { ServiceDeclaration } from '../runtime/declaration.ts';

/** Top of book and trades for everybody who may see them. One replica: every reader must see every update. */
export const marketData: ServiceDeclaration = {
  name: 'market-data',
  namespace: 'trading',
  serviceAccount: 'market-data',
  kind: 'service',
  owner: 'team-market',
  contracts: [{ kind: 'grpc', port: 50054, services: [MarketDataService] }],
  scaling: 'singleton',
  calls: [],
};
