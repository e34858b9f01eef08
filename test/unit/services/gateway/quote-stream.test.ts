import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  alice,
  closeStand,
  failWith,
  gateway,
  large,
  openStand,
  quote,
  resetStand,
  send,
  stream,
} from './edge-stand.ts';

beforeAll(openStand);
afterAll(closeStand);
beforeEach(resetStand);

describe('the stream of quotes', () => {
  const open = async (signal?: AbortSignal) => {
    const response = await fetch(`${gateway.url}/quotes/ACME/events`, {
      headers: alice,
      ...(signal ? { signal } : {}),
    });
    return { response, reader: (response.body ?? new ReadableStream<Uint8Array>()).getReader() };
  };

  test('sends each quote as an event with its sequence as id', async () => {
    stream(async function* () {
      yield quote;
      yield { ...quote, instrumentSequence: 8n, lastPriceTicks: 102n };
    });
    const response = await fetch(`${gateway.url}/quotes/ACME/events`, { headers: alice });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const events = (await response.text()).trim().split('\n\n');
    expect(events.map((event) => event.split('\n').slice(0, 2))).toEqual([
      ['event: quote', 'id: 7'],
      ['event: quote', 'id: 8'],
    ]);
    expect(JSON.parse(events[1]?.split('data: ')[1] ?? '')).toMatchObject({
      symbol: 'ACME',
      lastPriceTicks: '102',
      publishedAtUnixUs: String(large),
    });
  });

  test('that is refused at once is an ordinary error', async () => {
    failWith({ code: status.RESOURCE_EXHAUSTED, details: 'too many readers' });
    expect(await send('/quotes/ACME/events')).toMatchObject({ status: 429, body: { detail: 'too many readers' } });
  });

  test('ends at market-data when its reader goes away', async () => {
    const ended = Promise.withResolvers<void>();
    stream(async function* () {
      try {
        for (let sequence = 1n; ; sequence += 1n) {
          yield { ...quote, instrumentSequence: sequence };
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        ended.resolve();
      }
    });
    const leaving = new AbortController();
    const { reader } = await open(leaving.signal);
    await reader.read();
    leaving.abort();
    await expect(ended.promise).resolves.toBeUndefined();
  });

  test('is not read faster than its reader takes it', async () => {
    let sent = 0;
    const padding = 'x'.repeat(16 * 1024);
    stream(async function* () {
      for (; sent < 20_000; sent += 1) yield { ...quote, symbol: padding };
    });
    const leaving = new AbortController();
    const { reader } = await open(leaving.signal);
    await reader.read();
    // The source stands still once every buffer between it and the silent reader is full.
    let before = -1;
    await expect
      .poll(
        () => {
          const stands = sent === before;
          before = sent;
          return stands;
        },
        { interval: 300, timeout: 20_000 },
      )
      .toBe(true);
    const bytes = sent * padding.length;
    expect(bytes).toBeLessThan(64 * 1024 * 1024);
    leaving.abort();
  });
});
