import { execution } from '#services/execution/service.ts';
import { JournalStore } from '#services/execution/store.ts';
import type { ExecutionReport } from '#services/gen/trading/execution/v1/execution.ts';
import { type Database, startService } from '#services/runtime/index.ts';
import type { TestDatabase } from '../../../support/postgres.ts';
import { openReports, type RunningMarket } from './running-market.ts';

/** Runs one statement as the server's superuser. */
export async function runAsAdmin<T>(database: TestDatabase, sql: string): Promise<T[]> {
  const client = await database.connectAdmin();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Another instance takes the lease while the first still has it. */
export const steal = `update trading_execution.writer
  set fencing_token = fencing_token + 1, holder = 'thief', expires_at = clock_timestamp() + interval '1 hour'`;
/** Whoever has the lease loses it, and the next to ask gets it. */
export const giveBack = `update trading_execution.writer set expires_at = '-infinity'`;

/** Everything that the journal holds, read from a market's stream. */
export async function wholeJournal(database: TestDatabase, market: RunningMarket): Promise<ExecutionReport[]> {
  const rows = await runAsAdmin<{ end: string }>(
    database,
    'select max(sequence)::text as end from trading_execution.event',
  );
  using stream = openReports(market.address, 1n);
  return await stream.take(Number(rows[0]?.end ?? 0));
}

/** Gives a store on the service's own role, outside of any instance. */
export async function withStore(database: TestDatabase, use: (store: JournalStore) => Promise<void>): Promise<void> {
  const environment = {
    ...(await database.environmentOf('execution')),
    LISTEN: '127.0.0.1:0',
    UPSTREAM_MARKET_DATA: '127.0.0.1:9',
    LOG_LEVEL: 'silent',
    DRAIN_MS: '0',
  };
  const given = Promise.withResolvers<Database>();
  const service = startService({ ...execution, contracts: [] }, environment, async (context) => {
    given.resolve(context.database);
    return [];
  });
  try {
    await use(new JournalStore(await given.promise));
  } finally {
    await (await service).stop();
  }
}
