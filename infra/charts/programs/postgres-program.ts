import type { Program } from '../../constructs/program.ts';
import type { Environment } from '../../environments/index.ts';
import { imageReference, postgresImage } from '../../environments/versions.ts';

/** Name of the Secret with the superuser's password under `postgres`. It is made out of band. */
const passwordsSecret = 'postgres-passwords';

function storageOf(database: Environment['database']): string {
  if (database.kind === 'external') throw new Error('a database outside has no pod here');
  return database.storage;
}

/**
 * How PostgreSQL runs: its own proxy ends mutual TLS, so the server itself speaks cleartext inside the pod. Roles,
 * schemas and tables are made from outside by their owner (`services/runtime/provision.ts`, `migrate.ts`).
 */
export function postgresProgram({ resources, database }: Environment): Program {
  return {
    containerName: 'postgres',
    image: imageReference(postgresImage),
    environment: {
      POSTGRES_DB: database.name,
      POSTGRES_INITDB_ARGS: '--auth-host=scram-sha-256 --auth-local=trust --data-checksums',
      POSTGRES_USER: 'postgres',
    },
    // Read once, when the data directory is made; from then on the server knows a hash of it.
    secretEnvironment: { POSTGRES_PASSWORD: { secretName: passwordsSecret, key: 'postgres' } },
    ports: [{ name: 'tcp', number: 5432 }],
    mounts: [
      { kind: 'claim', name: 'data', path: '/var/lib/postgresql', storage: storageOf(database) },
      { kind: 'scratch', name: 'run', path: '/var/run/postgresql', sizeLimit: '16Mi' },
      { kind: 'scratch', name: 'tmp', path: '/tmp', sizeLimit: '64Mi' },
    ],
    // While it makes its data directory the server listens on its socket only.
    readiness: { kind: 'tcp', port: 5432 },
    liveness: { kind: 'tcp', port: 5432 },
    resources: resources.postgres,
    uid: 999,
    uidReason: 'the image knows its server as user 999, and initdb refuses users without an entry in /etc/passwd',
    graceSeconds: 60,
  };
}
