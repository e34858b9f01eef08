import type { ServiceDeclaration } from '../runtime/declaration.ts';

/** PostgreSQL: one database, a schema and a role a service. */
export const postgres: ServiceDeclaration = {
  name: 'postgres',
  namespace: 'data',
  serviceAccount: 'postgres',
  kind: 'platform',
  owner: 'team-platform',
  contracts: [{ kind: 'tcp', port: 5432 }],
  scaling: 'singleton',
  calls: [],
};
