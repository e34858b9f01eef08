import type { EventEmitter } from 'node:events';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { logCall } from './access-log.ts';
import { ServedCall } from './call-context.ts';
import { RpcError } from './rpc-error.ts';
import { type CallSpan, extractTrace, type SpanSubject, type Tracing } from './tracing.ts';

/** What all calls of one server share. */
export interface ServingEnvironment {
  readonly service: string;
  readonly log: Logger;
  readonly tracing: Tracing;
}

/** What an open call needs besides the call itself; the same for every call of one method. */
export interface OpenCallProps {
  readonly subject: SpanSubject;
  /** The time of a call whose caller set no deadline: milliseconds. */
  readonly defaultMs: number;
  readonly environment: ServingEnvironment;
}

/** A unary call as grpc-js hands it over, without its types. */
export type IncomingUnary = ServerUnaryCall<unknown, Buffer>;
/** A call of a server stream as grpc-js hands it over, without its types. */
export type IncomingStream = ServerWritableStream<unknown, Buffer>;

/** Node fires a longer timer at once: milliseconds. */
const greatestTimerMs = 2 ** 31 - 1;
/** A stream is ended this long before its deadline, so that its caller sees OK and not DEADLINE_EXCEEDED: milliseconds. */
const streamMarginMs = 20;
/** What a reader may take to fetch what was sent before its stream ended; then the stream is cut: milliseconds. */
const cutOffMs = 1000;

/** One gRPC call from its arrival to its single end: deadline, cancellation, span and log line. It is its handler's context. */
abstract class OpenCall extends ServedCall {
  readonly #environment: ServingEnvironment;
  readonly #span: CallSpan;
  readonly #peer: string;
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #done = false;

  constructor(incoming: IncomingUnary | IncomingStream, { subject, defaultMs, environment }: OpenCallProps) {
    const { metadata } = incoming;
    const parent = extractTrace((name) => metadata.get(name)[0] as string | undefined);
    const span = environment.tracing.server(subject, parent);
    const deadlineAt = deadlineOf(incoming) ?? Date.now() + defaultMs;
    super({ method: subject.name, metadata, deadlineAt, trace: span.context, log: environment.log });
    this.#environment = environment;
    this.#span = span;
    this.#peer = incoming.getPeer();
    (incoming as EventEmitter).on('cancelled', () => this.#cancelledByCaller());
  }

  get isDone(): boolean {
    return this.#done;
  }

  /** Ends the call once: span, log line. True iff it was still open. */
  finish(code: status, error?: RpcError): boolean {
    if (this.#done) return false;
    this.#done = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#span.end({ kind: 'grpc', code });
    logCall(this.#environment.log, this, { code, peer: this.#peer, startedAt: this.#startedAt, error });
    return true;
  }

  /** Ends the call with an error and stops the work that is done for it. */
  override end(error: RpcError): void {
    if (!this.finish(error.code, error)) return;
    this.refuse(error);
    this.cancel(error);
  }

  /** Tells the caller; runs once. */
  protected abstract refuse(error: RpcError): void;

  /** Runs `action` when the call is still open `marginMs` before its deadline. */
  protected beforeDeadline(marginMs: number, action: () => void): void {
    this.#timer = setTimeout(action, Math.min(this.remainingMs() - marginMs, greatestTimerMs));
  }

  /** grpc-js reports this after every call; only before the end does it mean that the caller is gone or out of time. */
  #cancelledByCaller(): void {
    if (this.#done) return;
    this.cancelByCaller();
    this.finish(this.cancelled?.code ?? status.CANCELLED);
  }
}

/** An open unary call. */
export class OpenUnary extends OpenCall {
  readonly #callback: sendUnaryData<Buffer>;

  constructor(incoming: IncomingUnary, callback: sendUnaryData<Buffer>, props: OpenCallProps) {
    super(incoming, props);
    this.#callback = callback;
    // grpc-js itself keeps the deadline that a caller has set.
    if (deadlineOf(incoming) === undefined) this.beforeDeadline(0, () => this.end(deadlineExceeded()));
  }

  protected override refuse(error: RpcError): void {
    this.#callback({ code: error.code, details: error.message.toWellFormed() });
  }
}

/** An open server stream. */
export class OpenStream extends OpenCall {
  readonly #incoming: IncomingStream;
  readonly #all: Set<OpenStream>;

  /** Belongs to `all` as long as it is open. */
  constructor(incoming: IncomingStream, all: Set<OpenStream>, props: OpenCallProps) {
    super(incoming, props);
    this.#incoming = incoming;
    this.#all = all;
    all.add(this);
    this.beforeDeadline(streamMarginMs, () => this.#complete());
  }

  override finish(code: status, error?: RpcError): boolean {
    this.#all.delete(this);
    return super.finish(code, error);
  }

  protected override refuse(error: RpcError): void {
    this.#incoming.emit('error', { code: error.code, details: error.message.toWellFormed() });
    const slow = error.code === status.RESOURCE_EXHAUSTED;
    cutOffLater(this.#incoming, slow ? constants.NGHTTP2_ENHANCE_YOUR_CALM : constants.NGHTTP2_CANCEL);
  }

  /** Ends a stream that has reached its greatest age: its caller asked for no more, and comes again if it wants to. */
  #complete(): void {
    if (!this.finish(status.OK)) return;
    this.#incoming.end();
    cutOffLater(this.#incoming, constants.NGHTTP2_CANCEL);
    this.cancel(deadlineExceeded());
  }
}

/** The deadline that the caller set, in milliseconds since the epoch; undefined when it set none. */
function deadlineOf(incoming: IncomingUnary | IncomingStream): number | undefined {
  const deadline = Number(incoming.getDeadline());
  return Number.isFinite(deadline) ? deadline : undefined;
}

function deadlineExceeded(): RpcError {
  return new RpcError(status.DEADLINE_EXCEEDED, 'deadline exceeded');
}

/**
 * Resets a stream whose reader does not even take its end: the status waits behind what was sent before, and flow control
 * holds that back for ever. Clients read ENHANCE_YOUR_CALM as RESOURCE_EXHAUSTED.
 */
function cutOffLater(incoming: IncomingStream, code: number): void {
  const stream = tryFindHttp2Stream(incoming);
  if (stream === undefined || stream.closed) return;
  const timer = setTimeout(() => stream.close(code), cutOffMs);
  stream.once('close', () => clearTimeout(timer));
}

/** grpc-js has no way to reset a stream from the server; its HTTP/2 stream is found through two private members. */
function tryFindHttp2Stream(incoming: IncomingStream): ServerHttp2Stream | undefined {
  const { call } = incoming as unknown as { readonly call?: { readonly stream?: Partial<ServerHttp2Stream> } };
  return typeof call?.stream?.close === 'function' ? (call.stream as ServerHttp2Stream) : undefined;
}
