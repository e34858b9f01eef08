import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttp1, type Server as Http1Server } from 'node:http';
import { createServer as createHttp2, createSecureServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from '#infra/local/authority.ts';
import type { HttpProbe, ProbeRequest, TcpProbe } from '#policies/probe/protocol.ts';
import { programFile, runProbes, runProgram } from './program.ts';

const open: (Server | Http2Server | Http1Server)[] = [];
const sockets = new Set<Socket>();

/** Starts a server on a free port of loopback; everything is closed at the end. */
async function listen(server: Server | Http2Server | Http1Server): Promise<number> {
  open.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('sessionError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const seen: { path: unknown; authority: unknown; marker: unknown }[] = [];

const answers: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
  '/denied': (stream) => {
    stream.respond({ ':status': 403, 'content-type': 'text/plain' });
    stream.end('RBAC: access denied');
  },
  '/trailers': (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '12', 'grpc-message': 'no such method' }));
    stream.end();
  },
  '/reset': (stream) => stream.close(7),
  '/endless': (stream) => stream.respond({ ':status': 200, 'x-first': 'yes' }),
  '/silent': () => {},
  '/hangup': (stream) => stream.session?.destroy(),
};

/** Answers by path: what a service, a policy, a codec and a dead program would do. */
function answerStream(stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>): void {
  seen.push({ path: headers[':path'], authority: headers[':authority'], marker: headers['x-meshwright-probe'] });
  stream.on('error', () => {});
  const answer = answers[String(headers[':path'])];
  if (answer !== undefined) answer(stream);
  else stream.respond({ ':status': 200, 'grpc-status': '0', 'x-meshwright-probed': 'order' }, { endStream: true });
}

let h2: number;
let h2tls: number;
let h1: number;
let tcp: number;
let deaf: number;
let closing: number;
let unused: number;

const http = (id: string, port: number, more: Partial<HttpProbe> = {}): HttpProbe => ({
  id,
  host: '127.0.0.1',
  port,
  timeoutMs: 5000,
  tls: null,
  protocol: 'http2',
  method: 'POST',
  path: '/ok',
  authority: 'order.trading.svc.cluster.local:50051',
  headers: { 'x-meshwright-probe': '1' },
  body: 'emptyMessage',
  ...more,
});

const bytes = (id: string, port: number, more: Partial<TcpProbe> = {}): TcpProbe => ({
  id,
  host: '127.0.0.1',
  port,
  timeoutMs: 5000,
  tls: null,
  protocol: 'tcp',
  bytes: '0000000804d2162f',
  ...more,
});

const resultOf = async (request: ProbeRequest) => (await runProbes(request)).get(request.id)?.result;

describe('the probe program', () => {
  beforeAll(async () => {
    const authority = await createAuthority('a root that nobody knows');
    const leaf = await authority.issue({ spiffeId: null, dnsNames: ['order.example'], lifetimeMs: 600_000 });
    h2 = await listen(createHttp2().on('stream', answerStream));
    h2tls = await listen(
      createSecureServer({ cert: leaf.certificate, key: leaf.privateKey }).on('stream', answerStream),
    );
    h1 = await listen(
      createHttp1((request, response) => {
        if (request.url === '/endless') response.writeHead(200).write('first');
        else if (request.url !== '/silent') response.writeHead(403, { 'x-path': request.url ?? '' }).end('no');
      }),
    );
    tcp = await listen(createTcp((socket) => socket.once('data', () => socket.write('N'))));
    deaf = await listen(createTcp());
    closing = await listen(createTcp((socket) => socket.once('data', () => socket.end())));
    const gone = createTcp();
    unused = await listen(gone);
    await new Promise((resolve) => gone.close(resolve));
  });

  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    for (const server of open) server.close();
  });

  test.for<{ name: string; request: () => ProbeRequest; result: object }>([
    {
      name: 'a service that answers the marker',
      request: () => http('1', h2),
      result: { kind: 'answered', http: 200, grpc: 0, headers: { 'x-meshwright-probed': 'order' }, complete: true },
    },
    {
      name: 'a refusal with a body',
      request: () => http('1', h2, { path: '/denied' }),
      result: { kind: 'answered', http: 403, grpc: null, body: 'RBAC: access denied', complete: true },
    },
    {
      name: 'a status in the trailers',
      request: () => http('1', h2, { path: '/trailers' }),
      result: { kind: 'answered', http: 200, grpc: 12, headers: { 'grpc-message': 'no such method' } },
    },
    {
      name: 'a stream that is reset',
      request: () => http('1', h2, { path: '/reset' }),
      result: { kind: 'streamReset', code: 7 },
    },
    {
      name: 'a path without its leading slash, which the server refuses',
      request: () => http('1', h2, { path: 'order.v1/Place' }),
      result: { kind: 'streamReset', code: 1 },
    },
    {
      name: 'an answer without an end: the head counts',
      request: () => http('1', h2, { path: '/endless', timeoutMs: 2000 }),
      result: { kind: 'answered', http: 200, complete: false, headers: { 'x-first': 'yes' } },
    },
    {
      name: 'no answer: the deadline ends it',
      request: () => http('1', h2, { path: '/silent', timeoutMs: 300 }),
      result: { kind: 'failed', stage: 'answer', code: 'TIMEOUT' },
    },
    {
      name: 'a connection closed in the middle',
      request: () => http('1', h2, { path: '/hangup' }),
      result: { kind: 'failed', stage: 'answer' },
    },
    {
      name: 'HTTP/2 over TLS, whoever signed it',
      request: () => http('1', h2tls, { tls: 'order.example' }),
      result: { kind: 'answered', http: 200, grpc: 0 },
    },
    {
      name: 'TLS into a port that speaks none',
      request: () => http('1', tcp, { tls: 'order.example', timeoutMs: 500 }),
      result: { kind: 'failed', stage: 'handshake' },
    },
    {
      name: 'HTTP/2 into a port that speaks HTTP/1.1',
      request: () => http('1', h1),
      result: { kind: 'failed', stage: 'answer' },
    },
    {
      name: 'HTTP/1.1',
      request: () => http('1', h1, { protocol: 'http1', method: 'GET', path: '/x?y', body: 'none' }),
      result: { kind: 'answered', http: 403, grpc: null, headers: { 'x-path': '/x?y' }, body: 'no', complete: true },
    },
    {
      name: 'HTTP/1.1 without an end: the head counts',
      request: () =>
        http('1', h1, { protocol: 'http1', method: 'GET', path: '/endless', body: 'none', timeoutMs: 2000 }),
      result: { kind: 'answered', http: 200, body: 'first', complete: false },
    },
    {
      name: 'HTTP/1.1 without an answer',
      request: () => http('1', h1, { protocol: 'http1', method: 'GET', path: '/silent', body: 'none', timeoutMs: 300 }),
      result: { kind: 'failed', stage: 'answer', code: 'TIMEOUT' },
    },
    {
      name: 'bytes that are answered',
      request: () => bytes('1', tcp),
      result: { kind: 'answered', http: null, grpc: null, body: '4e' },
    },
    {
      name: 'a connection alone',
      request: () => bytes('1', deaf, { bytes: '' }),
      result: { kind: 'answered', body: '' },
    },
    {
      name: 'bytes that nobody answers',
      request: () => bytes('1', deaf, { timeoutMs: 300 }),
      result: { kind: 'failed', stage: 'answer', code: 'TIMEOUT' },
    },
    {
      name: 'bytes that end the connection',
      request: () => bytes('1', closing),
      result: { kind: 'failed', stage: 'answer', code: 'CLOSED' },
    },
    {
      name: 'a port where nobody listens',
      request: () => bytes('1', unused),
      result: { kind: 'failed', stage: 'connect', code: 'ECONNREFUSED' },
    },
    {
      name: 'a name that does not resolve',
      request: () => http('1', h2, { host: 'nobody.invalid' }),
      result: { kind: 'failed', stage: 'resolve' },
    },
    {
      name: 'a handshake that is never answered',
      request: () => http('1', deaf, { tls: 'order.example', timeoutMs: 2000 }),
      result: { kind: 'failed', stage: 'handshake', code: 'TIMEOUT' },
    },
  ])('reports $name', async ({ request, result }) => {
    expect(await resultOf(request())).toMatchObject(result);
  });

  test('sends path, authority and headers as they stand', async () => {
    await runProbes(http('1', h2, { path: '//a/../b%2Fc', authority: 'odd:1' }));
    expect(seen.at(-1)).toEqual({ path: '//a/../b%2Fc', authority: 'odd:1', marker: '1' });
  });

  test('tells both ends of the connection', async () => {
    const outcome = (await runProbes(http('1', h2))).get('1');
    expect(outcome).toMatchObject({ localAddress: '127.0.0.1', remoteAddress: '127.0.0.1' });
    expect(outcome?.localPort).toBeGreaterThan(1023);
  });

  test('answers every request of many, slow ones beside quick ones', async () => {
    const many = Array.from({ length: 200 }, (_, index) =>
      http(String(index), h2, index % 20 === 0 ? { path: '/silent', timeoutMs: 400 } : {}),
    );
    const outcomes = await runProbes(...many);
    const silent = [...outcomes.values()].filter(({ result }) => result.kind === 'failed');
    expect([outcomes.size, silent.length]).toEqual([200, 10]);
  });

  test('ends with its input, without an end line', async () => {
    expect((await runProgram(`${JSON.stringify(http('1', h2))}\n`)).get('1')).toHaveProperty('result.http', 200);
  });

  test.for([
    ['not JSON', '{', 'the line is not JSON'],
    ['a number', '7', 'expected an object'],
    ['no host', '{"id":"1"}', 'expected `id` and `host` to be strings'],
    ['a port out of range', '{"id":"1","host":"x","port":70000}', 'expected `port` 1 to 65535'],
    ['no deadline', '{"id":"1","host":"x","port":1}', 'expected `timeoutMs` above 0'],
    ['no word on TLS', '{"id":"1","host":"x","port":1,"timeoutMs":1}', 'expected `tls` to be a server name or null'],
    [
      'bytes that are no bytes',
      '{"id":"1","host":"x","port":1,"timeoutMs":1,"tls":null,"protocol":"tcp","bytes":"f"}',
      'expected `bytes` in hex',
    ],
    [
      'a protocol of another world',
      '{"id":"1","host":"x","port":1,"timeoutMs":1,"tls":null,"protocol":"udp"}',
      'expected `protocol` http1, http2 or tcp',
    ],
  ] as const)('answers %s with its fault and goes on', async ([, line, fault]) => {
    const outcomes = await runProgram(`${line}\n${JSON.stringify(http('2', h2))}\n`);
    expect([...outcomes.values()]).toContainEqual(expect.objectContaining({ fault }));
    expect(outcomes.get('2')).toHaveProperty('result.http', 200);
  });

  test('tells its version', async () => {
    const child = spawn(process.execPath, [programFile, '--version'], { stdio: ['ignore', 'pipe', 'inherit'] });
    expect(await text(child.stdout)).toBe('meshwright-probe/1\n');
  });

  test('holds until it is told to end', async () => {
    const child = spawn(process.execPath, [programFile, '--hold'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
