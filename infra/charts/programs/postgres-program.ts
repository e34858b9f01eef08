import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import { compareText } from '../../constructs/peer.ts';
import type { Program } from '../../constructs/program.ts';
import type { Environment } from '../../environments/index.ts';
import { imageReference, postgresImage } from '../../environments/versions.ts';

/** Name of the ConfigMap with the script that makes roles and schemas in an empty database. */
export const postgresInitialization = 'postgres-initialization';

/** Owns the schemas and runs the migrations. */
const ownerRole = 'trading_owner';

/** Name of the Secret with the passwords, a key for each role, `postgres` included. It is made out of band. */
const passwordsSecret = 'postgres-passwords';
const passwordsFolder = '/var/run/secrets/meshwright/passwords';

/** One role that can log in and nothing else; psql reads its password from the mounted Secret. */
const login = (role: string): readonly string[] => [
  `\\set password \`cat ${passwordsFolder}/${role}\``,
  `CREATE ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD :'password';`,
];

/**
 * The script of the image's first start: the owner role, then a role and a schema for each service that keeps state.
 * Tables come from the services' migrations, run by the owner.
 */
export function postgresInitializationScript(catalog: readonly ServiceDeclaration[]): string {
  const roles = catalog.flatMap(({ database }) => database?.schema ?? []).sort(compareText);
  const lines = [
    ...login(ownerRole),
    `ALTER DATABASE :"DBNAME" OWNER TO ${ownerRole};`,
    'REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;',
    'REVOKE ALL ON SCHEMA public FROM PUBLIC;',
    ...roles.flatMap((role) => [
      ...login(role),
      `CREATE SCHEMA ${role} AUTHORIZATION ${ownerRole};`,
      `REVOKE ALL ON SCHEMA ${role} FROM PUBLIC;`,
      `GRANT USAGE ON SCHEMA ${role} TO ${role};`,
      `GRANT CONNECT ON DATABASE :"DBNAME" TO ${role};`,
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function storageOf(database: Environment['database']): string {
  if (database.kind === 'external') throw new Error('a database outside has no pod here');
  return database.storage;
}

/** How PostgreSQL runs: its own proxy ends mutual TLS, so the server itself speaks cleartext inside the pod. */
export function postgresProgram({ resources, database }: Environment): Program {
  return {
    containerName: 'postgres',
    image: imageReference(postgresImage),
    environment: {
      POSTGRES_DB: database.name,
      POSTGRES_INITDB_ARGS: '--auth-host=scram-sha-256 --auth-local=trust --data-checksums',
      POSTGRES_PASSWORD_FILE: `${passwordsFolder}/postgres`,
      POSTGRES_USER: 'postgres',
    },
    ports: [{ name: 'tcp', number: 5432 }],
    mounts: [
      { kind: 'claim', name: 'data', path: '/var/lib/postgresql', storage: storageOf(database) },
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
