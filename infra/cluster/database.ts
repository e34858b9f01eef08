/** Roles, schemas and tables of the database in the cluster, by the same code as in the local mesh. */
import { existsSync } from 'node:fs';
import pg from 'pg';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import { provision } from '#services/runtime/provision.ts';
import type { ClusterAccess } from './access.ts';
import { forwardPort } from './port-forward.ts';
import { type DatabasePasswords, ownerRole, superuser } from './secrets.ts';

/** The pod and what is to be in it. */
export interface DatabaseRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly database: string;
  readonly passwords: DatabasePasswords;
  readonly catalog: readonly ServiceDeclaration[];
}

const port = 5432;

/** The services with tables of their own. */
export function servicesWithTables(catalog: readonly ServiceDeclaration[]): readonly string[] {
  return catalog.filter(({ database, name }) => database !== undefined && hasMigrations(name)).map(({ name }) => name);
}

function hasMigrations(service: string): boolean {
  return existsSync(new URL(`../../services/${service}/migrations`, import.meta.url));
}

/**
 * Brings the database to its newest state, through a forwarded port: the mesh admits nobody who could do this.
 * Resolves to the number of migrations that were run. Errors: the driver's.
 */
export async function prepareDatabase(access: ClusterAccess, request: DatabaseRequest): Promise<number> {
  const { namespace, pod, database, passwords, catalog } = request;
  await using forwarded = await forwardPort(access, { namespace, pod, port });
  const server = { host: '127.0.0.1', port: forwarded.port };
  await provision(
    async (name) => {
      const client = new pg.Client({ ...server, user: superuser, password: passwords.superuser, database: name });
      await client.connect();
      return client;
    },
    {
      database,
      owner: { name: ownerRole, password: passwords.owner },
      services: [...passwords.roles].map(([name, password]) => ({ name, password })),
    },
  );
  // The migration library brings a TypeScript loader that would leave a cache in the temporary folder.
  process.env['JITI_FS_CACHE'] ??= 'false';
  const { migrate } = await import('#services/runtime/migrate.ts');
  const login = { ...server, database, user: ownerRole, password: passwords.owner };
  return (await migrate(login, servicesWithTables(catalog))).length;
}
