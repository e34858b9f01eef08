import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningPostgres, startPostgres } from '#infra/local/postgres.ts';

let folder: string;
let running: RunningPostgres | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mw-pg-'));
});

afterEach(async () => {
  await running?.stop();
  running = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const options = (password = 'one') =>
  ({
    dataDirectory: `${folder}-data`,
    socketDirectory: folder,
    password,
    durability: 'survivesProcess',
  }) as const;

describe('the embedded PostgreSQL', () => {
  afterEach(() => rmSync(`${folder}-data`, { recursive: true, force: true }));

  test('is version 18, listens on a socket that no other user opens, and on nothing else', async () => {
    running = await startPostgres(options());
    const client = new pg.Client({
      host: running.host,
      port: running.port,
      user: running.superuser,
      password: 'one',
      database: 'postgres',
    });
    await client.connect();
    const version = await client.query<{ server_version: string; listen: string }>(
      "select current_setting('server_version') as server_version, current_setting('listen_addresses') as listen",
    );
    await client.end();
    expect(version.rows[0]?.server_version).toMatch(/^18\./);
    expect(version.rows[0]?.listen).toBe('');
    expect(statSync(join(folder, '.s.PGSQL.5432')).mode & 0o777).toBe(0o600);
  });

  test('keeps its data over a stop, and says so when the password is of another run', async () => {
    running = await startPostgres(options());
    await running.stop();
    await running.exited;
    running = await startPostgres(options());
    await running.stop();
    running = undefined;
    await expect(startPostgres(options('two'))).rejects.toThrow(/stale data directory/);
  });

  test('refuses a data directory that another server uses, with its process id', async () => {
    running = await startPostgres(options());
    await expect(startPostgres(options())).rejects.toThrow(
      new RegExp(`in use by a PostgreSQL server, process ${running.pid}`),
    );
  });

  test('refuses a folder that holds something else', async () => {
    running = await startPostgres(options());
    await running.stop();
    running = undefined;
    writeFileSync(join(`${folder}-data`, 'PG_VERSION'), '16\n');
    await expect(startPostgres(options())).rejects.toThrow(/is of PostgreSQL 16, expected 18/);
    rmSync(join(`${folder}-data`, 'PG_VERSION'));
    await expect(startPostgres(options())).rejects.toThrow(/holds no PostgreSQL cluster/);
  });
});
