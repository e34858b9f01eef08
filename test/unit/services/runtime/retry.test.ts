import { describe, expect, test } from 'vitest';
import { createClient, Upstream } from '#services/runtime/grpc-client.ts';
import { RpcError, status } from '#services/runtime/index.ts';
import { backoffMs, mostAttempts, RetryBudget } from '#services/runtime/retry.ts';
import { passThroughTracing } from '#services/runtime/tracing.ts';
import { callerDeclaration, startCaller, startEcho } from './echo.ts';
import { EchoServiceService } from './echo-contract.ts';

/** A callee that counts what reaches it and refuses the first `failures` calls. */
async function flaky(failures: number, code: status = status.UNAVAILABLE) {
  const seen = { attempts: 0, failures };
  const answer = async (request: { text: string }) => {
    seen.attempts += 1;
    if (seen.attempts <= seen.failures) throw new RpcError(code, 'not now');
    return request;
  };
  const service = await startEcho({ read: answer, write: answer });
  return { seen, ...(await startCaller(service.address)) };
}

/** Earns the budget for `retries` retries by calls that succeed. */
async function earn(client: { read(request: { text: string }): Promise<unknown> }, retries: number): Promise<void> {
  for (let call = 0; call < retries * 5; call += 1) await client.read({ text: '' });
}

describe('the budget of retries', () => {
  test('allows one retry for five calls, and none on credit', () => {
    const budget = new RetryBudget();
    const spent: boolean[] = [];
    for (let call = 0; call < 10; call += 1) {
      budget.earn();
      spent.push(budget.spend());
    }
    expect(spent.filter(Boolean)).toHaveLength(2);
    expect(spent[4]).toBe(true);
  });

  test('does not save a long health up for a storm', () => {
    const budget = new RetryBudget();
    for (let call = 0; call < 100_000; call += 1) budget.earn();
    let storm = 0;
    while (budget.spend()) storm += 1;
    expect(storm).toBe(10);
  });

  test('keeps a callee that always fails below 1.2 attempts a call', async () => {
    const { client, seen } = await flaky(Number.POSITIVE_INFINITY);
    for (let call = 0; call < 50; call += 1) await client.read({ text: '' }).catch(() => {});
    expect(seen.attempts).toBeGreaterThan(50);
    expect(seen.attempts).toBeLessThanOrEqual(60);
  });
});

describe('the pause before a retry', () => {
  test.for([
    ['begins at up to 50 ms', 1, 50],
    ['doubles', 2, 100],
    ['is never above 500 ms', 9, 500],
  ] as const)('%s', ([, retry, boundMs]) => {
    expect([backoffMs(retry, () => 0), backoffMs(retry, () => 1)]).toEqual([0, boundMs]);
  });
});

describe('a call with budget for retries', () => {
  test('succeeds at a later attempt when the method is declared free of side effects', async () => {
    const { client, seen } = await flaky(0);
    await earn(client, 5);
    seen.attempts = 0;
    seen.failures = 2;
    expect(await client.read({ text: 'at last' })).toEqual({ text: 'at last' });
    expect(seen.attempts).toBe(3);
  });

  test('gives up after the last attempt', async () => {
    const { client, seen } = await flaky(0);
    await earn(client, 5);
    seen.attempts = 0;
    seen.failures = Number.POSITIVE_INFINITY;
    await expect(client.read({ text: '' })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(seen.attempts).toBe(mostAttempts);
  });

  test('is not made again when the method may change something', async () => {
    const { client, seen } = await flaky(0);
    await earn(client, 5);
    seen.attempts = 0;
    seen.failures = 1;
    await expect(client.write({ text: '' })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(seen.attempts).toBe(1);
  });

  test.for([
    ['the callee answered', status.FAILED_PRECONDITION],
    ['the callee broke', status.INTERNAL],
    ['the callee is overloaded', status.RESOURCE_EXHAUSTED],
  ] as const)('is not made again when %s', async ([, code]) => {
    const { client, seen } = await flaky(0, code);
    await earn(client, 5);
    seen.attempts = 0;
    seen.failures = 1;
    await expect(client.read({ text: '' })).rejects.toMatchObject({ code });
    expect(seen.attempts).toBe(1);
  });

  test('is refused, and nothing breaks, when the client is closed before it is made again', async () => {
    const seen: { upstream?: Upstream; failing: boolean } = { failing: false };
    const read = async (request: { text: string }) => {
      if (!seen.failing) return request;
      seen.upstream?.close();
      throw new RpcError(status.UNAVAILABLE, 'not now');
    };
    const service = await startEcho({ read, write: read });
    const upstream = new Upstream({ kind: 'unix', path: service.address.replace(/^unix:/, '') });
    seen.upstream = upstream;
    const { calls } = callerDeclaration(5000);
    const client = createClient(EchoServiceService, upstream, { calls, tracing: passThroughTracing });
    await earn(client, 5);
    seen.failing = true;
    await expect(client.read({ text: '' })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      message: 'the client is closed',
    });
  });
});
