import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ClientCertificate } from './credentials.ts';
import type { RequestJson } from './request-json.ts';
import { detailsHeader, policyHeader } from './served-listener.ts';

/** A connection as both ends know it: both addresses, and when it was made, since a port may be used again. */
export interface ConnectionName {
  readonly addresses: string;
  readonly connectedAtMs: number;
}

/** What a client sees of one request; `connection` is there to look its end up. */
export type Seen =
  | { readonly kind: 'answered'; readonly status: number; readonly details: string; readonly policy: string }
  | { readonly kind: 'echoed' }
  | { readonly kind: 'closed'; readonly connection: ConnectionName; readonly handshake: 'done' | 'failed' }
  | { readonly kind: 'silent' }
  /** Not sent, since it could but have the answer of another one. */
  | { readonly kind: 'unsent' };

/** How a request goes out. */
export interface Sending {
  readonly request: RequestJson;
  readonly form: 'http' | 'raw';
  readonly certificate: ClientCertificate | null;
  readonly token: string | null;
}

const patienceMs = 120_000;
// No method starts with a zero byte: to an HTTP codec these are foreign bytes.
const rawBytes = Buffer.from([0, 1, 2, 3, 10]);

function open({ request, form, certificate }: Sending): Socket {
  const { ip: host, port } = request.destination;
  const at = { host, port, localAddress: request.source.ip };
  if (certificate === null) return connectTcp(at);
  return connectTls({
    ...at,
    secureContext: certificate.context,
    // What the server shows is not under test; its key is made by this very run.
    rejectUnauthorized: false,
    servername: request.sni,
    ALPNProtocols: form === 'http' ? ['istio-h2', 'istio', 'h2'] : ['istio'],
  });
}

/** Envoy accepts every connection before it decides about it: one that is not even made says nothing of a policy. */
function unconnected({ destination }: RequestJson, error: unknown): Error {
  return new Error(`no connection to ${destination.ip} port ${destination.port}: ${String(error)}`, { cause: error });
}

const readyEvent = ({ certificate }: Sending) => (certificate === null ? 'connect' : 'secureConnect');

/** The name of a connection that has just been made, with its addresses as Envoy's access log writes them. */
function nameOf(socket: Socket, { destination, source }: RequestJson): ConnectionName {
  const bracketed = (ip: string) => (ip.includes(':') ? `[${ip}]` : ip);
  const addresses = `${bracketed(source.ip)}:${socket.localPort} ${bracketed(destination.ip)}:${destination.port}`;
  return { addresses, connectedAtMs: Date.now() };
}

/** One HTTP/2 connection of one caller to one port, which carries many requests at once. */
export class HttpConnection {
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  #name: ConnectionName | null = null;
  #handshake: 'done' | 'failed' = 'failed';
  #error: unknown = null;

  constructor(first: Sending) {
    const socket = open(first);
    this.#socket = socket;
    socket.once('connect', () => {
      this.#name = nameOf(socket, first.request);
    });
    socket.once('error', (error) => {
      this.#error = error;
    });
    socket.once(readyEvent(first), () => {
      this.#handshake = 'done';
    });
    this.#session = connectHttp2('http://callee', { createConnection: () => socket });
    // Every request hears of the end itself.
    this.#session.on('error', () => undefined);
  }

  send({ request, token }: Sending): Promise<Seen> {
    const closed = () => {
      if (this.#name === null) throw unconnected(request, this.#error);
      return { kind: 'closed', connection: this.#name, handshake: this.#handshake } as const;
    };
    if (this.#session.closed || this.#session.destroyed) return Promise.resolve().then(closed);
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => resolve({ kind: 'silent' }), patienceMs);
      const end = (seen: () => Seen) => {
        clearTimeout(patience);
        Promise.resolve().then(seen).then(resolve, reject);
      };
      const stream = this.#session.request(headersOf(request, token), { endStream: true });
      stream.once('response', (headers) => {
        const text = (name: string) => String(headers[name] ?? '');
        const [details, policy] = [text(detailsHeader), text(policyHeader)];
        end(() => ({ kind: 'answered', status: Number(headers[':status']), details, policy }));
        stream.resume();
      });
      stream.once('error', () => end(closed));
      stream.once('close', () => end(closed));
    });
  }

  close(): void {
    this.#session.destroy();
    // a session that the other end closed leaves its socket, and with it a descriptor
    this.#socket.destroy();
  }
}

function headersOf({ http, source }: RequestJson, token: string | null): OutgoingHttpHeaders {
  if (http === null) throw new Error('a request without HTTP goes out raw');
  const headers = Object.entries(http.headers).map(([name, values]) => [name, [...values]] as const);
  return {
    ':method': http.method,
    ':path': http.path,
    ':authority': http.host,
    ':scheme': 'http',
    ...Object.fromEntries(headers),
    ...(source.remoteIp === undefined ? {} : { 'x-forwarded-for': source.remoteIp }),
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
}

/** Sends a few bytes on a connection of their own: an echo allows, an HTTP error or a close denies. */
export function sendRaw(sending: Sending): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const socket = open(sending);
    let name: ConnectionName | null = null;
    let handshake: 'done' | 'failed' = 'failed';
    const closed = (error?: unknown) => {
      if (name !== null) {
        end({ kind: 'closed', connection: name, handshake });
        return;
      }
      clearTimeout(patience);
      reject(unconnected(sending.request, error));
    };
    const end = (seen: Seen) => {
      clearTimeout(patience);
      socket.destroy();
      resolve(seen);
    };
    const patience = setTimeout(() => end({ kind: 'silent' }), patienceMs);
    socket.once('connect', () => {
      name = nameOf(socket, sending.request);
    });
    socket.once(readyEvent(sending), () => {
      handshake = 'done';
      socket.write(rawBytes);
    });
    socket.once('data', (bytes) =>
      end(
        rawBytes.equals(Buffer.from(bytes))
          ? { kind: 'echoed' }
          : { kind: 'answered', status: 400, details: 'codec', policy: '-' },
      ),
    );
    socket.once('error', closed);
    socket.once('close', () => closed());
  });
}
