/** The three ways to ask: HTTP/2, HTTP/1.1 and bare bytes. Each makes one exchange on a connection of its own. */
import { request as requestHttp1 } from 'node:http';
import { connect as connectHttp2, constants, type IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { expiry, ProbeFailure } from './dial.ts';
import type { HttpProbe, ProbeResult, TcpProbe } from './protocol.ts';

/** A message without fields: not compressed, length zero. */
const emptyMessage = Buffer.alloc(5);
/** What is kept of an answer's body. */
const bodyBytes = 256;

/** What has come of an answer so far. */
class Answer {
  readonly #headers = new Map<string, string>();
  #body = Buffer.alloc(0);
  #http: number | null = null;

  add(headers: IncomingHttpHeaders | NodeJS.Dict<string | string[]>): void {
    for (const [name, value] of Object.entries(headers)) {
      if (name === ':status') this.#http = Number(value);
      else if (value !== undefined) this.#headers.set(name, Array.isArray(value) ? value.join(', ') : String(value));
    }
  }

  set http(status: number) {
    this.#http = status;
  }

  append(chunk: Buffer): void {
    if (this.#body.length < bodyBytes) this.#body = Buffer.concat([this.#body, chunk]).subarray(0, bodyBytes);
  }

  get begun(): boolean {
    return this.#http !== null;
  }

  /** The answer; text bodies only, since those of messages say nothing to a reader. */
  result(end: 'complete' | 'cut'): ProbeResult {
    const grpc = this.#headers.get('grpc-status');
    const isMessage = this.#headers.get('content-type')?.startsWith('application/grpc') === true;
    return {
      kind: 'answered',
      http: this.#http,
      grpc: grpc === undefined ? null : Number(grpc),
      headers: Object.fromEntries(this.#headers),
      body: isMessage ? '' : this.#body.toString('utf8'),
      complete: end === 'complete',
    };
  }
}

/** One HTTP/2 request. A deadline after the head of the answer leaves what has come. */
export async function exchangeHttp2(probe: HttpProbe, socket: Socket, signal: AbortSignal): Promise<ProbeResult> {
  const scheme = probe.tls === null ? 'http' : 'https';
  const session = connectHttp2(`${scheme}://probe`, { createConnection: () => socket });
  const answer = new Answer();
  try {
    const failed = new Promise<never>((_resolve, reject) => {
      session.once('error', (error) => reject(ProbeFailure.from(error, 'answer')));
      session.once('close', () => reject(new ProbeFailure('answer', 'CLOSED', 'the connection was closed')));
      session.once('goaway', (code) => reject(new ProbeFailure('answer', `GOAWAY_${code}`, 'the peer went away')));
    });
    const stream = session.request({
      ':method': probe.method,
      ':path': probe.path,
      ':authority': probe.authority,
      ':scheme': scheme,
      ...probe.headers,
    });
    stream.on('response', (headers) => answer.add(headers));
    stream.on('trailers', (trailers) => answer.add(trailers));
    stream.on('data', (chunk: Buffer) => answer.append(chunk));
    stream.on('error', () => {});
    stream.end(probe.body === 'emptyMessage' ? emptyMessage : undefined);
    const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
    await Promise.race([closed, failed, expiry(signal, () => 'answer')]).catch((error: unknown) => {
      if (!answer.begun) throw error;
    });
    if (answer.begun) return answer.result(stream.closed ? 'complete' : 'cut');
    const code = stream.rstCode;
    if (session.destroyed || code === constants.NGHTTP2_NO_ERROR)
      throw new ProbeFailure('answer', 'CLOSED', 'the connection was closed');
    return { kind: 'streamReset', code };
  } finally {
    session.destroy();
  }
}

/** One HTTP/1.1 request. A deadline after the head of the answer leaves what has come. */
export async function exchangeHttp1(probe: HttpProbe, socket: Socket, signal: AbortSignal): Promise<ProbeResult> {
  const answer = new Answer();
  let ended = false;
  const request = requestHttp1({
    createConnection: () => socket,
    method: probe.method,
    path: probe.path,
    setHost: false,
    headers: { host: probe.authority, connection: 'close', ...probe.headers },
  });
  const answered = new Promise<void>((resolve, reject) => {
    request.on('error', (error) => reject(ProbeFailure.from(error, 'answer')));
    request.on('response', (response) => {
      answer.http = response.statusCode ?? 0;
      answer.add(response.headers);
      response.on('data', (chunk: Buffer) => answer.append(chunk));
      response.on('error', (error) => reject(ProbeFailure.from(error, 'answer')));
      response.on('end', () => {
        ended = true;
        answer.add(response.trailers);
        resolve();
      });
    });
  });
  request.end(probe.body === 'emptyMessage' ? emptyMessage : undefined);
  try {
    await Promise.race([answered, expiry(signal, () => 'answer')]).catch((error: unknown) => {
      if (!answer.begun) throw error;
    });
    return answer.result(ended ? 'complete' : 'cut');
  } finally {
    request.destroy();
  }
}

/** Sends the bytes and takes the first that come back; without bytes the connection itself is the answer. */
export async function exchangeTcp(probe: TcpProbe, socket: Socket, signal: AbortSignal): Promise<ProbeResult> {
  const answered = (body: string): ProbeResult => ({
    kind: 'answered',
    http: null,
    grpc: null,
    headers: {},
    body,
    complete: false,
  });
  if (probe.bytes === '') return answered('');
  const first = new Promise<Buffer>((resolve, reject) => {
    socket.once('data', resolve);
    socket.once('error', (error) => reject(ProbeFailure.from(error, 'answer')));
    socket.once('close', () => reject(new ProbeFailure('answer', 'CLOSED', 'the connection was closed')));
    socket.once('end', () => reject(new ProbeFailure('answer', 'CLOSED', 'the connection was closed')));
  });
  socket.write(Buffer.from(probe.bytes, 'hex'));
  const bytes = await Promise.race([first, expiry(signal, () => 'answer')]);
  return answered(bytes.subarray(0, bodyBytes).toString('hex'));
}
