import { describe, expect, test } from 'vitest';
import type { Route } from '#services/runtime/declaration.ts';
import { RpcError, status } from '#services/runtime/index.ts';
import { ask, open } from './http-client.ts';
import { serve } from './http-edge.ts';

const events: Route = { method: 'GET', path: '/quotes/{symbol}/events' };

describe('server-sent events', () => {
  test('arrive in order, as JSON, with event and id', async () => {
    const { address } = await serve([
      [
        events,
        async ({ path }) => ({
          kind: 'events',
          events: (async function* () {
            yield { event: 'quote', id: '1', data: { symbol: path['symbol'], bid: 10n } };
            yield { data: 'line\nbreak' };
          })(),
        }),
      ],
    ]);
    const answer = await ask(address, { path: '/quotes/ACME/events' });
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(answer.text).toBe('event: quote\nid: 1\ndata: {"symbol":"ACME","bid":"10"}\n\ndata: "line\\nbreak"\n\n');
  });

  test('that fail before the first one get the HTTP status of the error', async () => {
    const { address } = await serve([[events, async () => ({ kind: 'events', events: failing([]) })]]);
    const answer = await ask(address, { path: '/quotes/ACME/events' });
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([429, 'RESOURCE_EXHAUSTED']);
  });

  test('that fail later end with an event of the problem', async () => {
    const { address } = await serve([[events, async () => ({ kind: 'events', events: failing([{ data: 1 }]) })]]);
    const answer = await ask(address, { path: '/quotes/ACME/events' });
    expect(answer.status).toBe(200);
    expect(answer.text).toMatch(/^data: 1\n\nevent: error\ndata: \{.*"code":"RESOURCE_EXHAUSTED".*\}\n\n$/);
  });

  test('end well at their greatest age', async () => {
    const { address, logs } = await serve([
      [events, async (_request, call) => ({ kind: 'events', events: until(call.signal) }), { timeoutMs: 200 }],
    ]);
    const answer = await ask(address, { path: '/quotes/ACME/events' });
    expect([answer.status, answer.text]).toEqual([200, 'data: "first"\n\n']);
    expect(logs.calls()).toEqual([expect.objectContaining({ code: 'OK' })]);
  });

  test('stop when their reader leaves', async () => {
    const stopped = Promise.withResolvers<unknown>();
    const { address } = await serve([
      [
        events,
        async (_request, call) => {
          call.signal.addEventListener('abort', () => stopped.resolve(call.signal.reason));
          return { kind: 'events', events: until(call.signal) };
        },
      ],
    ]);
    const answer = await open(address, { path: '/quotes/ACME/events' });
    answer.destroy();
    expect(await stopped.promise).toMatchObject({ code: status.CANCELLED });
  });

  test('end when the service stops', async () => {
    const service = await serve([[events, async (_request, call) => ({ kind: 'events', events: until(call.signal) })]]);
    const answer = ask(service.address, { path: '/quotes/ACME/events' });
    await expect.poll(() => service.logs.lines.length).toBeGreaterThan(0);
    const first = await open(service.address, { path: '/quotes/ACME/events' });
    await service.stop();
    expect((await answer).text).toBe('data: "first"\n\n');
    first.destroy();
  });

  test('are made no faster than they are read', async () => {
    let made = 0;
    const { address } = await serve([
      [
        events,
        async (_request, call) => ({
          kind: 'events',
          events: (async function* () {
            for (; !call.signal.aborted; made += 1) yield { data: 'x'.repeat(10_000) };
          })(),
        }),
      ],
    ]);
    const answer = await open(address, { path: '/quotes/ACME/events' });
    let before = -1;
    await expect
      .poll(
        () => {
          const still = before === made;
          before = made;
          return still;
        },
        { timeout: 5000, interval: 100 },
      )
      .toBe(true);
    expect(made).toBeLessThan(1000);
    answer.destroy();
  });
});

async function* failing<T>(first: readonly T[]): AsyncGenerator<T> {
  yield* first;
  throw new RpcError(status.RESOURCE_EXHAUSTED, 'too slow');
}

async function* until(signal: AbortSignal): AsyncGenerator<{ data: string }> {
  yield { data: 'first' };
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
}
