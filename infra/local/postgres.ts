import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type ServerAccount, serverAccount, tryFindBarrier } from './postgres-account.ts';
import { createCluster, holdsCluster, installedServer, tryFindRunningServer } from './postgres-cluster.ts';
import { StartError } from './start-error.ts';

/** Where and how an embedded PostgreSQL runs. */
export interface PostgresOptions {
  /** Absolute; created (mode 0700, owned by the server's user) when missing, reused when it holds a cluster. */
  readonly dataDirectory: string;
  /** Absolute, short (a socket path has at most 107 bytes); created with mode 0700 when missing. */
  readonly socketDirectory: string;
  /** The superuser's password; of an existing cluster the one it was created with. */
  readonly password: string;
  /** The superuser's name. @default `meshwright` */
  readonly superuser?: string;
  /** `survivesPowerLoss` syncs every commit; `survivesProcess` does not, for databases thrown away. @default `survivesPowerLoss` */
  readonly durability?: 'survivesPowerLoss' | 'survivesProcess';
  /** Receives the server's log, line by line. @default - dropped */
  readonly onLog?: (line: string) => void;
}

/** A running server; `host` and `port` are what `pg` wants (`/dir` + 5432 names `/dir/.s.PGSQL.5432`). */
export interface RunningPostgres {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  readonly pid: number;
  /** Who the server runs as, in words; it is not the current user only when that is root. */
  readonly runsAs: string;
  /** Settles when the server has ended, whoever ended it. */
  readonly exited: Promise<void>;
  /** Ends sessions, writes the last checkpoint, removes what was made for the run; the data directory stays. */
  stop(): Promise<void>;
}

const socketPort = 5432;

/**
 * Starts the PostgreSQL 18 that npm brings, reachable by UNIX socket alone, and resolves when it answers a query.
 * As root it runs under an existing unprivileged user; the system is not changed.
 * Errors: StartError for a stale or busy data directory, a wrong password, folders the server's user cannot reach.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const account = serverAccount(options.dataDirectory);
  const superuser = options.superuser ?? 'meshwright';
  prepareFolders(options, account);
  const server = reachableServer(options.socketDirectory, account);
  if (!holdsCluster(options.dataDirectory)) await createCluster(server, account, { ...options, superuser });
  const child = launch(server, account, options);
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    await end(child, exited);
    if (server.startsWith(options.socketDirectory)) rmSync(server, { recursive: true, force: true });
  };
  const running: RunningPostgres = {
    host: options.socketDirectory,
    port: socketPort,
    superuser,
    password: options.password,
    pid: child.pid ?? 0,
    runsAs: account.name,
    exited,
    stop,
  };
  try {
    await readyLine(child, options);
    await answersQuery(running, options.dataDirectory);
  } catch (error) {
    await stop();
    throw error;
  }
  return running;
}

function prepareFolders(options: PostgresOptions, account: ServerAccount): void {
  const busy = tryFindRunningServer(options.dataDirectory);
  if (busy !== undefined) {
    throw new StartError(
      `busy data directory: \`${options.dataDirectory}\` is in use by a PostgreSQL server, process ${busy}`,
      `stop the other mesh, or end that process with \`kill -INT ${busy}\``,
    );
  }
  if (Buffer.byteLength(join(options.socketDirectory, `.s.PGSQL.${socketPort}.lock`)) > 107) {
    throw new StartError(
      `socket directory \`${options.socketDirectory}\` is too long`,
      'choose one of at most 85 bytes',
    );
  }
  mkdirSync(options.socketDirectory, { recursive: true, mode: 0o700 });
  if (account.ids !== undefined) chownSync(options.socketDirectory, account.ids.uid, account.ids.gid);
  for (const folder of [options.dataDirectory, options.socketDirectory]) {
    const barrier = tryFindBarrier(folder, account);
    if (barrier === undefined) continue;
    throw new StartError(
      `PostgreSQL cannot run as root, and ${account.name} cannot reach \`${folder}\`: \`${barrier}\` is closed to it`,
      `choose a folder outside \`${barrier}\`, or run as an ordinary user`,
    );
  }
}

// A clone below /root is closed to the server's user: then it runs from a copy beside its socket, removed at stop.
function reachableServer(socketDirectory: string, account: ServerAccount): string {
  const installed = installedServer();
  if (tryFindBarrier(join(installed, 'bin', 'postgres'), account) === undefined) return installed;
  const copy = join(socketDirectory, 'server');
  if (!existsSync(copy)) cpSync(installed, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

function launch(server: string, account: ServerAccount, options: PostgresOptions): ChildProcess {
  const synced = (options.durability ?? 'survivesPowerLoss') === 'survivesPowerLoss' ? 'on' : 'off';
  const settings = {
    listen_addresses: '',
    unix_socket_directories: options.socketDirectory,
    unix_socket_permissions: '0600',
    port: String(socketPort),
    max_connections: '100',
    shared_buffers: '32MB',
    fsync: synced,
    synchronous_commit: synced,
    full_page_writes: synced,
    lc_messages: 'C',
    logging_collector: 'off',
    log_destination: 'stderr',
  };
  return spawn(
    join(server, 'bin', 'postgres'),
    ['-D', options.dataDirectory, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    // A process group of its own: Ctrl-C reaches the launcher, which stops the services before their database.
    { ...account.ids, cwd: '/', detached: true, env: { LC_ALL: 'C' }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
}

function readyLine(child: ChildProcess, options: PostgresOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const last: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n').filter((each) => each !== '')) {
      options.onLog?.(line);
      last.push(line);
      if (last.length > 5) last.shift();
      if (line.includes('ready to accept connections')) resolve();
    }
  });
  child.once('error', reject);
  child.once('close', (code) => {
    reject(
      new StartError(
        `PostgreSQL ended with code ${code} while starting: ${last.join(' | ')}`,
        `look at the data directory \`${options.dataDirectory}\``,
      ),
    );
  });
  return promise;
}

async function answersQuery(server: RunningPostgres, dataDirectory: string): Promise<void> {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: server.superuser,
    password: server.password,
    database: 'postgres',
  });
  try {
    await client.connect();
    await client.query('select 1');
  } catch (cause) {
    throw new StartError(
      `stale data directory: \`${dataDirectory}\` does not admit user \`${server.superuser}\`: ${(cause as Error).message}`,
      `its password or user is of another run; remove it with \`rm -rf ${dataDirectory}\` (its databases are lost)`,
      { cause },
    );
  } finally {
    await client.end();
  }
}

async function end(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill('SIGINT'); // fast shutdown: sessions end, checkpoint, exit
  const impatient = setTimeout(() => child.kill('SIGQUIT'), 10_000);
  await exited;
  clearTimeout(impatient);
}
