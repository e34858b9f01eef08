/** Opens the connection of one probe, within its deadline, and tells how far it came when it fails. */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ProbeRequest, ProbeStage } from './protocol.ts';

/** A probe's failure, with the stage that it had reached. */
export class ProbeFailure extends Error {
  readonly stage: ProbeStage;
  readonly code: string;

  constructor(stage: ProbeStage, code: string, message: string) {
    super(message);
    this.stage = stage;
    this.code = code;
  }

  /** The failure behind whatever was thrown while at `stage`. */
  static from(error: unknown, stage: ProbeStage): ProbeFailure {
    if (error instanceof ProbeFailure) return error;
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    return new ProbeFailure(syscall === 'getaddrinfo' ? 'resolve' : stage, code ?? 'ERROR', message);
  }
}

/** Rejects with a failure at `stage` as soon as the deadline is over; its timer never keeps the program alive. */
export function expiry(signal: AbortSignal, stage: () => ProbeStage): Promise<never> {
  return new Promise((_resolve, reject) => {
    const expire = () => reject(new ProbeFailure(stage(), 'TIMEOUT', `nothing came before the deadline`));
    if (signal.aborted) expire();
    else signal.addEventListener('abort', expire, { once: true });
  });
}

/**
 * Connects, and shakes hands where the request asks for TLS.
 * Errors: `ProbeFailure` of stage `resolve`, `connect` or `handshake`; `onSocket` has seen the socket by then.
 */
export function dial(request: ProbeRequest, signal: AbortSignal, onSocket: (socket: Socket) => void): Promise<Socket> {
  let stage: ProbeStage = 'connect';
  const { host, port } = request;
  const connected = new Promise<Socket>((resolve, reject) => {
    const ALPNProtocols = request.protocol === 'http2' ? ['h2'] : request.protocol === 'http1' ? ['http/1.1'] : [];
    const socket =
      request.tls === null
        ? connectPlain({ host, port })
        : connectTls({ host, port, servername: request.tls, rejectUnauthorized: false, ALPNProtocols });
    onSocket(socket);
    // A later error belongs to whoever reads the answer; without any listener it would end the program.
    socket.on('error', (error) => reject(ProbeFailure.from(error, stage)));
    socket.once('close', () => reject(new ProbeFailure(stage, 'CLOSED', 'the connection was closed')));
    socket.once('connect', () => {
      stage = 'handshake';
      if (request.tls === null) resolve(socket);
    });
    socket.once('secureConnect', () => resolve(socket));
  });
  return Promise.race([connected, expiry(signal, () => stage)]);
}
