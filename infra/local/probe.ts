/**
 * Probes: one call each on a connection of its own, with any certificate, token or none, made on raw HTTP/2 so that
 * nothing between the probe and the mesh repairs it. The layer that refused is read from the callee's access log.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { connect as connectHttp2, constants, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { AccessEntry } from './access-log.ts';

/** As whom a probe connects. Shape: PEM texts; `edge` is a client outside the mesh that knows only the server's root. */
export type ProbeIdentity =
  | { readonly kind: 'svid'; readonly certificate: string; readonly privateKey: string; readonly bundle: string }
  | { readonly kind: 'edge'; readonly bundle: string }
  | { readonly kind: 'plaintext' };

/** Where a probe goes. */
export interface ProbeTarget {
  readonly address: string;
  /** Container port. */
  readonly port: number;
  /** Server name of the handshake and authority of the request. */
  readonly host: string;
  /** The callee's access log, from which the refusing layer is read; null leaves `layer` unknown. */
  readonly accessLog: string | null;
}

/** One HTTP or gRPC call. */
export interface ProbeCall {
  readonly target: ProbeTarget;
  readonly identity: ProbeIdentity;
  readonly method: string;
  readonly path: string;
  /** `grpc` sends the content type and an empty message. */
  readonly protocol: 'grpc' | 'http';
  /** A user's token, sent as bearer. */
  readonly token?: string;
  /** @default - the marker that the service's runtime answers without side effects */
  readonly headers?: Readonly<Record<string, string>>;
  /** @default 5000 */
  readonly timeoutMs?: number;
}

/** What came of a probe. */
export interface ProbeAnswer {
  /** `answered` by the sidecar or the service, `reset` the stream alone, `refused` no connection. */
  readonly kind: 'answered' | 'reset' | 'refused';
  readonly http: number | null;
  /** The gRPC status; 14 where nothing answered, as a gRPC client reports it. */
  readonly grpc: number;
  /** Name of the service whose own code answered, null when none did. */
  readonly probed: string | null;
  /** The layer that refused, as the callee's access log says: `authorization-policy`, …; `none` when allowed. */
  readonly layer: string;
  readonly policy: string | null;
  readonly because: string;
}

const marker = { 'x-meshwright-probe': '1' };
const emptyMessage = Buffer.alloc(5);

/** Makes one call and tells what came of it. */
export async function probe(call: ProbeCall): Promise<ProbeAnswer> {
  const requestId = randomUUID();
  const outcome = await send(call, requestId);
  const entry = await findEntry(call.target.accessLog, { requestId, localPort: outcome.localPort, kind: outcome.kind });
  return {
    kind: outcome.kind,
    http: outcome.http,
    grpc: outcome.grpc,
    probed: outcome.probed,
    layer: entry?.verdict === 'deny' ? entry.layer : silentLayers[outcome.kind],
    policy: entry?.policy ?? null,
    because: entry?.because ?? outcome.because,
  };
}

// What refused where the log is silent: a reset stream never got past the HTTP/2 codec.
const silentLayers = { answered: 'none', reset: 'codec', refused: 'transport' } as const;

interface Outcome extends Omit<ProbeAnswer, 'layer' | 'policy'> {
  readonly localPort: number;
}

async function send(call: ProbeCall, requestId: string): Promise<Outcome> {
  const signal = AbortSignal.timeout(call.timeoutMs ?? 5000);
  let socket: Socket | undefined;
  const silent = (error: unknown, localPort: number): Outcome => ({
    kind: 'refused',
    http: null,
    grpc: 14,
    probed: null,
    because: (error as Error).message,
    localPort,
  });
  try {
    socket = await dial(call, signal);
  } catch (error) {
    return silent(error, (error as { readonly localPort?: number }).localPort ?? 0);
  }
  const localPort = socket.localPort ?? 0;
  try {
    return { ...(await request(call, { requestId, socket, signal })), localPort };
  } catch (error) {
    return silent(error, localPort);
  } finally {
    socket.destroy();
  }
}

async function dial({ target, identity }: ProbeCall, signal: AbortSignal): Promise<Socket> {
  const { address: host, port } = target;
  if (identity.kind === 'plaintext') {
    const socket = connectPlain({ host, port });
    await once(socket, 'connect', { signal });
    return socket;
  }
  const own = identity.kind === 'svid' ? { cert: identity.certificate, key: identity.privateKey } : {};
  const named = identity.kind === 'svid' ? { checkServerIdentity: () => undefined } : {};
  const common = { servername: target.host, ca: identity.bundle, ALPNProtocols: ['h2'] };
  const socket = connectTls({ host, port, ...common, ...own, ...named });
  let localPort = 0;
  socket.once('connect', () => {
    localPort = socket.localPort ?? 0;
  });
  try {
    await once(socket, 'secureConnect', { signal });
    return socket;
  } catch (error) {
    socket.on('error', () => {}).destroy();
    throw Object.assign(new Error((error as Error).message, { cause: error }), { localPort });
  }
}

interface Line {
  readonly requestId: string;
  readonly socket: Socket;
  readonly signal: AbortSignal;
}

async function request(call: ProbeCall, line: Line): Promise<Omit<Outcome, 'localPort'>> {
  const session = connectHttp2(`https://${call.target.host}`, { createConnection: () => line.socket });
  const failed = new Promise<never>((_resolve, reject) => {
    session.once('error', reject);
    session.once('close', () => reject(new Error('connection closed without an answer')));
  });
  failed.catch(() => {});
  const grpc = call.protocol === 'grpc';
  const stream = session.request(
    {
      ':method': call.method,
      ':path': call.path,
      ':authority': `${call.target.host}:${call.target.port}`,
      ':scheme': 'https',
      'x-request-id': line.requestId,
      ...(grpc ? { 'content-type': 'application/grpc', te: 'trailers' } : {}),
      ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
      ...(call.headers ?? marker),
    },
    { signal: line.signal },
  );
  const fields: IncomingHttpHeaders = {};
  stream.on('response', (headers) => Object.assign(fields, headers));
  stream.on('trailers', (trailers) => Object.assign(fields, trailers));
  stream.on('error', () => {});
  stream.resume().end(grpc ? emptyMessage : undefined);
  await Promise.race([new Promise<void>((resolve) => stream.once('close', () => resolve())), failed]);
  const connectionEnded = session.destroyed;
  session.destroy();
  const http = (fields as Record<string, unknown>)[':status'];
  if (typeof http !== 'number') {
    if (connectionEnded || stream.rstCode === constants.NGHTTP2_NO_ERROR)
      throw new Error('connection closed without an answer');
    return { kind: 'reset', http: null, grpc: 14, probed: null, because: `stream reset with code ${stream.rstCode}` };
  }
  const status = fields['grpc-status'];
  return {
    kind: 'answered',
    http,
    grpc: typeof status === 'string' ? Number(status) : grpcOf(http),
    probed: (fields['x-meshwright-probed'] as string | undefined) ?? null,
    because: String(fields['grpc-message'] ?? ''),
  };
}

/** The gRPC status that a client makes of an HTTP status without one. Source: semantics.md 14. */
function grpcOf(http: number): number {
  const known: Readonly<Record<number, number>> = { 200: 0, 204: 0, 400: 13, 401: 16, 403: 7, 404: 12 };
  return known[http] ?? ([429, 502, 503, 504].includes(http) ? 14 : 2);
}

/** Connects to a TCP port and waits for the first byte of an answer to `bytes`. */
export async function probeTcp(
  call: Omit<ProbeCall, 'method' | 'path' | 'protocol'>,
  bytes: Buffer,
): Promise<ProbeAnswer> {
  const signal = AbortSignal.timeout(call.timeoutMs ?? 5000);
  let localPort = 0;
  let because = '';
  let answered = false;
  try {
    const socket = await dial({ ...call, method: '', path: '', protocol: 'http' }, signal);
    localPort = socket.localPort ?? 0;
    socket.write(bytes);
    const closed = once(socket, 'close', { signal }).then(() => false);
    answered = await Promise.race([once(socket, 'data', { signal }).then(() => true), closed]);
    socket.destroy();
  } catch (error) {
    localPort ||= (error as { readonly localPort?: number }).localPort ?? 0;
    because = (error as Error).message;
  }
  const entry = await findEntry(call.target.accessLog, { requestId: null, localPort, kind: 'refused' });
  const refusedBy = entry?.verdict === 'deny' ? entry.layer : 'transport';
  return {
    kind: answered ? 'answered' : 'refused',
    http: null,
    grpc: answered ? 0 : 14,
    probed: null,
    layer: answered ? 'none' : refusedBy,
    policy: entry?.policy ?? null,
    because: entry?.because ?? because,
  };
}

const pollMs = 10;
/** How long an entry may take to reach the file; of a stream that the codec refused there is none. */
const logWaitMs = { answered: 1000, refused: 1000, reset: 50 } as const;
/** The end of a log in which a fresh entry must be. */
const tailBytes = 262_144;

interface Search {
  readonly requestId: string | null;
  readonly localPort: number;
  readonly kind: ProbeAnswer['kind'];
}

async function findEntry(file: string | null, search: Search): Promise<AccessEntry | undefined> {
  if (file === null) return undefined;
  for (const until = performance.now() + logWaitMs[search.kind]; performance.now() < until; ) {
    const line = (await readTail(file)).split('\n').findLast((candidate) => isOf(candidate, search));
    if (line !== undefined) return JSON.parse(line) as AccessEntry;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return undefined;
}

async function readTail(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(tailBytes),
      position: Math.max(0, size - tailBytes),
    });
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function isOf(line: string, { requestId, localPort }: Search): boolean {
  if (!line.endsWith('}') || !line.includes('"direction":"inbound"')) return false;
  if (requestId !== null && line.includes(`"requestId":"${requestId}"`)) return true;
  return line.includes('"requestId":null') && line.includes(`"peerPort":${localPort},`);
}
