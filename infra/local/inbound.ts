import { createServer as createHttp1 } from 'node:http';
import { constants, performServerHandshake, type ServerHttp2Session } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { resolveListener } from '#policies/analysis/listener.ts';
import type { HeaderFields } from './exchange.ts';
import { incomingHttp1 } from './exchange-http1.ts';
import { incomingHttp2 } from './exchange-http2.ts';
import { connectionAge } from './identity-source.ts';
import { type InboundConnection, type NextHop, serveRequest } from './inbound-http.ts';
import { type AcceptConnection, plaintextConnection, refusePlaintext, terminateMesh } from './inbound-tls.ts';
import { openApplicationHop } from './next-hop.ts';
import { protocolOfPort } from './registry.ts';
import type { SidecarContext } from './sidecar-context.ts';
import { StartError } from './start-error.ts';
import { openTcpHop } from './tcp.ts';

/** A listener that can be closed: at once, with the connections on it. */
export interface OpenPort {
  close(): Promise<void>;
}

/** What takes the connections of a port once their transport is accepted. */
export interface ConnectionServer {
  readonly accept: AcceptConnection;
  close(): void;
}

const maxStreams = 1024;
const tlsRecord = 22;
/** How long a new connection may say nothing. */
const silenceMs = 10_000;
/** How long the head of an HTTP/1.1 request may take: it is a packet or a few, and an unfinished one holds memory. */
const headMs = 3000;

/** Listens on a container port of the workload for mesh traffic. Errors: StartError for a busy port. */
export async function openInbound(context: SidecarContext, port: number, application: string): Promise<OpenPort> {
  const protocol = protocolOfPort(context.mesh, context.workload, port);
  const server =
    protocol === 'tcp'
      ? openTcpHop(context, application)
      : serveHttp(context, openApplicationHop(application, protocol === 'http' ? 'http1' : 'http2'));
  const mode = transportMode(context, port);
  const tls = terminateMesh(context, port, server.accept);
  const listener = await listenOn(context, port, (socket) => {
    sniff(socket, (isTls) => {
      if (isTls && mode !== 'DISABLE') tls.accept(socket);
      else if (mode === 'STRICT') refusePlaintext(context, port, socket);
      else server.accept(socket, plaintextConnection(socket, port));
    });
  });
  return {
    async close() {
      server.close();
      tls.close();
      await listener.close();
    },
  };
}

function transportMode(context: SidecarContext, port: number): 'STRICT' | 'PERMISSIVE' | 'DISABLE' {
  if (context.enforcement === 'nothing') return 'PERMISSIVE';
  const listener = resolveListener(context.mesh, context.workload, port);
  return listener.kind === 'sidecar' ? listener.mode : 'STRICT';
}

// 22 opens a TLS record; plaintext HTTP and PostgreSQL begin otherwise. The byte is put back.
function sniff(socket: Socket, decided: (isTls: boolean) => void): void {
  socket.setTimeout(silenceMs, () => socket.destroy());
  socket.once('readable', () => {
    socket.setTimeout(0);
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return void socket.destroy();
    socket.unshift(chunk);
    decided(chunk[0] === tlsRecord);
  });
}

/** Binds a port at the mesh's address and keeps track of its connections. Errors: StartError for a busy port. */
export async function listenOn(
  context: SidecarContext,
  port: number,
  accept: (socket: Socket) => void,
): Promise<OpenPort> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => {});
    accept(socket);
  });
  const opened = Promise.withResolvers<void>();
  server.once('listening', () => opened.resolve());
  server.once('error', (cause) => opened.reject(busyPort(context, port, cause)));
  server.listen(port, context.configuration.address);
  await opened.promise;
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function busyPort(context: SidecarContext, port: number, cause: NodeJS.ErrnoException): Error {
  if (cause.code !== 'EADDRINUSE') return cause;
  return new StartError(
    `port ${port} on ${context.configuration.address} is busy: \`${context.workload.name}\` cannot listen`,
    'stop the program that uses it, or choose another address with `--address 127.0.0.2`',
    { cause },
  );
}

/** Where requests go once they are admitted. */
export interface HttpHop {
  readonly next: NextHop;
  /** Sees the headers of every request first, with the caller's address. @default - nothing */
  readonly arriving?: (headers: HeaderFields, address: string) => void;
  close(): void;
}

/** Speaks HTTP/2 and HTTP/1.1 on accepted connections and admits every request before it is passed on. */
export function serveHttp(context: SidecarContext, hop: HttpHop): ConnectionServer {
  const sessions = new Set<ServerHttp2Session>();
  const connections = new WeakMap<Socket, InboundConnection>();
  const serve = (connection: InboundConnection, incoming: Parameters<NextHop>[0]): void => {
    hop.arriving?.(incoming.head.headers, connection.address);
    // A fault of the sidecar itself refuses the request: nothing passes undecided.
    serveRequest(context, connection, incoming, hop.next).catch((error: Error) => {
      process.stderr.write(`${error.stack}\n`);
      incoming.reset(constants.NGHTTP2_INTERNAL_ERROR);
    });
  };
  // A long upload is the business of the route's time-out, not of a limit for all requests.
  const terms = { headersTimeout: headMs, requestTimeout: 0, connectionsCheckingInterval: 500 };
  const http1 = createHttp1(terms, (request, response) => {
    const connection = connections.get(request.socket) ?? plaintextConnection(request.socket, 0);
    serve(connection, incomingHttp1(request, response));
  });
  // The server takes connections from others and never listens; Node checks the times of requests from this event on.
  http1.emit('listening');
  return {
    accept(socket, connection) {
      if (!speaksHttp2(socket)) {
        connections.set(socket, connection);
        if (connection.identities !== null) endInTime(context, socket as TLSSocket);
        http1.emit('connection', socket);
        return;
      }
      const session = startSession(socket);
      sessions.add(session);
      session.once('close', () => sessions.delete(session));
      session.on('stream', (stream, headers, flags) => serve(connection, incomingHttp2(stream, headers, flags)));
      if (connection.identities !== null) limitAge(context, session, socket as TLSSocket);
    },
    close() {
      http1.close();
      for (const session of sessions) session.destroy();
      hop.close();
    },
  };
}

// Over TLS the two sides have agreed by ALPN; in plaintext the HTTP/2 preface begins with `PRI`.
function speaksHttp2(socket: Socket): boolean {
  const alpn = (socket as Partial<TLSSocket>).alpnProtocol;
  if (alpn !== undefined) return alpn === 'h2';
  const chunk: Buffer | null = socket.read();
  if (chunk === null) return false;
  socket.unshift(chunk);
  return chunk.subarray(0, 3).toString('latin1') === 'PRI';
}

function startSession(socket: Socket): ServerHttp2Session {
  const session = performServerHandshake(socket, {
    maxSessionMemory: 64,
    settings: { maxConcurrentStreams: maxStreams },
  });
  session.on('error', () => {});
  return session;
}

/** Ends an HTTP/1.1 connection, which cannot be drained, before a certificate that it was opened with does. */
function endInTime(context: SidecarContext, socket: TLSSocket): void {
  const peerExpiry = Date.parse(socket.getPeerCertificate().valid_to);
  const { endsAfterMs } = connectionAge([context.identity.current.expiresAt, peerExpiry], Date.now());
  const timer = setTimeout(() => socket.destroy(), endsAfterMs);
  socket.once('close', () => clearTimeout(timer));
}

/**
 * Ends a connection before a certificate that it was opened with does. First the caller is told to open another one
 * (GOAWAY that still accepts what is under way), later what is left is cut off, streams included.
 */
function limitAge(context: SidecarContext, session: ServerHttp2Session, socket: TLSSocket): void {
  const peerExpiry = Date.parse(socket.getPeerCertificate().valid_to);
  const age = connectionAge([context.identity.current.expiresAt, peerExpiry], Date.now());
  const timers = [
    setTimeout(() => session.goaway(0, 2 ** 31 - 1), age.isAskedAfterMs),
    setTimeout(() => session.destroy(), age.endsAfterMs),
  ];
  session.once('close', () => {
    for (const timer of timers) clearTimeout(timer);
  });
}
