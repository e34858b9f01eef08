/**
 * The forward-only migrations of the services, run by the role that owns the schemas:
 * `node services/runtime/migrate.ts order portfolio …`, with the variables `DATABASE_*` of that role.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { ConfigurationError, readDatabaseConfiguration } from './configuration.ts';
import { tlsOf } from './database.ts';

/** How to log in to one database. `host` may be the directory of a UNIX socket. */
export interface DatabaseAccess {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** As the driver takes it. @default - not TLS */
  readonly ssl?: false | { readonly ca: string };
}

/** One migration that was run. Shape: `{service: 'order', name: '0001_orders'}`. */
export interface AppliedMigration {
  readonly service: string;
  readonly name: string;
}

/** The schema of a service, and the role of the same name. Shape: `market-data` gives `trading_market_data`. */
export function schemaOf(service: string): string {
  return `trading_${service.replaceAll('-', '_')}`;
}

/**
 * Brings the schemas of `services` to their newest migration, in file order, each service in one transaction.
 * One run at a time: others wait for an advisory lock.
 * Errors: throws when a service has no folder `migrations`, or an applied migration is missing; what the driver throws.
 */
export async function migrate(
  access: DatabaseAccess,
  services: readonly string[],
): Promise<readonly AppliedMigration[]> {
  const client = new pg.Client({ ...access, application_name: 'migrate', connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    const applied: AppliedMigration[] = [];
    for (const service of services) {
      const done = await runner({ ...runnerOptions(service), dbClient: client });
      applied.push(...done.map(({ name }) => ({ service, name })));
    }
    return applied;
  } finally {
    await client.end();
  }
}

function runnerOptions(service: string) {
  const dir = fileURLToPath(new URL(`../${service}/migrations`, import.meta.url));
  if (!/^[a-z][a-z-]*$/.test(service) || !existsSync(dir)) throw new Error(`service \`${service}\` has no migrations`);
  const schema = schemaOf(service);
  return {
    dir,
    direction: 'up' as const,
    schema,
    migrationsSchema: schema,
    migrationsTable: 'migration',
    checkOrder: true,
    singleTransaction: true,
    advisoryLockMode: 'wait' as const,
    log: () => {},
  };
}

async function main(services: readonly string[]): Promise<void> {
  const configuration = readDatabaseConfiguration(process.env);
  const password = (await readFile(configuration.passwordFile, 'utf8')).trim();
  const { host, port, name: database, user } = configuration;
  const applied = await migrate({ host, port, database, user, password, ssl: tlsOf(configuration) }, services);
  for (const { service, name } of applied) process.stdout.write(`${service}: ${name}\n`);
  if (applied.length === 0) process.stdout.write('nothing to migrate\n');
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (thrown) {
    const problems = thrown instanceof ConfigurationError ? thrown.problems : [String(thrown)];
    for (const problem of problems) process.stderr.write(`migrate: ${problem}\n`);
    process.exitCode = thrown instanceof ConfigurationError ? 3 : 1;
  }
}
