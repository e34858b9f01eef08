import type pg from 'pg';

/** A role that can log in. */
interface Login {
  readonly name: string;
  readonly password: string;
}

/** What a database must hold before migrations can run. */
export interface ProvisionProps {
  readonly database: string;
  /** Owns the database's schemas and everything in them; runs the migrations. */
  readonly owner: Login;
  /** One role a service; its schema has the same name. */
  readonly services: readonly Login[];
}

/**
 * Creates roles, the database and the schemas, or brings them to this state when they exist; PUBLIC may do nothing.
 * A service's role may use its own schema only, and gets rights on tables from the migrations.
 * Errors: the driver's. Source of the rights: a role without CREATE cannot change what the ledger's rows may become.
 */
export async function provision(
  connect: (database: string) => Promise<pg.Client>,
  { database, owner, services }: ProvisionProps,
): Promise<void> {
  await using server = closing(await connect('postgres'));
  for (const login of [owner, ...services]) await ensureLogin(server.client, login);
  await ensureDatabase(server.client, database, owner.name);
  await using inside = closing(await connect(database));
  const { client } = inside;
  await client.query(`REVOKE ALL ON DATABASE ${name(client, database)} FROM PUBLIC`);
  await client.query('REVOKE ALL ON SCHEMA public FROM PUBLIC');
  for (const service of services) await ensureSchema(client, { database, owner: owner.name, service: service.name });
}

async function ensureLogin(client: pg.Client, login: Login): Promise<void> {
  const role = name(client, login.name);
  const found = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [login.name]);
  if (found.rowCount === 0) await client.query(`CREATE ROLE ${role}`);
  const password = client.escapeLiteral(login.password);
  await client.query(`ALTER ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD ${password}`);
}

/** A database that was made by others (the server's image makes one) gets our owner: PUBLIC, and so the owner, loses its rights. */
async function ensureDatabase(client: pg.Client, database: string, owner: string): Promise<void> {
  const query = 'SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1';
  const [found] = (await client.query<{ owner: string }>(query, [database])).rows;
  const names = { database: name(client, database), owner: name(client, owner) };
  if (found === undefined) await client.query(`CREATE DATABASE ${names.database} OWNER ${names.owner}`);
  else if (found.owner !== owner) await client.query(`ALTER DATABASE ${names.database} OWNER TO ${names.owner}`);
}

async function ensureSchema(
  client: pg.Client,
  { database, owner, service }: { readonly database: string; readonly owner: string; readonly service: string },
): Promise<void> {
  const role = name(client, service);
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${role} AUTHORIZATION ${name(client, owner)}`);
  await client.query(`REVOKE ALL ON SCHEMA ${role} FROM PUBLIC`);
  await client.query(`GRANT USAGE ON SCHEMA ${role} TO ${role}`);
  await client.query(`GRANT CONNECT ON DATABASE ${name(client, database)} TO ${role}`);
}

function name(client: pg.Client, identifier: string): string {
  return client.escapeIdentifier(identifier);
}

function closing(client: pg.Client): AsyncDisposable & { readonly client: pg.Client } {
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
