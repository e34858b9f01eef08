import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import {
  list,
  openReports,
  type ReportStream,
  type RunningMarket,
  startMarket,
  submission,
  untilServing,
} from './running-market.ts';

const feedBounds = { mostLag: 200, mostReaders: 8 };
let database: TestDatabase;
let market: RunningMarket;
let sent = 0n;

beforeAll(async () => {
  database = await withDatabase(['execution']);
  market = await startMarket(database, { feedBounds });
  await untilServing(market.address);
  await list(market, 'ACME');
});

afterAll(async () => {
  await market?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

/** Adds `count` events to the journal, in order; long account names make each of them heavy on the wire. */
async function grow(count: number): Promise<void> {
  for (let added = 0; added < count; ) {
    const batch = Math.min(50, count - added);
    await Promise.all(
      Array.from({ length: batch }, () => {
        sent += 1n;
        return market.client.submitTrade(
          submission({ id: `o${sent}`, account: 'A'.repeat(64), limit: 1n + (sent % 50n) }),
        );
      }),
    );
    added += batch;
  }
}

function sequences(reports: readonly { readonly sequence: bigint }[]): bigint[] {
  return reports.map(({ sequence }) => sequence);
}

function range(from: bigint, count: number): bigint[] {
  return Array.from({ length: count }, (_, index) => from + BigInt(index));
}

describe('a stream of reports', () => {
  test('begins anywhere, goes on as the journal grows, and after a break continues without a gap', async () => {
    await grow(700);
    const live: bigint[] = [];
    {
      using stream = openReports(market.address, 1n);
      live.push(...sequences(await stream.take(700)));
      await grow(20);
      live.push(...sequences(await stream.take(20)));
    }
    await grow(30);
    using again = openReports(market.address, 721n);
    live.push(...sequences(await again.take(30)));
    expect(live).toEqual(range(1n, 750));
  });

  test('gives the same reports again for a gap that is asked for again, from the journal as from memory', async () => {
    await grow(60);
    using whole = openReports(market.address, 1n);
    const all = await whole.take(Number(sent));
    for (const from of [1n, 333n, sent - 5n]) {
      using stream = openReports(market.address, from);
      const reports = await stream.take(5);
      expect(reports).toEqual(all.slice(Number(from) - 1, Number(from) + 4));
    }
  });

  test('waits at the end of the journal, and has no place beyond it', async () => {
    using waiting = openReports(market.address, sent + 1n);
    const next = waiting.take(1);
    await grow(1);
    expect(sequences(await next)).toEqual([sent]);
    using beyond = openReports(market.address, sent + 2n);
    expect(await beyond.drain()).toEqual({ reports: [], code: status.OUT_OF_RANGE });
    using nowhere = openReports(market.address, 0n);
    expect(await nowhere.drain()).toEqual({ reports: [], code: status.INVALID_ARGUMENT });
  });

  test('cuts off a reader that takes nothing, in bounded memory, and leaves the others alone', {
    timeout: 180_000,
  }, async () => {
    const from = sent + 1n;
    using quick = openReports(market.address, from);
    using slow = openReports(market.address, from);
    const first = [quick.take(1), slow.take(1)];
    await grow(1);
    await Promise.all(first);
    const count = 2500;
    const kept = quick.take(count);
    await grow(count);
    expect(sequences(await kept)).toEqual(range(from + 1n, count));
    const { reports, code } = await slow.drain();
    expect(code).toBe(status.RESOURCE_EXHAUSTED);
    // What it still gets was in the windows of HTTP/2 and of the two ends: less than what was sent, and without a gap.
    expect(reports.length).toBeLessThan(count - feedBounds.mostLag);
    expect(sequences(reports)).toEqual(range(from + 1n, reports.length));
    const next = from + 1n + BigInt(reports.length);
    using resumed = openReports(market.address, next);
    expect(sequences(await resumed.take(10))).toEqual(range(next, 10));
  });

  test('lets in only so many readers', async () => {
    const streams: ReportStream[] = [];
    for (let index = 0; index < feedBounds.mostReaders; index += 1) {
      const stream = openReports(market.address, 1n);
      await stream.take(1);
      streams.push(stream);
    }
    using more = openReports(market.address, 1n);
    expect(await more.drain()).toEqual({ reports: [], code: status.RESOURCE_EXHAUSTED });
    for (const stream of streams) stream[Symbol.dispose]();
  });
});
