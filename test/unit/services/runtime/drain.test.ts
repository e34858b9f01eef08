import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HealthService } from '#services/runtime/health.ts';
import { status } from '#services/runtime/index.ts';
import { socketFolder, startCaller, startEcho } from './echo.ts';
import { EchoServiceService } from './echo-contract.ts';
import { RawClient } from './raw-client.ts';
import { startProcess } from './service-process.ts';

const serving = Buffer.from([8, 1]);
const notServing = Buffer.from([8, 2]);

describe('a service process', () => {
  test('finishes its calls after SIGTERM, refuses new ones, and ends with 0', async () => {
    const folder = socketFolder();
    const address = `unix:${join(folder, 'echo.sock')}`;
    const service = startProcess({ LISTEN: address, DRAIN_MS: '4000' });
    await service.logged('serving');
    const { client } = await startCaller(address);
    const answer = client.write({ text: join(folder, 'go') });
    await client.read({ text: '' });
    service.child.kill('SIGTERM');
    await service.logged('draining');
    const late = new RawClient(address);
    await expect
      .poll(() => late.call(EchoServiceService.read.path, {}, Buffer.from('{"text":""}')).then(({ code }) => code), {
        timeout: 10_000,
      })
      .toBe(status.UNAVAILABLE);
    writeFileSync(join(folder, 'go'), '');
    expect(await answer).toEqual({ text: join(folder, 'go') });
    expect(await service.ended).toBe(0);
  });

  test('ends with 0 even when a call never does', async () => {
    const folder = socketFolder();
    const address = `unix:${join(folder, 'echo.sock')}`;
    const service = startProcess({ LISTEN: address, DRAIN_MS: '400' });
    await service.logged('serving');
    const { client } = await startCaller(address);
    const answer = client.write({ text: join(folder, 'never') });
    await client.read({ text: '' });
    service.child.kill('SIGTERM');
    await expect(answer).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(await service.ended).toBe(0);
  });

  test('replaces the socket that a killed one left behind', async () => {
    const path = join(socketFolder(), 'echo.sock');
    const first = startProcess({ LISTEN: `unix:${path}` });
    await first.logged('serving');
    first.child.kill('SIGKILL');
    const killed = await first.ended;
    const left = existsSync(path);
    const second = await startEcho({}, { LISTEN: `unix:${path}` });
    const { client } = await startCaller(second.address);
    expect([killed, left, await client.read({ text: 'new' })]).toEqual(['SIGKILL', true, { text: 'new' }]);
  });
});

describe('a service that stops', () => {
  test('ends its streams, so that their readers come back elsewhere', async () => {
    const service = await startEcho({
      async *follow(_request, call) {
        yield { text: 'first' };
        await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
      },
    });
    const { client } = await startCaller(service.address);
    const reader = client.follow({ text: '' })[Symbol.asyncIterator]();
    await reader.next();
    const next = reader.next();
    const expected = expect(next).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await service.stop();
    await expected;
  });

  test('tells background work first, and runs the last stop step first', async () => {
    const order: string[] = [];
    const { context, service } = await startCaller('unix:/nowhere.sock');
    context.stopping.addEventListener('abort', () => order.push('stopping'));
    context.onStop(async () => void order.push('opened first'));
    context.onStop(async () => void order.push('opened last'));
    await service.stop();
    await service.stop();
    expect(order).toEqual(['stopping', 'opened last', 'opened first']);
  });

  test('is not held by a stop step that never ends', async () => {
    const { context, service } = await startCaller('unix:/nowhere.sock');
    let reached = false;
    context.onStop(async () => {
      reached = true;
    });
    context.onStop(() => new Promise(() => {}));
    await service.stop();
    expect(reached).toBe(true);
  });
});

describe('health', () => {
  const check = (client: RawClient, service = '') =>
    client.call(HealthService.check.path, {}, HealthService.check.requestSerialize({ service }));

  test('is SERVING for the server and for each of its services', async () => {
    const client = new RawClient((await startEcho()).address);
    expect((await check(client)).messages).toEqual([serving]);
    expect((await check(client, 'test.v1.EchoService')).messages).toEqual([serving]);
  });

  test('is NOT_FOUND for a service that is not here', async () => {
    const client = new RawClient((await startEcho()).address);
    expect(await check(client, 'test.v1.Other')).toMatchObject({ code: status.NOT_FOUND });
  });

  test('follows the service, and its watchers see every change and the drain', async () => {
    const { context, service } = await startCaller('unix:/nowhere.sock');
    const client = new RawClient(service.address);
    context.setServing(false);
    expect((await check(client)).messages).toEqual([notServing]);
    const watched = client.call(HealthService.watch.path, {}, HealthService.watch.requestSerialize({ service: '' }));
    await check(client);
    context.setServing(true);
    expect((await check(client)).messages).toEqual([serving]);
    await service.stop();
    const { code, messages } = await watched;
    expect({ code, messages }).toEqual({ code: status.UNAVAILABLE, messages: [notServing, serving, notServing] });
  });

  test('leaves no line in the log', async () => {
    const service = await startEcho();
    await check(new RawClient(service.address));
    expect(service.logs.calls()).toEqual([]);
  });
});
