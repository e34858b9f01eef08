/** The external authorizers that CUSTOM policies ask: one over gRPC, one over HTTP, which answer as the request tells. */
import { createServer, type Socket, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';
import type { EnvoyJson } from './listener-source.ts';
import type { RequestJson } from './request-json.ts';

/** The header that tells a provider what to answer to an HTTP request. */
const answerHeader = 'x-provider-answer';
const denial = 'deny';
/** Callers of this address are denied on TCP chains, where a provider sees no header. */
const deniedAddress = '127.2.0.1';

/** The Service that providers are declared by; istiod calls its ports' clusters by this name. */
const service = 'x.a.svc.cluster.local';
const ports = { grpc: 9000, http: 80 } as const;

/** Two providers as mesh settings declare them. */
export const extensionProviders = [
  { name: 'grpc', envoyExtAuthzGrpc: { service, port: ports.grpc } },
  { name: 'http', envoyExtAuthzHttp: { service, port: ports.http, includeRequestHeadersInCheck: [answerHeader] } },
] as const;

/** The header values of a request that its provider denies, or allows. */
export const providerHeaders = (answer: 'allow' | 'deny'): Readonly<Record<string, readonly string[]>> => ({
  [answerHeader]: [answer],
});

/** What a provider answers to a request, if a CUSTOM rule asks it. */
export function providerAllows({ source, http }: RequestJson, chain: 'http' | 'tcp'): boolean {
  if (chain === 'tcp') return source.ip !== deniedAddress;
  return http?.headers[answerHeader]?.includes(denial) !== true;
}

const ok = Buffer.alloc(0);
// CheckResponse { status: 1 { code: 1 = 7, PERMISSION_DENIED } }.
const permissionDenied = Buffer.from([0x0a, 0x02, 0x08, 0x07]);

const raw = { serialize: (bytes: Buffer) => bytes, deserialize: (bytes: Buffer) => bytes };
const check = {
  path: '/envoy.service.auth.v3.Authorization/Check',
  requestStream: false,
  responseStream: false,
  requestSerialize: raw.serialize,
  requestDeserialize: raw.deserialize,
  responseSerialize: raw.serialize,
  responseDeserialize: raw.deserialize,
} as const;

/** Reads the CheckRequest for nothing but the two words that decide: its texts stand in it as they are. */
const answerCheck: handleUnaryCall<Buffer, Buffer> = ({ request }, callback) => {
  const isHttp = request.includes(':path');
  const denies = isHttp ? request.includes(`${answerHeader}\x12\x04${denial}`) : request.includes(deniedAddress);
  callback(null, denies ? permissionDenied : ok);
};

/** Answers each request head on a connection; by hand, since Node's own server refuses methods that it does not know. */
function answerHeads(socket: Socket): void {
  let head = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    head += bytes.toString('latin1');
    if (!head.includes('\r\n\r\n')) return;
    const denies = head.includes(`\r\n${answerHeader}: ${denial}\r\n`);
    socket.write(`HTTP/1.1 ${denies ? '403 Forbidden' : '200 OK'}\r\ncontent-length: 0\r\n\r\n`);
    head = '';
  });
}

/** Running providers, and the clusters by which Envoy reaches them. */
export class Providers {
  readonly #grpc: Server;
  readonly #http: TcpServer;
  readonly clusters: readonly EnvoyJson[];

  private constructor(grpc: Server, http: TcpServer, clusters: readonly EnvoyJson[]) {
    this.#grpc = grpc;
    this.#http = http;
    this.clusters = clusters;
  }

  /** Starts both on UNIX sockets below `folder`. */
  static async start(folder: string): Promise<Providers> {
    const [grpcPath, httpPath] = [join(folder, 'provider-grpc.sock'), join(folder, 'provider-http.sock')];
    const grpc = new Server();
    grpc.addService({ check }, { check: answerCheck });
    await new Promise<void>((resolve, reject) =>
      grpc.bindAsync(`unix:${grpcPath}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      ),
    );
    const http = createServer(answerHeads);
    await new Promise<void>((resolve) => http.listen(httpPath, resolve));
    const clusters = [clusterOf(ports.grpc, grpcPath, http2), clusterOf(ports.http, httpPath, {})];
    return new Providers(grpc, http, clusters);
  }

  stop(): void {
    this.#grpc.forceShutdown();
    this.#http.close();
  }
}

const http2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

function clusterOf(port: number, path: string, more: EnvoyJson): EnvoyJson {
  const name = `outbound|${port}||${service}`;
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }];
  return { name, type: 'STATIC', load_assignment: { cluster_name: name, endpoints }, ...more };
}
