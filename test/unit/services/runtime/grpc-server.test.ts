import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RpcError, requireUser, startService, status, type User } from '#services/runtime/index.ts';
import { socketFolder, startCaller, startEcho, started } from './echo.ts';
import { EchoServiceService, echo } from './echo-contract.ts';
import { RawClient } from './raw-client.ts';

const read = EchoServiceService.read.path;
const secret = 'account 4711 buys 100 shares';

function payload(claims: unknown): string {
  return Buffer.from(JSON.stringify(claims)).toString('base64url');
}

describe('a gRPC service', () => {
  test('answers a declared call', async () => {
    const service = await startEcho();
    const { client } = await startCaller(service.address);
    expect(await client.read({ text: 'hello' })).toEqual({ text: 'hello' });
  });

  test('streams messages in order', async () => {
    const service = await startEcho({
      async *follow() {
        for (const text of ['a', 'b', 'c']) yield { text };
      },
    });
    const { client } = await startCaller(service.address);
    const texts: string[] = [];
    for await (const { text } of client.follow({ text: '' })) texts.push(text);
    expect(texts).toEqual(['a', 'b', 'c']);
  });

  test('tells the caller the code and the message of an RpcError', async () => {
    const service = await startEcho({
      read: async () => {
        throw new RpcError(status.NOT_FOUND, 'order `7` does not exist');
      },
    });
    const { client } = await startCaller(service.address);
    await expect(client.read({ text: '' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      message: 'order `7` does not exist',
    });
  });

  test('hides any other error and logs it with the trace id of the call', async () => {
    const service = await startEcho({
      read: async () => {
        throw new TypeError('password is hunter2');
      },
    });
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
    const answer = await new RawClient(service.address).call(read, { traceparent }, Buffer.from('{}'));
    expect(answer).toMatchObject({ code: status.INTERNAL, details: 'internal error' });
    const [line] = service.logs.calls();
    expect(line).toMatchObject({
      level: 'error',
      traceId: 'a'.repeat(32),
      code: 'INTERNAL',
      err: { message: 'password is hunter2' },
    });
  });

  test('answers INTERNAL, and logs it, when an answer cannot be written', async () => {
    const service = await startEcho({ read: async () => ({ text: 1n as unknown as string }) });
    const answer = await new RawClient(service.address).call(read, {}, Buffer.from('{}'));
    expect(answer).toMatchObject({ code: status.INTERNAL, details: 'internal error' });
    expect(service.logs.calls()).toMatchObject([{ code: 'INTERNAL', err: { type: 'TypeError' } }]);
  });

  test('hides an error that breaks a stream, after what was sent before', async () => {
    const service = await startEcho({
      async *follow() {
        yield { text: 'first' };
        throw new Error('disk on fire');
      },
    });
    const answer = await new RawClient(service.address).call(EchoServiceService.follow.path, {}, Buffer.from('{}'));
    expect(answer).toMatchObject({ code: status.INTERNAL, details: 'internal error' });
    expect(answer.messages.map(String)).toEqual(['{"text":"first"}']);
  });

  test('logs method, peer, code, duration and trace id, and nothing of what was said', async () => {
    const service = await startEcho();
    const { client } = await startCaller(service.address);
    await client.read({ text: secret }, { metadata: { authorization: 'Bearer token' } });
    expect(service.logs.calls()).toEqual([
      expect.objectContaining({
        level: 'info',
        service: 'echo',
        method: 'test.v1.EchoService/Read',
        peer: expect.any(String),
        code: 'OK',
        durationMs: expect.any(Number),
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      }),
    ]);
    expect(service.logs.text).not.toContain('4711');
    expect(service.logs.text).not.toContain('Bearer');
  });

  test.for([
    ['an unknown method', '/test.v1.EchoService/Nothing'],
    ['an unknown service', '/test.v1.Other/Read'],
    ['reflection', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'],
  ] as const)('answers UNIMPLEMENTED to %s, probed or not', async ([, path]) => {
    const client = new RawClient((await startEcho()).address);
    const plain = await client.call(path);
    const probed = await client.call(path, { 'x-meshwright-probe': '1' });
    expect([plain.code, probed.code]).toEqual([status.UNIMPLEMENTED, status.UNIMPLEMENTED]);
  });

  test.for([
    ['unary', EchoServiceService.write.path],
    ['streaming', EchoServiceService.follow.path],
  ] as const)('answers a probe of a %s method before any handler', async ([, path]) => {
    let reached = false;
    const service = await startEcho({
      write: async (request) => {
        reached = true;
        return request;
      },
      async *follow(request) {
        reached = true;
        yield request;
      },
    });
    const answer = await new RawClient(service.address).call(path, { 'x-meshwright-probe': '1' });
    expect(answer).toMatchObject({ code: status.OK, messages: [] });
    expect(answer.trailers.get('x-meshwright-probed')).toEqual(['echo']);
    expect(reached).toBe(false);
  });

  test('must have a handler for every method', async () => {
    const incomplete = startService(echo, { LISTEN: '127.0.0.1:0' }, async () => [[EchoServiceService, {}]]);
    await expect(incomplete).rejects.toThrow('method `/test.v1.EchoService/Write` has no handler');
  });

  test('must serve what it declares', async () => {
    const nothing = startService(echo, { LISTEN: '127.0.0.1:0' }, async () => []);
    await expect(nothing).rejects.toThrow('declared but not served: gRPC service `test.v1.EchoService`');
  });
});

describe('the user of a call', () => {
  async function userOf(metadata: Record<string, string>): Promise<User | RpcError> {
    let seen: User | undefined;
    const service = await startEcho({
      read: async (request, call) => {
        seen = requireUser(call);
        return request;
      },
    });
    const answer = await new RawClient(service.address).call(read, metadata, Buffer.from('{}'));
    return seen ?? new RpcError(answer.code, answer.details);
  }

  test('comes from the payload that the mesh has verified', async () => {
    const claims = { sub: 'alice', accounts: ['A1', 'A2'], scope: 'orders.read orders.write' };
    expect(await userOf({ 'x-jwt-payload': payload(claims) })).toEqual({
      subject: 'alice',
      accounts: ['A1', 'A2'],
      scopes: ['orders.read', 'orders.write'],
    });
  });

  test.for([
    ['there is no payload', {}],
    ['only the peer is described', { 'x-forwarded-client-cert': 'URI=spiffe://trading.local/ns/edge/sa/gateway' }],
    ['only a token is there, which nobody verified', { authorization: `Bearer a.${payload({ sub: 'alice' })}.c` }],
    ['the payload is not JSON', { 'x-jwt-payload': 'AAAA' }],
    ['the payload names no subject', { 'x-jwt-payload': payload({ scope: 'orders.read' }) }],
    ['two payloads were joined', { 'x-jwt-payload': `${payload({ sub: 'alice' })},${payload({ sub: 'bob' })}` }],
  ] as const)('is UNAUTHENTICATED when %s', async ([, metadata]) => {
    expect(await userOf({ ...metadata })).toMatchObject({ code: status.UNAUTHENTICATED });
  });
});

describe('a socket', () => {
  test('is open to its owner only', async () => {
    const { address } = await startEcho();
    expect(statSync(address.slice('unix:'.length)).mode & 0o777).toBe(0o600);
  });

  test('at which another process listens is left alone', async () => {
    const first = await startEcho();
    await expect(startEcho({}, { LISTEN: first.address })).rejects.toThrow('another process listens there');
  });

  test('is never made in the place of another file', async () => {
    const path = join(socketFolder(), 'notes.txt');
    writeFileSync(path, 'keep me');
    await expect(startEcho({}, { LISTEN: `unix:${path}` })).rejects.toThrow(
      'expected a socket, got another kind of file',
    );
  });
});

describe('a client', () => {
  test('refuses a method that its service has not declared', async () => {
    const service = await startEcho();
    const { context } = await startCaller(service.address);
    expect(() => context.client({ secret: { ...EchoServiceService.read, path: '/x.Y/Z' } }, 'echo')).toThrow(
      'no call of `x.Y` is declared by this service',
    );
    const mixed = context.client(
      { ...EchoServiceService, secret: { ...EchoServiceService.read, path: '/x.Y/Z' } },
      'echo',
    );
    expect(() => mixed.secret).toThrow('call of `/x.Y/Z` is not declared by this service');
  });

  test('refuses a callee that its service has not declared', async () => {
    const service = await startEcho();
    const { context } = await startCaller(service.address);
    expect(() => context.client(EchoServiceService, 'portfolio')).toThrow('declares no call of `portfolio`');
  });

  test('gets UNAVAILABLE when nobody listens', async () => {
    const { client } = await startCaller(`unix:${join(socketFolder(), 'nobody.sock')}`);
    await expect(client.write({ text: '' })).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  test('finds its callee again by itself', async () => {
    const path = join(socketFolder(), 'echo.sock');
    const first = await started(echo, { LISTEN: `unix:${path}` }, async () => [
      [EchoServiceService, handlersSaying('first')],
    ]);
    const { client } = await startCaller(first.address);
    const before = await client.read({ text: '' });
    await first.stop();
    await started(echo, { LISTEN: `unix:${path}` }, async () => [[EchoServiceService, handlersSaying('second')]]);
    const answers = expect.poll(() => client.read({ text: '' }).catch((error: RpcError) => error.code), {
      timeout: 10_000,
    });
    await answers.toEqual({ text: 'second' });
    expect(before).toEqual({ text: 'first' });
  });
});

function handlersSaying(text: string) {
  return {
    write: async () => ({ text }),
    read: async () => ({ text }),
    async *follow() {
      yield { text };
    },
  };
}
