import { spawnSync } from 'node:child_process';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DatabaseAccess, migrate } from '#services/runtime/migrate.ts';
import { provision } from '#services/runtime/provision.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';

let server: TestDatabase;

beforeAll(async () => {
  server = await withDatabase(['portfolio']);
});

afterAll(() => server[Symbol.asyncDispose]());

async function inDatabase<T>(access: DatabaseAccess, body: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...access });
  await client.connect();
  try {
    return await body(client);
  } finally {
    await client.end();
  }
}

const run = (access: DatabaseAccess, sql: string) => inDatabase(access, (client) => client.query(sql));

describe('migrations', () => {
  test('run once', async () => {
    expect(await migrate(server.owner, ['portfolio'])).toEqual([]);
  });

  test('wait for each other', async () => {
    expect(await Promise.all([1, 2, 3].map(() => migrate(server.owner, ['portfolio'])))).toEqual([[], [], []]);
  });

  test('belong to the owner, not to the service', async () => {
    await expect(migrate(server.accessOf('portfolio'), ['portfolio'])).rejects.toThrow(/permission denied/);
  });

  test.for([
    ['a service that keeps no state', 'runtime'],
    ['a path instead of a name', '../order'],
  ] as const)('are refused for %s', async ([, service]) => {
    await expect(migrate(server.owner, [service])).rejects.toThrow(`service \`${service}\` has no migrations`);
  });

  test('are a command, which names every missing variable', () => {
    const main = new URL('../../../../services/runtime/migrate.ts', import.meta.url).pathname;
    const ended = spawnSync(process.execPath, [main, 'portfolio'], {
      env: { DATABASE_HOST: '/run' },
      encoding: 'utf8',
    });
    expect(ended.status).toBe(3);
    expect(ended.stderr.match(/DATABASE_\w+/g)).toEqual(['DATABASE_NAME', 'DATABASE_USER', 'DATABASE_PASSWORD_FILE']);
  });
});

describe('roles', () => {
  test('are created again without harm, with a new password', async () => {
    const services = [{ name: 'trading_portfolio', password: 'second' }];
    const owner = { name: 'trading_owner', password: server.owner.password };
    await provision((database) => server.connectAdmin(database), { database: 'trading', owner, services });
    const access = { ...server.accessOf('portfolio'), password: 'second' };
    expect((await run(access, 'SELECT current_user AS me')).rows).toEqual([{ me: 'trading_portfolio' }]);
  });

  test.for([
    ['make objects in their own schema', 'CREATE TABLE trading_portfolio.own (x int)'],
    ['make objects in the public schema', 'CREATE TABLE public.own (x int)'],
    ['make schemas', 'CREATE SCHEMA own'],
    ['make roles', 'CREATE ROLE friend'],
    ['become the owner', 'SET ROLE trading_owner'],
  ] as const)('of services cannot %s', async ([, sql]) => {
    const access = { ...server.accessOf('portfolio'), password: 'second' };
    await expect(run(access, sql)).rejects.toMatchObject({ code: '42501' });
  });

  test('work in a database that others made: its owner can use it although PUBLIC cannot', async () => {
    const admin = await server.connectAdmin();
    try {
      await admin.query('CREATE DATABASE made_by_others');
    } finally {
      await admin.end();
    }
    const owner = { name: 'trading_owner', password: server.owner.password };
    const services = [{ name: 'trading_portfolio', password: 'second' }];
    const connect = (database: string) => server.connectAdmin(database);
    await provision(connect, { database: 'made_by_others', owner, services });
    const access = { ...server.owner, database: 'made_by_others' };
    expect((await run(access, 'SELECT current_database() AS here')).rows).toEqual([{ here: 'made_by_others' }]);
  });

  test('of other services see nothing', async () => {
    const owner = { name: 'trading_owner', password: server.owner.password };
    const services = [{ name: 'trading_stranger', password: 'strange' }];
    await provision((database) => server.connectAdmin(database), { database: 'trading', owner, services });
    const access = { ...server.owner, user: 'trading_stranger', password: 'strange' };
    await expect(run(access, 'SELECT * FROM trading_portfolio.posting')).rejects.toMatchObject({ code: '42501' });
  });
});
