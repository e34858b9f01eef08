import type { Environment } from '../environment.ts';
import { production } from '../production.ts';

/**
 * A cluster whose platform team runs PostgreSQL, the collector of traces, the issuer of tokens and SPIRE already: this
 * product brings the services, their policies and their registrations.
 */
export const ownPlatform: Environment = {
  ...production,
  name: 'own-platform',
  trustDomain: 'corp.example',
  users: {
    issuer: 'https://login.corp.example/realms/desk',
    audiences: ['trading'],
    // The issuer's public keys, fetched from its jwks_uri and reviewed like code: no proxy fetches keys by itself.
    jwksFile: 'infra/environments/production.jwks.json',
  },
  identity: {
    kind: 'spire',
    installation: { kind: 'existing', className: 'spire-server-spire', socketFile: 'spire-agent.sock' },
    leafLifetime: '1h',
  },
  database: {
    kind: 'external',
    name: 'trading',
    host: 'ledger.db.corp.example',
    port: 5432,
    addresses: ['10.60.4.0/28'],
    caSecret: 'database-ca',
  },
  collector: {
    kind: 'existing',
    namespace: 'monitoring',
    service: 'otel-collector',
    grpcPort: 4317,
    httpPort: 4318,
  },
};
