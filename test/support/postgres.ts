import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type RunningPostgres, startPostgres } from '#infra/local/postgres.ts';
import { type DatabaseAccess, migrate, schemaOf } from '#services/runtime/migrate.ts';
import { provision } from '#services/runtime/provision.ts';

/** A real PostgreSQL server with the schemas, roles and tables of some services. */
export interface TestDatabase extends AsyncDisposable {
  /** What a service's process has in its environment to reach the database as itself. Shape: `{DATABASE_HOST: '/tmp/…', …}`. */
  environmentOf(service: string): Promise<Record<string, string>>;
  /** Logs in as a service. */
  accessOf(service: string): DatabaseAccess;
  /** Logs in as the owner of the schemas. */
  readonly owner: DatabaseAccess;
  /** Connects as the server's superuser, to the services' database unless another is named. */
  connectAdmin(database?: string): Promise<pg.Client>;
  /** Takes the server away; its data stays. */
  stop(): Promise<void>;
  /** Brings the server back. */
  start(): Promise<void>;
}

const databaseName = 'trading';
const ownerName = 'trading_owner';

/** Starts a server that holds the migrated schemas of `services`; call it once a test file and dispose of it at the end. */
export async function withDatabase(services: readonly string[]): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'mw-pg-'));
  // Started as root, the server runs as another user, who must be able to pass through this folder.
  await chmod(folder, 0o711);
  const server = new TestServer(folder);
  try {
    await server.start();
    await server.prepare(services);
    return server;
  } catch (thrown) {
    await server[Symbol.asyncDispose]();
    throw thrown;
  }
}

class TestServer implements TestDatabase {
  readonly #folder: string;
  readonly #superuserPassword = secret();
  readonly #passwords = new Map<string, string>();
  #running: RunningPostgres | undefined;
  #heir: ChildProcess | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get owner(): DatabaseAccess {
    return this.#access(ownerName);
  }

  accessOf(service: string): DatabaseAccess {
    return this.#access(schemaOf(service));
  }

  async environmentOf(service: string): Promise<Record<string, string>> {
    const { host, port, database, user, password } = this.accessOf(service);
    const file = join(this.#folder, `${user}.password`);
    await writeFile(file, password, { mode: 0o600 });
    return {
      DATABASE_HOST: host,
      DATABASE_PORT: String(port),
      DATABASE_NAME: database,
      DATABASE_USER: user,
      DATABASE_PASSWORD_FILE: file,
    };
  }

  async connectAdmin(database = databaseName): Promise<pg.Client> {
    const { host, port, superuser, password } = this.#server();
    const client = new pg.Client({ host, port, database, user: superuser, password });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  async prepare(services: readonly string[]): Promise<void> {
    for (const name of [ownerName, ...services.map(schemaOf)]) this.#passwords.set(name, secret());
    const login = (name: string) => ({ name, password: this.#access(name).password });
    await provision((database) => this.connectAdmin(database), {
      database: databaseName,
      owner: login(ownerName),
      services: services.map((service) => login(schemaOf(service))),
    });
    await migrate(this.owner, services);
  }

  async start(): Promise<void> {
    this.#running = await startPostgres({
      dataDirectory: join(this.#folder, 'data'),
      socketDirectory: join(this.#folder, 'run'),
      password: this.#superuserPassword,
      durability: 'survivesProcess',
    });
    this.#heir = startHeir(this.#running.pid, this.#folder);
  }

  async stop(): Promise<void> {
    this.#heir?.kill('SIGKILL');
    await this.#running?.stop();
    this.#running = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #access(user: string): DatabaseAccess {
    const password = this.#passwords.get(user);
    if (password === undefined) throw new Error(`role \`${user}\` is not part of this test database`);
    const { host, port } = this.#server();
    return { host, port, database: databaseName, user, password };
  }

  #server(): RunningPostgres {
    if (this.#running === undefined) throw new Error('the test database is stopped');
    return this.#running;
  }
}

/**
 * Ends the server and removes its folder when this process is gone, however it ended: a killed test run runs no hooks,
 * and the server does not belong to its process group. The end of the pipe is what the heir waits for.
 */
function startHeir(server: number, folder: string): ChildProcess {
  const script = 'read -r _; kill -QUIT "$0"; while kill -0 "$0" 2>/dev/null; do sleep 0.1; done; rm -rf "$1"';
  const heir = spawn('sh', ['-c', script, String(server), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  heir.unref();
  return heir;
}

function secret(): string {
  return randomBytes(16).toString('hex');
}
