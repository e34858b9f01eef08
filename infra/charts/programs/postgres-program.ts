import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import { compareText } from '../../constructs/peer.ts';
import type { Program } from '../../constructs/program.ts';
import type { Environment } from '../../environments/index.ts';
import { imageReference, postgresImage } from '../../environments/versions.ts';

/** Name of the ConfigMap with the script that makes roles and schemas in an empty database. */
export const postgresInitialization = 'postgres-initialization';

/** Name of the Secret with the passwords: `owner`, and one key for each service's role. It is made out of band. */
const passwordsSecret = 'postgres-passwords';
const passwordsFolder = '/var/run/secrets/meshwright/passwords';

/**
 * The script of the image's first start: one role and one schema for each service that keeps state. Passwords are read
 * from the mounted Secret; tables come from the services' migrations, run by the owner role.
 */
export function postgresInitializationScript(catalog: readonly ServiceDeclaration[]): string {
  const roles = catalog.flatMap(({ database }) => database?.schema ?? []).sort(compareText);
  const statements = roles.flatMap((role) => [
    `psql --set=ON_ERROR_STOP=1 --set=password="$(cat ${passwordsFolder}/${role})" <<'SQL'`,
    `CREATE ROLE ${role} LOGIN PASSWORD :'password';`,
    `CREATE SCHEMA ${role};`,
    `GRANT USAGE ON SCHEMA ${role} TO ${role};`,
    `ALTER ROLE ${role} SET search_path = ${role};`,
    'SQL',
  ]);
  return ['#!/bin/sh', 'set -eu', 'export PGUSER="$POSTGRES_USER" PGDATABASE="$POSTGRES_DB"', ...statements, ''].join(
    '\n',
  );
}

/** How PostgreSQL runs: its own proxy ends mutual TLS, so the server itself speaks cleartext inside the pod. */
export function postgresProgram({ resources, database }: Environment): Program {
  return {
    containerName: 'postgres',
    image: imageReference(postgresImage),
    environment: {
      POSTGRES_DB: database.name,
      POSTGRES_INITDB_ARGS: '--auth-host=scram-sha-256 --auth-local=trust --data-checksums',
      POSTGRES_PASSWORD_FILE: `${passwordsFolder}/owner`,
      POSTGRES_USER: 'trading_owner',
    },
    ports: [{ name: 'tcp', number: 5432 }],
    mounts: [
      { kind: 'claim', name: 'data', path: '/var/lib/postgresql', storage: database.storage },
      { kind: 'scratch', name: 'run', path: '/var/run/postgresql', sizeLimit: '16Mi' },
      { kind: 'scratch', name: 'tmp', path: '/tmp', sizeLimit: '64Mi' },
      { kind: 'secret', name: 'passwords', path: passwordsFolder, secretName: passwordsSecret },
      {
        kind: 'configuration',
        name: 'initialization',
        path: '/docker-entrypoint-initdb.d',
        configMapName: postgresInitialization,
      },
    ],
    readiness: { kind: 'command', command: ['pg_isready', '--quiet', `--dbname=${database.name}`] },
    liveness: { kind: 'tcp', port: 5432 },
    resources: resources.postgres,
    uid: 10_001,
    graceSeconds: 60,
  };
}
