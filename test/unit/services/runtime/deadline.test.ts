import { describe, expect, test } from 'vitest';
import { deadlineMarginMs, timeoutFor } from '#services/runtime/deadline.ts';
import { type CallContext, RpcError, status } from '#services/runtime/index.ts';
import { startCaller, startEcho } from './echo.ts';
import { EchoServiceService } from './echo-contract.ts';
import { RawClient } from './raw-client.ts';

function aborted(call: CallContext): Promise<unknown> {
  return new Promise((resolve) => call.signal.addEventListener('abort', () => resolve(call.signal.reason)));
}

/** A handler that never answers, and what became of the calls that it got. */
function stuck() {
  const arrived = Promise.withResolvers<CallContext>();
  const reason = Promise.withResolvers<unknown>();
  const handler = async (_request: unknown, call: CallContext): Promise<never> => {
    arrived.resolve(call);
    reason.resolve(await aborted(call));
    throw new Error('the work was stopped');
  };
  return { handler, arrived: arrived.promise, reason: reason.promise };
}

describe('the time of a call', () => {
  const parent = (leftMs: number) => ({ remainingMs: () => leftMs });

  test.for([
    ['what is declared', { declaredMs: 800 }, 800],
    ['what is asked for, when shorter', { declaredMs: 800, askedMs: 100 }, 100],
    ['never more than declared', { declaredMs: 800, askedMs: 9000 }, 800],
    ['what the parent has left, less the margin', { declaredMs: 800, parent: parent(500) }, 500 - deadlineMarginMs],
    ['not lengthened by a patient parent', { declaredMs: 800, parent: parent(60_000) }, 800],
  ] as const)('is %s', ([, bounds, timeoutMs]) => {
    expect(timeoutFor(bounds)).toBe(timeoutMs);
  });

  test.for([
    ['the parent has only the margin left', { declaredMs: 800, parent: parent(deadlineMarginMs) }],
    ['the time asked for is no number', { declaredMs: Number.NaN }],
  ] as const)('is over at once when %s', ([, bounds]) => {
    expect(() => timeoutFor(bounds)).toThrow(expect.objectContaining({ code: status.DEADLINE_EXCEEDED }));
  });

  test('reaches the callee on every call, without the caller naming it', async () => {
    const left: number[] = [];
    const service = await startEcho({
      read: async (request, call) => {
        left.push(call.remainingMs());
        return request;
      },
    });
    const { client } = await startCaller(service.address, 700);
    await client.read({ text: '' });
    await client.read({ text: '' }, { timeoutMs: 300 });
    expect(left[0]).toBeLessThanOrEqual(700);
    expect(left[0]).toBeGreaterThan(300);
    expect(left[1]).toBeLessThanOrEqual(300);
  });

  test('of a child ends before its parent does, over two hops', async () => {
    const last = await startEcho({ read: async (_request, call) => ({ text: String(call.remainingMs()) }) });
    const toLast = await startCaller(last.address, 60_000);
    let parentLeft = 0;
    const middle = await startEcho({
      read: async (request, call) => {
        const answer = await toLast.client.read(request, { parent: call });
        parentLeft = call.remainingMs();
        return answer;
      },
    });
    const { client } = await startCaller(middle.address, 900);
    const { text } = await client.read({ text: '' });
    expect(Number(text)).toBeLessThanOrEqual(900 - deadlineMarginMs);
    expect(parentLeft).toBeGreaterThan(0);
  });

  test('bounds a call of a client that sets none', async () => {
    let left = Number.POSITIVE_INFINITY;
    const service = await startEcho({
      read: async (request, call) => {
        left = call.remainingMs();
        return request;
      },
    });
    await new RawClient(service.address).call(EchoServiceService.read.path);
    expect(left).toBeLessThanOrEqual(30_000);
  });
});

describe('work whose call is over', () => {
  test('stops at the deadline, and the caller hears DEADLINE_EXCEEDED', async () => {
    const { handler, reason } = stuck();
    const service = await startEcho({ read: handler });
    const { client } = await startCaller(service.address, 150);
    await expect(client.read({ text: '' })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(await reason).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  test('is stopped by the server itself when the caller is deaf to its own deadline', async () => {
    const { handler, reason } = stuck();
    const service = await startEcho({ read: handler });
    const answer = await new RawClient(service.address).call(EchoServiceService.read.path, { 'grpc-timeout': '100m' });
    expect(answer.code).toBe(status.DEADLINE_EXCEEDED);
    expect(await reason).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  test('stops when the caller cancels', async () => {
    const { handler, arrived, reason } = stuck();
    const service = await startEcho({ read: handler });
    const { client } = await startCaller(service.address);
    const abort = new AbortController();
    const answer = client.read({ text: '' }, { signal: abort.signal });
    await arrived;
    abort.abort();
    await expect(answer).rejects.toMatchObject({ code: status.CANCELLED });
    expect(await reason).toMatchObject({ code: status.CANCELLED });
    await expect.poll(() => service.logs.calls()).toEqual([expect.objectContaining({ code: 'CANCELLED' })]);
  });

  test('stops two hops away when the first caller cancels', async () => {
    const { handler, arrived, reason } = stuck();
    const last = await startEcho({ read: handler });
    const toLast = await startCaller(last.address);
    const middle = await startEcho({ read: (request, call) => toLast.client.read(request, { parent: call }) });
    const { client } = await startCaller(middle.address);
    const abort = new AbortController();
    const answer = client.read({ text: '' }, { signal: abort.signal });
    await arrived;
    abort.abort();
    await expect(answer).rejects.toBeInstanceOf(RpcError);
    expect(await reason).toMatchObject({ code: status.CANCELLED });
  });

  test('is not begun when the parent is already cancelled', async () => {
    let reached = false;
    const service = await startEcho({
      read: async (request) => {
        reached = true;
        return request;
      },
    });
    const { client } = await startCaller(service.address);
    const signal = AbortSignal.abort();
    await expect(client.read({ text: '' }, { signal })).rejects.toMatchObject({ code: status.CANCELLED });
    expect(reached).toBe(false);
  });

  test('of a stream stops when its reader leaves', async () => {
    const stopped = Promise.withResolvers<void>();
    const service = await startEcho({
      async *follow(_request, call) {
        try {
          for (let count = 0; !call.signal.aborted; count += 1) yield { text: String(count) };
        } finally {
          stopped.resolve();
        }
      },
    });
    const { client } = await startCaller(service.address);
    for await (const { text } of client.follow({ text: '' })) if (text === '3') break;
    await expect(stopped.promise).resolves.toBeUndefined();
  });
});

describe('a stream', () => {
  test('ends well when it reaches its greatest age', async () => {
    const service = await startEcho({
      async *follow(_request, call) {
        yield { text: 'first' };
        await aborted(call);
      },
    });
    const { client } = await startCaller(service.address, 300);
    const texts: string[] = [];
    for await (const { text } of client.follow({ text: '' })) texts.push(text);
    expect(texts).toEqual(['first']);
  });

  test('is made no faster than it is read', async () => {
    let made = 0;
    const service = await startEcho({
      async *follow(_request, call) {
        const text = 'x'.repeat(10_000);
        for (; !call.signal.aborted; made += 1) yield { text };
      },
    });
    const { client } = await startCaller(service.address);
    const reader = client.follow({ text: '' })[Symbol.asyncIterator]();
    await reader.next();
    await expect.poll(async () => [made, await settled(() => made)], { timeout: 5000 }).toSatisfy(([a, b]) => a === b);
    expect(made).toBeLessThan(1000);
    await reader.return?.();
  });
});

describe('a reader that takes nothing', () => {
  test('is cut off by its handler, with the reason', async () => {
    const service = await startEcho({
      async *follow(_request, call) {
        setImmediate(() => call.end(new RpcError(status.RESOURCE_EXHAUSTED, 'the reader is too slow')));
        const text = 'x'.repeat(10_000);
        for (; !call.signal.aborted; ) yield { text };
      },
    });
    const reader = new RawClient(service.address).open(EchoServiceService.follow.path, Buffer.from('{}'));
    reader.pause();
    const ended = new Promise<status>((resolve) => reader.once('status', ({ code }) => resolve(code)));
    reader.on('error', () => {});
    await expect.poll(() => service.logs.calls()).toMatchObject([{ code: 'RESOURCE_EXHAUSTED' }]);
    expect(await ended).toBe(status.RESOURCE_EXHAUSTED);
  });
});

/** The value after the event loop has turned a hundred times: whatever could go on has gone on. */
async function settled(value: () => number): Promise<number> {
  for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return value();
}
