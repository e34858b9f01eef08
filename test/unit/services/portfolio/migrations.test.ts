import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';

let database: TestDatabase;
let service: pg.Client;
let owner: pg.Client;

const connect = async (access: TestDatabase['owner']) => {
  const client = new pg.Client({ ...access, options: '-c search_path=trading_portfolio' });
  await client.connect();
  return client;
};

beforeAll(async () => {
  database = await withDatabase(['portfolio']);
  service = await connect(database.accessOf('portfolio'));
  owner = await connect(database.owner);
});

afterAll(async () => {
  await service?.end();
  await owner?.end();
  await database?.[Symbol.asyncDispose]();
});

type Line = readonly [account: string, kind: string, asset: string, amount: number];

const open = async (client: pg.Client, reference: string): Promise<string> => {
  const sql = `insert into posting (kind, reference, terms) values ('deposit', $1, '{}') returning posting_id`;
  return (await client.query(sql, [reference])).rows[0].posting_id;
};

const add = (client: pg.Client, postingId: string, line: number, [account, kind, asset, amount]: Line) =>
  client.query(
    'insert into entry (posting_id, line, account, asset_kind, asset, amount) values ($1, $2, $3, $4, $5, $6)',
    [postingId, line, account, kind, asset, amount],
  );

/** Writes one posting in one transaction; `before` runs ahead of its last line. */
const book = async (client: pg.Client, reference: string, lines: readonly Line[], before?: string) => {
  await client.query('begin');
  try {
    const postingId = await open(client, reference);
    for (const [index, line] of lines.entries()) {
      if (before !== undefined && index === lines.length - 1) await client.query(before);
      await add(client, postingId, index + 1, line);
    }
    await client.query('commit');
    return postingId;
  } catch (thrown) {
    await client.query('rollback');
    throw thrown;
  }
};

const balanced: readonly Line[] = [
  ['A', 'cash', 'USD', 5],
  ['B', 'cash', 'USD', -5],
];

describe('the database', () => {
  test('takes a balanced posting', async () => {
    await book(service, 'balanced', balanced);
    const { rows } = await service.query(`select balance_after from entry where account = 'A'`);
    expect(rows).toEqual([{ balance_after: '5' }]);
  });

  test.for<{ name: string; lines: readonly Line[]; before?: string; error: RegExp }>([
    { name: 'is empty', lines: [], error: /has no entries/ },
    { name: 'has one side only', lines: [['A', 'cash', 'USD', 5]], error: /does not balance/ },
    {
      name: 'balances across assets but not within them',
      lines: [
        ['A', 'cash', 'USD', 5],
        ['B', 'cash', 'EUR', -5],
      ],
      error: /does not balance/,
    },
    {
      name: 'balances across kinds of assets of one name but not within them',
      lines: [
        ['A', 'cash', 'USD', 5],
        ['B', 'units', 'USD', -5],
      ],
      error: /does not balance/,
    },
    {
      name: 'had its check called early, before the line that breaks it',
      lines: [...balanced, ['A', 'cash', 'USD', 1]],
      before: 'set constraints all immediate; set constraints all deferred',
      error: /does not balance/,
    },
  ])('refuses at commit a posting that $name', async ({ name, lines, before, error }) => {
    await expect(book(service, name, lines, before)).rejects.toThrow(error);
    const { rows } = await service.query('select posting_id from posting where reference = $1', [name]);
    expect(rows).toEqual([]);
  });

  test('continues a balance after a rival that has not committed yet', async () => {
    const rival = await connect(database.accessOf('portfolio'));
    try {
      await rival.query('begin');
      const postingId = await open(rival, 'rival');
      await add(rival, postingId, 1, ['R', 'cash', 'USD', 7]);
      await add(rival, postingId, 2, ['S', 'cash', 'USD', -7]);
      const waiting = book(service, 'waiting', [
        ['R', 'cash', 'USD', 5],
        ['S', 'cash', 'USD', -5],
      ]);
      const waits = `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = current_user`;
      await expect.poll(async () => (await rival.query(waits)).rows).toEqual([{ count: '1' }]);
      await rival.query('commit');
      await waiting;
      const { rows } = await service.query(
        `select number, balance_after from entry where account = 'R' order by number`,
      );
      expect(rows).toEqual([
        { number: '1', balance_after: '7' },
        { number: '2', balance_after: '12' },
      ]);
    } finally {
      await rival.end();
    }
  });

  test('takes no entries into a posting of an earlier transaction, balanced or not', async () => {
    const postingId = await book(service, 'closed', balanced);
    await expect(add(service, postingId, 3, ['A', 'cash', 'USD', 5])).rejects.toThrow(/is closed/);
  });

  test.for([
    ['posting', 'reference'],
    ['entry', 'amount'],
    ['holding', 'asset'],
  ] as const)(
    'refuses every change of `%s`, to the service by right and to the owner by trigger',
    async ([table, column]) => {
      const changes = [
        `update ${table} set ${column} = ${column}`,
        `delete from ${table}`,
        `truncate ${table} cascade`,
      ];
      for (const change of changes) {
        await expect(service.query(change)).rejects.toThrow(/permission denied/);
        await expect(owner.query(change)).rejects.toThrow(/append-only/);
      }
    },
  );

  test.for([
    `insert into entry (posting_id, line, account, asset_kind, asset, amount, balance_after) values (1, 9, 'A', 'cash', 'USD', 1, 99)`,
    `insert into entry (posting_id, line, account, asset_kind, asset, amount, number) values (1, 9, 'A', 'cash', 'USD', 1, 99)`,
    `insert into posting (kind, reference, terms, posted_at) values ('trade', 'x', '{}', now())`,
    `insert into holding (account, asset_kind, asset) values ('A', 'cash', 'EUR')`,
  ])('lets the service write nothing that it derives itself: %s', async (statement) => {
    await expect(service.query(statement)).rejects.toThrow(/permission denied/);
  });

  test('lets the service neither switch triggers off nor create anything', async () => {
    await expect(service.query('alter table entry disable trigger all')).rejects.toThrow(/must be owner/);
    await expect(service.query('set session_replication_role = replica')).rejects.toThrow(/permission denied/);
    await expect(service.query('create table trading_portfolio.mine ()')).rejects.toThrow(/permission denied/);
  });
});
