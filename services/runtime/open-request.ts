import type { IncomingMessage, ServerResponse } from 'node:http';
import { Metadata, status } from '@grpc/grpc-js';
import { logCall } from './access-log.ts';
import { ServedCall } from './call-context.ts';
import type { ServingEnvironment } from './open-call.ts';
import type { RpcError } from './rpc-error.ts';
import { type CallSpan, extractTrace, type SpanSubject } from './tracing.ts';

/** What an open request needs besides the request itself. */
export interface OpenRequestProps {
  readonly subject: SpanSubject;
  readonly timeoutMs: number;
  readonly environment: ServingEnvironment;
}

/** How a request was answered. */
export interface RequestEnd {
  readonly code: status;
  readonly httpStatus: number;
  readonly error?: RpcError;
}

/** One HTTP request from its arrival to its single end: the twin of `OpenCall`. It is its handler's context. */
export class OpenRequest extends ServedCall {
  /** Answers with an error; set by the server. */
  refuse: (error: RpcError) => void = () => {};
  /** Runs once when the time is over; set by the server. */
  expired: () => void = () => {};
  /** Runs once, when the request has ended. */
  released: () => void = () => {};
  readonly #environment: ServingEnvironment;
  readonly #span: CallSpan;
  readonly #peer: string;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  #done = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    { subject, timeoutMs, environment }: OpenRequestProps,
  ) {
    const { headers } = request;
    const parent = extractTrace((name) => headers[name] as string | undefined);
    const span = environment.tracing.server(subject, parent);
    const deadlineAt = Date.now() + timeoutMs;
    const { log } = environment;
    super({ method: subject.name, metadata: metadataOf(request), deadlineAt, trace: span.context, log });
    this.#environment = environment;
    this.#span = span;
    this.#peer = request.socket.remoteAddress ?? '';
    this.#timer = setTimeout(() => this.expired(), timeoutMs);
    response.once('close', () => this.#closed());
  }

  get isDone(): boolean {
    return this.#done;
  }

  /** Ends the request once: span, log line. True iff it was still open. */
  finish({ code, httpStatus, error }: RequestEnd): boolean {
    if (this.#done) return false;
    this.#done = true;
    clearTimeout(this.#timer);
    this.#span.end({ kind: 'http', status: httpStatus });
    const peer = this.#peer;
    logCall(this.#environment.log, this, { code, peer, startedAt: this.#startedAt, error, httpStatus });
    this.released();
    return true;
  }

  /** Answers with an error and stops the work that is done for this request. */
  override end(error: RpcError): void {
    if (this.#done) return;
    this.refuse(error);
    this.cancel(error);
  }

  #closed(): void {
    if (this.#done) return;
    this.cancelByCaller();
    this.finish({ code: status.CANCELLED, httpStatus: 499 });
  }
}

/** The headers that metadata can hold: names without `:` and `-bin`, values of printable ASCII. */
function metadataOf(request: IncomingMessage): Metadata {
  const metadata = new Metadata();
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (name.endsWith('-bin') || !/^[a-z0-9_.-]+$/.test(name)) continue;
    for (const value of values ?? []) if (/^[\x20-\x7e]*$/.test(value)) metadata.add(name, value);
  }
  return metadata;
}
