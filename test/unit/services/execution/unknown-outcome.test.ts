import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OrderStatus } from '#services/gen/trading/fix/v1/fix.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import { runAsAdmin, wholeJournal } from './journal-access.ts';
import { codeOf, list, startMarket, submission, untilServing } from './running-market.ts';

/** A wire to the database that can be cut at the moment when a commit has been done and its answer is on the way. */
interface Wire {
  readonly directory: string;
  /** The next answer to a commit is lost together with its connection. */
  cutAfterCommit(): void;
  close(): Promise<void>;
}

let database: TestDatabase;
let wire: Wire;

beforeAll(async () => {
  database = await withDatabase(['execution']);
  wire = await layWire(String((await database.environmentOf('execution'))['DATABASE_HOST']));
});

afterAll(async () => {
  await wire?.close();
  await database?.[Symbol.asyncDispose]();
});

async function layWire(target: string): Promise<Wire> {
  const directory = await mkdtemp(join(tmpdir(), 'mw-wire-'));
  let isCutting = false;
  const server: Server = createServer((inside) => {
    const outside = connect(join(target, '.s.PGSQL.5432'));
    const end = () => {
      inside.destroy();
      outside.destroy();
    };
    for (const socket of [inside, outside]) socket.on('error', end).on('close', end);
    inside.pipe(outside);
    outside.on('data', (chunk) => {
      // The tag of a finished COMMIT, as the server writes it.
      if (isCutting && chunk.includes('COMMIT\0')) {
        isCutting = false;
        end();
      } else inside.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(join(directory, '.s.PGSQL.5432'), resolve));
  return {
    directory,
    cutAfterCommit: () => {
      isCutting = true;
    },
    close: async () => {
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

describe('a commit whose answer is lost', () => {
  test('is answered UNAVAILABLE; the market reads the journal anew, finds the order there, and numbers on without a gap', async () => {
    const viaWire: TestDatabase = Object.create(database, {
      environmentOf: {
        value: async (service: string) => ({
          ...(await database.environmentOf(service)),
          DATABASE_HOST: wire.directory,
        }),
      },
    });
    await using market = await startMarket(viaWire);
    await untilServing(market.address);
    await list(market, 'ACME');
    await market.client.submitTrade(submission({ id: 'o1' }));
    wire.cutAfterCommit();
    const lost = submission({ id: 'o2', account: 'S', side: 'sell', quantity: 2n });
    expect(await codeOf(market.client.submitTrade(lost))).toBe(status.UNAVAILABLE);
    const written = await runAsAdmin<{ count: string }>(database, 'select count(*)::text from trading_execution.event');
    expect(written).toEqual([{ count: '3' }]);
    await untilServing(market.address);
    const replay = await market.client.submitTrade(lost);
    expect(replay).toMatchObject({ order: { status: OrderStatus.ORDER_STATUS_FILLED }, sequence: 3n });
    const next = await market.client.submitTrade(submission({ id: 'o3', account: 'T', side: 'sell' }));
    expect(next).toMatchObject({ order: { cumulativeQuantity: 3n, leavesQuantity: 2n }, sequence: 5n });
    const reports = await wholeJournal(database, market);
    expect(reports.map(({ sequence }) => sequence)).toEqual([1n, 2n, 3n, 4n, 5n]);
  });
});
