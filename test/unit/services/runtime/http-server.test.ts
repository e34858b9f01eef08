import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Route } from '#services/runtime/declaration.ts';
import { type HttpAnswer, RpcError, requireUser, status } from '#services/runtime/index.ts';
import { startEcho, started } from './echo.ts';
import { EchoServiceService } from './echo-contract.ts';
import { ask } from './http-client.ts';
import { edge, json, serve } from './http-edge.ts';
import { startSink } from './otlp-sink.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
const get: Route = { method: 'GET', path: '/orders/{client_order_id}' };
const post: Route = { method: 'POST', path: '/orders' };

describe('an HTTP service', () => {
  test('gives a handler path, query, body and headers', async () => {
    const { address } = await serve([
      [{ method: 'PUT', path: '/a/{x}/b/{y}' }, async ({ path, query, body }) => json({ path, query, body })],
    ]);
    const headers = { 'content-type': 'application/json' };
    const answer = await ask(address, {
      method: 'PUT',
      path: '/a/1%2F2/b/é?q=1&q=2&r=3'.replace('é', '%C3%A9'),
      headers,
      body: '{"n":1}',
    });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({
      path: { x: '1/2', y: 'é' },
      query: { q: ['1', '2'], r: '3' },
      body: { n: 1 },
    });
  });

  test('writes int64 as decimal strings', async () => {
    const { address } = await serve([[get, async () => json({ quantity: 9_007_199_254_740_993n })]]);
    const answer = await ask(address, { path: '/orders/1' });
    expect(answer.text).toBe('{"quantity":"9007199254740993"}');
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  test('answers with the status and the headers of its handler, or nothing', async () => {
    const { address } = await serve([
      [post, async () => ({ kind: 'json', status: 201, headers: { location: '/orders/1' }, body: {} })],
      [get, async () => ({ kind: 'empty' })],
    ]);
    const created = await ask(address, { method: 'POST', path: '/orders' });
    expect([created.status, created.headers.location]).toEqual([201, '/orders/1']);
    expect(await ask(address, { path: '/orders/1' })).toMatchObject({ status: 204, text: '' });
  });

  test.for([
    [status.INVALID_ARGUMENT, 400],
    [status.UNAUTHENTICATED, 401],
    [status.PERMISSION_DENIED, 403],
    [status.NOT_FOUND, 404],
    [status.ALREADY_EXISTS, 409],
    [status.RESOURCE_EXHAUSTED, 429],
    [status.UNIMPLEMENTED, 501],
    [status.UNAVAILABLE, 503],
    [status.DEADLINE_EXCEEDED, 504],
  ] as const)('maps gRPC code %i to HTTP %i with a problem as body', async ([code, httpStatus]) => {
    const { address } = await serve([
      [
        get,
        async () => {
          throw new RpcError(code, 'because');
        },
      ],
    ]);
    const answer = await ask(address, { path: '/orders/1', headers: { traceparent } });
    expect(answer.status).toBe(httpStatus);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(JSON.parse(answer.text)).toMatchObject({
      status: httpStatus,
      code: status[code],
      detail: 'because',
      traceId,
    });
  });

  test('hides any other error and logs it with the trace id', async () => {
    const { address, logs } = await serve([
      [
        get,
        async () => {
          throw new TypeError('password is hunter2');
        },
      ],
    ]);
    const answer = await ask(address, { path: '/orders/1', headers: { traceparent } });
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'INTERNAL', detail: 'internal error' });
    expect(logs.calls()).toEqual([
      expect.objectContaining({
        level: 'error',
        traceId,
        code: 'INTERNAL',
        status: 500,
        err: expect.objectContaining({ message: 'password is hunter2' }),
      }),
    ]);
  });

  test.for([
    ['a body that is too large', { body: `"${'x'.repeat(200)}"` }, 413],
    ['a body that is not JSON', { body: '{' }, 400],
    ['a body of another type', { body: '{}', headers: { 'content-type': 'text/plain' } }, 415],
    ['a poisoned prototype', { body: '{"__proto__":{"admin":true}}' }, 400],
    ['an undeclared route', { path: '/other' }, 404],
    ['an undeclared method of a declared route', { method: 'DELETE' }, 404],
    ['a trailing slash', { path: '/orders/' }, 404],
    ['a path that cannot be decoded', { path: '/orders/%E0%A4%A' }, 400],
  ] as const)('refuses %s before any handler', async ([, question, httpStatus]) => {
    let reached = false;
    const handle = async () => {
      reached = true;
      return json({});
    };
    const { address } = await serve(
      [
        [post, handle],
        [get, handle],
      ],
      { parts: { bodyLimitBytes: 100 } },
    );
    const headers = { 'content-type': 'application/json' };
    const answer = await ask(address, { method: 'POST', path: '/orders', headers, ...question });
    expect(JSON.parse(answer.text)).toMatchObject({ status: httpStatus });
    expect([answer.status, reached]).toEqual([httpStatus, false]);
  });

  test('knows its user by the verified payload alone', async () => {
    const { address } = await serve([[get, async (_request, call) => json(requireUser(call).subject)]]);
    const payload = Buffer.from('{"sub":"alice"}').toString('base64url');
    const alice = await ask(address, { path: '/orders/1', headers: { 'x-jwt-payload': payload } });
    const nobody = await ask(address, { path: '/orders/1', headers: { 'x-forwarded-client-cert': 'URI=spiffe://x' } });
    const twice = await ask(address, { path: '/orders/1', headers: { 'x-jwt-payload': [payload, payload] } });
    expect([alice.text, nobody.status, twice.status]).toEqual(['"alice"', 401, 401]);
    expect(nobody.headers['www-authenticate']).toBe('Bearer');
  });

  test('answers a probe of a route before any handler, and of nothing else', async () => {
    let reached = false;
    const { address } = await serve([
      [
        post,
        async () => {
          reached = true;
          return json({});
        },
      ],
    ]);
    const headers = { 'x-meshwright-probe': '1' };
    const probed = await ask(address, { method: 'POST', path: '/orders', headers, body: 'not even JSON' });
    expect([probed.status, probed.headers['x-meshwright-probed'], reached]).toEqual([204, 'edge', false]);
    expect((await ask(address, { path: '/other', headers })).status).toBe(404);
  });

  test('logs route and status, and nothing of what was said', async () => {
    const { address, logs } = await serve([[get, async () => json({ secret: 'payload' })]]);
    await ask(address, { path: '/orders/customer-7?token=abc', headers: { authorization: 'Bearer token' } });
    expect(logs.calls()).toEqual([
      expect.objectContaining({
        method: 'GET /orders/{client_order_id}',
        status: 200,
        code: 'OK',
        durationMs: expect.any(Number),
      }),
    ]);
    for (const secret of ['customer-7', 'abc', 'payload', 'Bearer']) expect(logs.text).not.toContain(secret);
  });

  test('reports its health', async () => {
    const { address, context } = await serve([[get, async () => json({})]]);
    const before = await ask(address, { path: '/healthz' });
    context.setServing(false);
    const after = await ask(address, { path: '/healthz' });
    expect([before, after]).toMatchObject([
      { status: 200, text: '{"status":"SERVING"}' },
      { status: 503, text: '{"status":"NOT_SERVING"}' },
    ]);
  });

  test('opens its socket to its owner only', async () => {
    const { address } = await serve([[get, async () => json({})]]);
    expect(statSync(address.slice(5)).mode & 0o777).toBe(0o600);
  });

  test('listens on host and port as well', async () => {
    const { address } = await serve([[get, async () => json('here')]], { env: { LISTEN: '127.0.0.1:0' } });
    expect(await ask(address, { path: '/orders/1' })).toMatchObject({ text: '"here"' });
  });

  test('must serve what it declares', async () => {
    const nothing = started(edge([get]), { LISTEN: '127.0.0.1:0', UPSTREAM_ECHO: 'a:1' }, async () => ({ routes: [] }));
    await expect(nothing).rejects.toThrow('declared but not served: route `GET /orders/{client_order_id}`');
  });
});

describe('an HTTP request', () => {
  test('is over at its deadline, and its work is told', async () => {
    const reason = Promise.withResolvers<unknown>();
    const { address } = await serve([
      [
        get,
        (_request, call) => {
          call.signal.addEventListener('abort', () => reason.resolve(call.signal.reason));
          return new Promise<HttpAnswer>(() => {});
        },
        { timeoutMs: 100 },
      ],
    ]);
    expect((await ask(address, { path: '/orders/1' })).status).toBe(504);
    expect(await reason.promise).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  test('stops the work of two hops when its client leaves', async () => {
    const arrived = Promise.withResolvers<void>();
    const reason = Promise.withResolvers<unknown>();
    const echo = await startEcho({
      read: (_request, call) => {
        call.signal.addEventListener('abort', () => reason.resolve(call.signal.reason));
        arrived.resolve();
        return new Promise(() => {});
      },
    });
    const service = await serve(
      [
        [
          get,
          async (_request, call) =>
            json(await service.context.client(EchoServiceService, 'echo').read({ text: '' }, { parent: call })),
        ],
      ],
      { env: { UPSTREAM_ECHO: echo.address } },
    );
    const socket = connect(service.address.slice(5));
    socket.write('GET /orders/1 HTTP/1.1\r\nhost: x\r\n\r\n');
    await arrived.promise;
    socket.destroy();
    expect(await reason.promise).toMatchObject({ code: status.CANCELLED });
  });

  test('is one trace with the calls that it makes', async () => {
    const sink = await startSink();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint };
    const echo = await startEcho({}, env);
    const service = await serve(
      [
        [
          get,
          async (_request, call) =>
            json(await service.context.client(EchoServiceService, 'echo').read({ text: 'x' }, { parent: call })),
        ],
      ],
      { env: { ...env, UPSTREAM_ECHO: echo.address } },
    );
    await ask(service.address, { path: '/orders/1', headers: { traceparent } });
    await service.stop();
    await echo.stop();
    expect(sink.spans.map((span) => [span.traceId, span.service, span.kind, span.name]).sort()).toEqual([
      [traceId, 'echo', 'server', 'test.v1.EchoService/Read'],
      [traceId, 'edge', 'client', 'test.v1.EchoService/Read'],
      [traceId, 'edge', 'server', 'GET /orders/{client_order_id}'],
    ]);
    expect(sink.spans.find(({ name }) => name.startsWith('GET'))?.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.route': '/orders/{client_order_id}',
      'http.response.status_code': 200,
    });
  });

  test('in flight is finished by a service that stops, and a later one is refused', async () => {
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const service = await serve(
      [
        [
          get,
          async () => {
            arrived.resolve();
            await go.promise;
            return json('done');
          },
        ],
      ],
      { env: { DRAIN_MS: '8000' } },
    );
    const answer = ask(service.address, { path: '/orders/1' });
    await arrived.promise;
    const stopped = service.stop();
    expect((await ask(service.address, { path: '/healthz' })).status).toBe(503);
    await expect
      .poll(() => ask(service.address, { path: '/healthz' }).catch(() => 'refused'), { timeout: 10_000 })
      .toBe('refused');
    go.resolve();
    expect(await answer).toMatchObject({ status: 200, text: '"done"' });
    await expect(stopped).resolves.toBeUndefined();
  });
});
