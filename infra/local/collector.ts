import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { type OtlpObject, readTraceRequest } from './otlp-protobuf.ts';
import { openSpanStore, type SpanStore, spansOf } from './span-store.ts';

/** Where the collector listens and what it keeps. */
export interface CollectorOptions {
  /** The file that holds the spans of this run. */
  readonly file: string;
  /** UNIX sockets: OTLP/HTTP for the sidecars and behind jaeger's port 4318, OTLP/gRPC behind its port 4317. */
  readonly httpSocket: string;
  readonly grpcSocket: string;
  /** Base URL of another collector that gets everything as well. @default - none */
  readonly forwardTo?: string;
}

/** The running collector of the local mesh: what Jaeger is in a cluster. */
export interface Collector {
  /** Base URL for applications, OTLP/HTTP on loopback. Shape: `http://127.0.0.1:41234`. */
  readonly endpoint: string;
  readonly store: SpanStore;
  close(): Promise<void>;
}

const exportPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const bodyLimit = 16 * 1024 * 1024;
const forwardsAtOnce = 4;
const probeHeader = 'x-meshwright-probe';

/** Starts the collector. A collector that is forwarded to and down costs nothing but its copy. */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const store = openSpanStore(options.file);
  let forwards = 0;
  const take = (body: Buffer, json: boolean): void => {
    store.add(spansOf(json ? (JSON.parse(body.toString('utf8')) as OtlpObject) : readTraceRequest(body)));
    if (options.forwardTo === undefined || forwards >= forwardsAtOnce) return;
    forwards += 1;
    void forward(options.forwardTo, body, json).finally(() => {
      forwards -= 1;
    });
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => void serveHttp(request, response, take);
  const loopback = createServer(answer);
  const behindSocket = createServer(answer);
  const grpc = createHttp2();
  grpc.on('stream', (stream: ServerHttp2Stream, headers) => void serveGrpc(stream, headers, take));
  for (const path of [options.httpSocket, options.grpcSocket]) rmSync(path, { force: true });
  await Promise.all([
    listening(loopback, { host: '127.0.0.1', port: 0 }),
    listening(behindSocket, { path: options.httpSocket }),
    listening(grpc, { path: options.grpcSocket }),
  ]);
  return {
    endpoint: `http://127.0.0.1:${(loopback.address() as AddressInfo).port}`,
    store,
    async close() {
      loopback.closeAllConnections();
      behindSocket.closeAllConnections();
      await Promise.all([loopback, behindSocket, grpc].map((server) => closed(server)));
      store.close();
    },
  };
}

function listening(server: Server | Http2Server, at: { path: string } | { host: string; port: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(at, () => resolve());
  return promise;
}

function closed(server: Server | Http2Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // An idle HTTP/2 session of a sidecar would hold the server open.
    setTimeout(resolve, 200).unref();
  });
}

type Take = (body: Buffer, json: boolean) => void;

async function serveHttp(request: IncomingMessage, response: ServerResponse, take: Take): Promise<void> {
  const end = (status: number, fields: Record<string, string> = {}, text = ''): void => {
    response.writeHead(status, fields).end(text);
  };
  if (request.url === '/healthz') return end(200);
  if (request.url !== '/v1/traces' || request.method !== 'POST') return end(404);
  if (request.headers[probeHeader] !== undefined) return end(204, { 'x-meshwright-probed': 'jaeger' });
  try {
    const body = await readBody(request);
    const plain =
      request.headers['content-encoding'] === 'gzip' ? gunzipSync(body, { maxOutputLength: bodyLimit }) : body;
    take(plain, (request.headers['content-type'] ?? '').startsWith('application/json'));
    end(200, { 'content-type': 'application/json' }, '{}');
  } catch (error) {
    end(400, { 'content-type': 'text/plain' }, (error as Error).message);
  }
}

async function readBody(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > bodyLimit) throw new RangeError(`body of more than ${bodyLimit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function serveGrpc(
  stream: ServerHttp2Stream,
  headers: { readonly ':path'?: string | undefined; readonly [name: string]: unknown },
  take: Take,
): Promise<void> {
  stream.on('error', () => {});
  const end = (status: number, more: Record<string, string> = {}): void => {
    const fields = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(status), ...more };
    if (!stream.destroyed) stream.respond(fields, { endStream: true });
  };
  try {
    const framed = await readBody(stream as AsyncIterable<Buffer>);
    if (headers[':path'] !== exportPath) return end(12);
    if (headers[probeHeader] !== undefined) return end(0, { 'x-meshwright-probed': 'jaeger' });
    take(framed.subarray(5), false);
    if (stream.destroyed) return;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.alloc(5));
  } catch {
    end(3);
  }
}

async function forward(base: string, body: Buffer, json: boolean): Promise<void> {
  try {
    const headers = { 'content-type': json ? 'application/json' : 'application/x-protobuf' };
    const url = `${base.replace(/\/$/, '')}/v1/traces`;
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body: new Uint8Array(body),
      signal: AbortSignal.timeout(5000),
    });
    await answer.body?.cancel();
  } catch {
    // Jaeger being down must not touch the mesh.
  }
}
