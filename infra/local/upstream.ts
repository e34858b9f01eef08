import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  connect as connectHttp2,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { type ConnectionAge, connectionAge, type IdentitySource } from './identity-source.ts';
import { uriNames } from './spiffe-id.ts';

/** A workload's port that this workload may call. */
export interface UpstreamTarget {
  /** The server name of the handshake. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** The callee must show exactly one URI name, and it must be one of these. */
  readonly identities: readonly string[];
  readonly connectTimeoutMs: number;
}

/** An authenticated connection to a callee. */
export interface MeshConnection {
  readonly socket: TLSSocket;
  readonly peerId: string;
  readonly peerSerial: string;
  readonly age: ConnectionAge;
}

/** Opens mutual TLS to a callee. Errors: rejects on any fault of the callee's certificate or identity, or a time-out. */
export async function connectMesh(
  target: UpstreamTarget,
  identity: IdentitySource,
  alpn: readonly string[],
): Promise<MeshConnection> {
  const own = identity.current;
  const socket = connectTls({
    host: target.address,
    port: target.port,
    servername: target.host,
    secureContext: own.context,
    ALPNProtocols: [...alpn],
    checkServerIdentity: (_host, certificate) => identityFault(certificate, target.identities),
  });
  socket.allowHalfOpen = true;
  socket.setNoDelay(true);
  const timeout = AbortSignal.timeout(target.connectTimeoutMs);
  try {
    await once(socket, 'secureConnect', { signal: timeout });
  } catch (cause) {
    socket.on('error', () => {}).destroy();
    const words = timeout.aborted ? `no answer within ${target.connectTimeoutMs} ms` : (cause as Error).message;
    throw new Error(`${target.host}: ${words}`, { cause });
  }
  const peer = socket.getPeerCertificate();
  return {
    socket,
    peerId: uriNames(peer.subjectaltname)[0] ?? '',
    peerSerial: peer.serialNumber,
    age: connectionAge([own.expiresAt, Date.parse(peer.valid_to)], Date.now()),
  };
}

function identityFault(certificate: PeerCertificate, expected: readonly string[]): Error | undefined {
  const names = uriNames(certificate.subjectaltname);
  const [name] = names;
  if (names.length === 1 && name !== undefined && expected.includes(name)) return undefined;
  return new Error(`callee showed \`${names.join(', ')}\`, expected \`${expected.join('` or `')}\``);
}

/** An HTTP/2 connection that takes requests. */
export interface PooledSession {
  readonly session: ClientHttp2Session;
  readonly peerId: string | null;
  readonly peerSerial: string | null;
}

type OpenSession = () => Promise<PooledSession & { readonly age: ConnectionAge | null }>;

/** Keeps one HTTP/2 connection for new requests and lets older ones end with their streams. */
export class SessionPool {
  readonly #open: OpenSession;
  #current: PooledSession | undefined;
  #opening: Promise<PooledSession> | undefined;
  readonly #sessions = new Set<ClientHttp2Session>();
  readonly #streams = new WeakMap<ClientHttp2Session, number>();

  private constructor(open: OpenSession) {
    this.#open = open;
  }

  /** A pool of mutual TLS connections. */
  static toCallee(target: UpstreamTarget, identity: IdentitySource): SessionPool {
    return new SessionPool(async () => {
      const { socket, peerId, peerSerial, age } = await connectMesh(target, identity, ['h2']);
      const session = await startSession(socket, target);
      return { session, peerId, peerSerial, age };
    });
  }

  /** A pool of cleartext connections to the application of this workload. */
  static toApplication(socketPath: string): SessionPool {
    return new SessionPool(async () => {
      const socket = connectSocket(socketPath);
      await once(socket, 'connect');
      const session = await startSession(socket, { host: socketPath, connectTimeoutMs: applicationTimeoutMs });
      return { session, peerId: null, peerSerial: null, age: null };
    });
  }

  /** A session that takes requests now. Errors: rejects when none can be opened. */
  async acquire(): Promise<PooledSession> {
    if (this.#current !== undefined && isUsable(this.#current.session)) return this.#current;
    this.#current = undefined;
    this.#opening ??= this.#replace().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Ends all connections at once. */
  close(): void {
    for (const session of this.#sessions) session.destroy();
  }

  async #replace(): Promise<PooledSession> {
    const pooled = await this.#open();
    const { session, age } = pooled;
    const timers: NodeJS.Timeout[] = [];
    this.#sessions.add(session);
    session.once('close', () => {
      this.#sessions.delete(session);
      for (const timer of timers) clearTimeout(timer);
    });
    if (age !== null) {
      timers.push(setTimeout(() => this.#retire(session), age.drainsAfterMs));
      timers.push(setTimeout(() => session.destroy(), age.endsAfterMs));
    }
    this.#current = pooled;
    return pooled;
  }

  /** Opens a request. Errors: rejects when no session can be opened. */
  async request(headers: OutgoingHttpHeaders, options: ClientSessionRequestOptions): Promise<ClientHttp2Stream> {
    const { session } = await this.acquire();
    const stream = session.request(headers, options);
    this.#streams.set(session, (this.#streams.get(session) ?? 0) + 1);
    stream.once('close', () => {
      this.#streams.set(session, (this.#streams.get(session) ?? 1) - 1);
      if (this.#current?.session !== session) this.#closeIdle(session);
    });
    return stream;
  }

  #retire(session: ClientHttp2Session): void {
    if (this.#current?.session === session) this.#current = undefined;
    this.#closeIdle(session);
  }

  // INVARIANT: GOAWAY is sent on a session without streams only: nghttp2 refuses requests that still wait to be written.
  #closeIdle(session: ClientHttp2Session): void {
    if ((this.#streams.get(session) ?? 0) === 0 && !session.closed) session.close();
  }
}

const isUsable = (session: ClientHttp2Session): boolean => !session.closed && !session.destroyed;

/** How long the application of this workload may take to say that it speaks HTTP/2. */
const applicationTimeoutMs = 5000;

// The first SETTINGS frame proves that the callee has accepted our certificate: in TLS 1.3 the handshake alone does not.
// All requests wait for one session, so that a callee that never sends it must not hold them.
async function startSession(
  socket: TLSSocket | ReturnType<typeof connectSocket>,
  { host, connectTimeoutMs }: Pick<UpstreamTarget, 'host' | 'connectTimeoutMs'>,
): Promise<ClientHttp2Session> {
  const session = connectHttp2('http://upstream', {
    createConnection: () => socket,
    maxSessionMemory: 64,
    settings: { enablePush: false },
  });
  const opened = Promise.withResolvers<void>();
  session.once('remoteSettings', () => opened.resolve());
  session.on('error', (error) => opened.reject(error));
  session.once('close', () => opened.reject(new Error('connection closed before it was ready')));
  const late = new Error(`${host}: no HTTP/2 settings within ${connectTimeoutMs} ms`);
  const timer = setTimeout(() => opened.reject(late), connectTimeoutMs);
  try {
    await opened.promise;
  } catch (error) {
    session.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return session;
}
