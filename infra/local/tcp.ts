import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type Request, toAnswer } from '#policies/analysis/index.ts';
import { connectionAge } from './identity-source.ts';
import type { ConnectionServer } from './inbound.ts';
import type { InboundConnection } from './inbound-http.ts';
import { type AccessEnding, openEntry, type SidecarContext } from './sidecar-context.ts';

/** Carries accepted connections of a TCP port to the application; decides once, on the first bytes of the caller. */
export function openTcpHop(context: SidecarContext, application: string): ConnectionServer {
  const open = new Set<Socket>();
  return {
    accept(socket, connection) {
      const write = openEntry(context.log, {
        direction: 'inbound',
        port: connection.port,
        protocol: 'tcp',
        head: null,
        traceId: null,
      });
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      if (connection.identities !== null) limitTcpAge(context, socket as TLSSocket);
      socket.once('readable', () => {
        const refusal = decideTcp(context, connection);
        if (refusal === null)
          joinSockets(socket, dialApplication(application), (because) =>
            write(connection.peer, { verdict: 'allow', because }),
          );
        else {
          socket.destroy();
          write(connection.peer, refusal);
        }
      });
    },
    close() {
      for (const socket of open) socket.destroy();
    },
  };
}

function decideTcp(context: SidecarContext, connection: InboundConnection): AccessEnding | null {
  if (context.enforcement !== 'policies') return null;
  const { namespace, name } = context.workload;
  const { identities, port, sni } = connection;
  const request: Request = {
    id: '',
    caller: identities === null ? { kind: 'plaintext' } : { kind: 'mtls', identities },
    sourceIp: null,
    remoteIp: null,
    destination: { namespace, workload: name, port, ip: null },
    http: null,
    token: null,
    sni,
  };
  const verdict = context.decider.decide(request);
  if (verdict.allowed) return null;
  const { layer, policy, rule, because } = toAnswer(request, verdict);
  return { verdict: 'deny', layer, policy, rule, because };
}

/** An application's TCP side: a UNIX socket, or `host:port` for a server of the user's own. */
function dialApplication(application: string): Socket {
  const match = /^([^/]+):(\d+)$/.exec(application);
  return match?.[1] === undefined ? connect(application) : connect(Number(match[2]), match[1]);
}

/** Carries bytes both ways, half-close and back-pressure included; `ended` hears why when it did not end in peace. */
export function joinSockets(caller: Socket, callee: Socket, ended: (because: string | null) => void): void {
  callee.setNoDelay(true);
  callee.allowHalfOpen = true;
  // Two pipelines listen on each socket, beside those who limit its age.
  for (const socket of [caller, callee]) socket.setMaxListeners(24);
  let open = 2;
  let fault: string | null = null;
  const finished = (error: NodeJS.ErrnoException | null): void => {
    fault ??= error?.message ?? null;
    if (error !== null && error !== undefined) {
      caller.destroy();
      callee.destroy();
    }
    open -= 1;
    if (open === 0) ended(fault);
  };
  pipeline(caller, callee, (error) => finished(error ?? null));
  pipeline(callee, caller, (error) => finished(error ?? null));
}

/** A TCP connection carries one session and cannot be drained: it ends before a certificate that it was opened with. */
function limitTcpAge(context: SidecarContext, socket: TLSSocket): void {
  const peerExpiry = Date.parse(socket.getPeerCertificate().valid_to);
  const { endsAfterMs } = connectionAge([context.identity.current.expiresAt, peerExpiry], Date.now());
  const timer = setTimeout(() => socket.destroy(), endsAfterMs);
  socket.once('close', () => clearTimeout(timer));
}
