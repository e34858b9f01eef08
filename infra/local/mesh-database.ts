import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { catalog } from '#services/catalog.ts';
import { provision } from '#services/runtime/provision.ts';
import { InputError } from './input-error.ts';
import { ensurePasswordFile, readPassword } from './keys.ts';
import { startPostgres } from './postgres.ts';
import { serverAccount, tryFindBarrier } from './postgres-account.ts';
import { StartError } from './start-error.ts';

/** Where the database comes from, and where its passwords are. */
export interface DatabaseOptions {
  readonly keys: string;
  /** The data directory of the embedded server; it stays. */
  readonly dataDirectory: string;
  /** The folder of the server's socket. */
  readonly socketDirectory: string;
  readonly durability: 'survivesPowerLoss' | 'survivesProcess';
  /** A server of the user's own instead, `DATABASE_URL`; its user must be allowed to create roles. */
  readonly url: URL | undefined;
  readonly logFile: (line: string) => void;
  readonly onProgress: (line: string) => void;
}

/** The database of the mesh, migrated. */
export interface MeshDatabase {
  readonly name: string;
  /** What the sidecar of `postgres` dials: a UNIX socket, or `host:port`. */
  readonly server: string;
  /** Settles when an embedded server ended unasked; never for a server of the user's own. */
  readonly ended: Promise<void>;
  readonly pid: number | null;
  /** What and where it is, in words. */
  readonly description: string;
  stop(): Promise<void>;
}

const databaseName = 'trading';
const ownerRole = 'trading_owner';
const superuser = 'meshwright';

/** The server that DATABASE_URL names, undefined when it is not set. Errors: InputError for anything but postgres://user:password@host. */
export function databaseUrl(text = process.env['DATABASE_URL']): URL | undefined {
  if (text === undefined || text === '') return undefined;
  const url = URL.parse(text);
  if (url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.hostname !== '' && decodes(url)) return url;
  throw new InputError(
    'DATABASE_URL: expected postgres://user:password@host:port/database',
    'correct the variable, or unset it to use the embedded PostgreSQL',
  );
}

function decodes({ username, password }: URL): boolean {
  try {
    return decodeURIComponent(username + password) !== undefined;
  } catch {
    return false;
  }
}

/** Starts or reaches the server, and brings roles, schemas and tables to their newest state. Errors: StartError. */
export async function openDatabase(options: DatabaseOptions): Promise<MeshDatabase> {
  if (options.url !== undefined) return openOwnServer(options, options.url);
  const password = readPassword(ensurePasswordFile(options.keys, superuser));
  const dataDirectory = reachableDataDirectory(options);
  const running = await startPostgres({
    dataDirectory,
    socketDirectory: options.socketDirectory,
    superuser,
    password,
    durability: options.durability,
    onLog: options.logFile,
  });
  const access = { host: running.host, port: running.port, user: superuser, password };
  try {
    await prepare(options, access);
  } catch (error) {
    await running.stop();
    throw error;
  }
  return {
    name: databaseName,
    server: join(running.host, `.s.PGSQL.${running.port}`),
    ended: running.exited,
    pid: running.pid,
    description: `PostgreSQL 18 on a UNIX socket, run as ${running.runsAs}, data in ${dataDirectory}`,
    stop: () => running.stop(),
  };
}

async function openOwnServer(options: DatabaseOptions, url: URL): Promise<MeshDatabase> {
  const port = Number(url.port || 5432);
  const access = {
    host: url.hostname,
    port,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  try {
    await prepare(options, access);
  } catch (cause) {
    throw new StartError(
      `cannot prepare the database at ${url.hostname}:${port}: ${(cause as Error).message}`,
      'check DATABASE_URL: its user must be allowed to create roles and databases',
      { cause },
    );
  }
  return {
    name: databaseName,
    server: `${url.hostname}:${port}`,
    ended: new Promise(() => {}),
    pid: null,
    description: `PostgreSQL at ${url.hostname}:${port}`,
    stop: async () => {},
  };
}

/** Where the data is when its own folder is closed to the server's user; `make clean` reads the file too. */
const elsewhereFile = (dataDirectory: string): string => `${dataDirectory}-elsewhere`;

// Below /root the server's user would not get in: then the data goes to a folder of a random name, which nobody could
// have made before, and the state folder remembers it.
function reachableDataDirectory(options: DatabaseOptions): string {
  const { dataDirectory } = options;
  const barrier = tryFindBarrier(dataDirectory, serverAccount(dataDirectory));
  if (barrier === undefined) return dataDirectory;
  const record = elsewhereFile(dataDirectory);
  const known = existsSync(record) ? readFileSync(record, 'utf8').trim() : '';
  const elsewhere = known !== '' && existsSync(known) ? known : mkdtempSync('/var/tmp/meshwright-');
  writeFileSync(record, `${elsewhere}\n`, { mode: 0o600 });
  options.onProgress(`database: \`${barrier}\` is closed to its user, so the data is kept in ${elsewhere}`);
  return elsewhere;
}

interface Access {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

async function prepare(options: DatabaseOptions, access: Access): Promise<void> {
  const stateful = catalog.filter(({ database }) => database !== undefined);
  const login = (role: string) => ({ name: role, password: readPassword(ensurePasswordFile(options.keys, role)) });
  const owner = login(ownerRole);
  await provision(
    async (database) => {
      const client = new pg.Client({ ...access, database });
      await client.connect();
      return client;
    },
    { database: databaseName, owner, services: stateful.map(({ database }) => login(database?.schema ?? '')) },
  );
  // The migration library brings a TypeScript loader that would leave a cache in the temporary folder.
  process.env['JITI_FS_CACHE'] ??= 'false';
  const { migrate } = await import('#services/runtime/migrate.ts');
  const migrated = stateful.map(({ name }) => name).filter(hasMigrations);
  const { host, port } = access;
  await migrate({ host, port, database: databaseName, user: owner.name, password: owner.password }, migrated);
}

function hasMigrations(service: string): boolean {
  return existsSync(new URL(`../../services/${service}/migrations`, import.meta.url));
}
