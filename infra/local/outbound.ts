import { chmodSync, rmSync } from 'node:fs';
import {
  constants,
  createServer as createHttp2,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { openCallee, targetOf } from './callee-client.ts';
import { incomingHttp2 } from './exchange-http2.ts';
import type { OpenPort } from './inbound.ts';
import { type Callee, findCallee } from './registry.ts';
import { chooseRoute, routesFor } from './routing.ts';
import type { OutboundPort } from './sidecar-configuration.ts';
import { openEntry, type SidecarContext, unknownPeer } from './sidecar-context.ts';
import { joinSockets } from './tcp.ts';
import { connectMesh } from './upstream.ts';

/** Offers one host of the mesh to the application on a UNIX socket (0600): HTTP/2 in cleartext, or bytes for a TCP port. */
export async function openOutbound(context: SidecarContext, port: OutboundPort): Promise<OpenPort> {
  const callee = findCallee(context.mesh, context.workload, port.host, port.port);
  const isTcp = callee.kind === 'known' && callee.protocol === 'tcp';
  return isTcp ? openTcpOutbound(context, port, callee) : openHttpOutbound(context, port, callee);
}

async function openHttpOutbound(context: SidecarContext, port: OutboundPort, callee: Callee): Promise<OpenPort> {
  const client = openCallee(context, callee, port.port);
  const routes = routesFor(context.mesh, { kind: 'mesh' }, port.host);
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2({ maxSessionMemory: 64 });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session)).on('error', () => {});
  });
  server.on('stream', (stream: ServerHttp2Stream, headers, flags) => {
    const incoming = incomingHttp2(stream, headers, flags);
    // The application dials a socket file; in the mesh the callee has a name.
    const head = { ...incoming.head, authority: `${port.host}:${port.port}` };
    const send = async () => client.send({ ...incoming, head }, chooseRoute(routes, head, port.port));
    // A fault ends its own request: the sidecar carries the others on.
    send().catch((error: Error) => {
      process.stderr.write(`${error.stack}\n`);
      incoming.reset(constants.NGHTTP2_INTERNAL_ERROR);
    });
  });
  await listenAt(server, port.socket);
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      client.close();
      await closed;
    },
  };
}

async function openTcpOutbound(
  context: SidecarContext,
  port: OutboundPort,
  callee: Extract<Callee, { kind: 'known' }>,
): Promise<OpenPort> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => {});
    void carryTcp(context, port, { socket, callee });
  });
  await listenAt(server, port.socket);
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function carryTcp(
  context: SidecarContext,
  port: OutboundPort,
  { socket, callee }: { readonly socket: Socket; readonly callee: Extract<Callee, { kind: 'known' }> },
): Promise<void> {
  const opening = { direction: 'outbound', port: port.port, protocol: 'tcp', head: null, traceId: null } as const;
  const write = openEntry(context.log, opening);
  try {
    const {
      socket: upstream,
      peerId,
      peerSerial,
      age,
    } = await connectMesh(targetOf(context, callee), context.identity, []);
    const timer = setTimeout(() => upstream.destroy(), age.endsAfterMs);
    upstream.once('close', () => clearTimeout(timer)).on('error', () => {});
    joinSockets(socket, upstream, (because) => write({ id: peerId, serial: peerSerial, port: null }, { because }));
  } catch (error) {
    socket.destroy();
    write(unknownPeer, { layer: 'upstream', because: (error as Error).message });
  }
}

async function listenAt(server: Server | Http2Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  const opened = Promise.withResolvers<void>();
  server.once('error', opened.reject);
  server.listen(path, () => opened.resolve());
  await opened.promise;
  chmodSync(path, 0o600);
}
