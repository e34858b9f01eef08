import type { EventEmitter } from 'node:events';
import { type ServerUnaryCall, type ServerWritableStream, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { logCall } from './access-log.ts';
import { ServedCall } from './call-context.ts';
import type { RpcError } from './rpc-error.ts';
import { type CallSpan, extractTrace, type SpanSubject, type Tracing } from './tracing.ts';

/** What all calls of one server share. */
export interface ServingEnvironment {
  readonly service: string;
  readonly log: Logger;
  readonly tracing: Tracing;
}

/** What an open call needs besides the call itself. */
export interface OpenCallProps {
  readonly subject: SpanSubject;
  /** The time of a call whose caller set no deadline: milliseconds. */
  readonly defaultMs: number;
  readonly environment: ServingEnvironment;
}

/** Node fires a longer timer at once. */
const greatestTimerMs = 2 ** 31 - 1;

type Incoming = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>;

/** One gRPC call from its arrival to its single end: deadline, cancellation, span and log line. */
export class OpenCall {
  readonly context: ServedCall;
  /** Tells the caller; set by the server before the handler runs. */
  refuse: (error: RpcError) => void = () => {};
  /** Runs once, when the call has ended. */
  released: () => void = () => {};
  readonly #environment: ServingEnvironment;
  readonly #span: CallSpan;
  readonly #peer: string;
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #done = false;

  constructor(incoming: Incoming, { subject, defaultMs, environment }: OpenCallProps) {
    const { metadata } = incoming;
    this.#environment = environment;
    this.#peer = incoming.getPeer();
    this.#span = environment.tracing.server(
      subject,
      extractTrace((name) => metadata.get(name)[0] as string | undefined),
    );
    const asked = Number(incoming.getDeadline());
    this.context = new ServedCall({
      method: subject.name,
      metadata,
      deadlineAt: Number.isFinite(asked) ? asked : Date.now() + defaultMs,
      trace: this.#span.context,
      log: environment.log,
    });
    this.context.ending = (error) => this.fail(error);
    (incoming as EventEmitter).on('cancelled', () => this.#cancelled());
  }

  /** Runs `action` when the call is still open `marginMs` before its deadline. */
  beforeDeadline(marginMs: number, action: () => void): void {
    this.#timer = setTimeout(action, Math.min(this.context.remainingMs() - marginMs, greatestTimerMs));
  }

  get isDone(): boolean {
    return this.#done;
  }

  /** Ends the call once: span, log line. True iff it was still open. */
  finish(code: status, error?: RpcError): boolean {
    if (this.#done) return false;
    this.#done = true;
    clearTimeout(this.#timer);
    this.#span.end({ kind: 'grpc', code });
    logCall(this.#environment.log, this.context, { code, peer: this.#peer, startedAt: this.#startedAt, error });
    this.released();
    return true;
  }

  /** Ends the call with an error and stops the work that is done for it. */
  fail(error: RpcError): void {
    if (!this.finish(error.code, error)) return;
    this.refuse(error);
    this.context.cancel(error);
  }

  /** grpc-js reports this after every call; only before the end does it mean that the caller is gone or out of time. */
  #cancelled(): void {
    if (this.#done) return;
    this.context.cancelByCaller();
    this.finish(this.context.cancelled?.code ?? status.CANCELLED);
  }
}
