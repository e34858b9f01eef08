import { constants } from 'node:http2';
import type { HttpRoute, RetryPolicy } from '#policies/language/traffic.ts';
import type { Incoming, Outgoing, ResponseHead, UpstreamFailure } from './exchange.ts';
import { carryResponse, grpcStatus, type LocalReply, type Outcome, replyFor, replyLocally } from './forward.ts';
import { type AttemptEnd, defaultRetries, editHeaders, grpcTimeoutMs, retries } from './routing.ts';

/** Opens one attempt of a request; rejects with what a connection failed on. */
export type OpenAttempt = () => Promise<Outgoing>;

// A body beyond this is passed on but not kept, and the request is then sent once. Source: Istio's sidecar buffer limit.
const replayLimit = 32_768;
const backoffMs = 25;

/** A request body that is passed on as it comes and remembered, up to a limit, for another attempt. */
class RequestBody {
  readonly #incoming: Incoming;
  #kept: Buffer[] | undefined = [];
  #size = 0;
  #ended: boolean;

  constructor(incoming: Incoming, keeps: boolean) {
    this.#incoming = incoming;
    this.#ended = incoming.bodyless;
    if (!keeps) this.#kept = undefined;
    if (incoming.bodyless) return;
    if (keeps) incoming.body.on('data', (chunk: Buffer) => this.#keep(chunk)).pause();
    incoming.body.once('end', () => {
      this.#ended = true;
    });
  }

  get replayable(): boolean {
    return this.#kept !== undefined;
  }

  carryTo(outgoing: Outgoing): void {
    if (this.#incoming.bodyless) return;
    for (const chunk of this.#kept ?? []) outgoing.sink.write(chunk);
    const finish = (): void => outgoing.finish(this.#incoming.trailers);
    if (this.#ended) finish();
    else {
      this.#incoming.body.pipe(outgoing.sink, { end: false });
      this.#incoming.body.once('end', finish);
    }
  }

  releaseFrom(outgoing: Outgoing): void {
    this.#incoming.body.unpipe(outgoing.sink);
  }

  forget(): void {
    this.#kept = undefined;
  }

  #keep(chunk: Buffer): void {
    if (this.#kept === undefined) return;
    this.#size += chunk.length;
    if (this.#size > replayLimit) this.#kept = undefined;
    else this.#kept.push(chunk);
  }
}

type Attempt =
  | { readonly kind: 'head'; readonly outgoing: Outgoing; readonly head: ResponseHead; readonly ends: boolean }
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure | 'timeout' }
  | { readonly kind: 'abandoned' };

/** What a request is sent with. */
export interface Dispatch {
  readonly incoming: Incoming;
  /** null keeps Istio's defaults: no time-out. */
  readonly route: HttpRoute | null;
  /** `routed` retries as the route says; `once` never does. */
  readonly retrying: 'routed' | 'once';
  readonly open: OpenAttempt;
}

const deadlineReply: LocalReply = { http: 504, grpc: 4, message: 'upstream request timeout' };

/** Sends a request, with the time-out and retries of its route, and carries the answer back; always settles. */
export async function dispatch(request: Dispatch): Promise<Outcome> {
  const { incoming, route } = request;
  const policy = request.retrying === 'once' ? null : (route?.retries ?? defaultRetries);
  const body = new RequestBody(incoming, policy !== null && policy.attempts > 0);
  const deadline = new Deadline(incoming, route);
  const abandoned = new Promise<Attempt>((resolve) => {
    incoming.onAbandoned(() => resolve({ kind: 'abandoned' }));
  });
  for (let attempt = 0; ; attempt += 1) {
    const end = await tryOnce(request, { body, policy, deadline, abandoned });
    if (end.kind === 'abandoned') return settle(deadline, { http: 0, grpc: null, because: 'caller gave up' });
    const left = policy !== null && attempt < policy.attempts && body.replayable && !deadline.isOver;
    if (left && policy !== null && retries(policy, asAttemptEnd(end))) {
      if (end.kind === 'head') end.outgoing.reset(constants.NGHTTP2_CANCEL);
      await pause(backoffMs * 2 ** attempt * Math.random());
      continue;
    }
    body.forget();
    if (end.kind === 'head') {
      if (route !== null) editHeaders(end.head.headers, route.responseHeaders);
      const outcome = carryResponse(incoming, end.outgoing, end);
      deadline.cutOff(() => {
        end.outgoing.reset(constants.NGHTTP2_CANCEL);
        incoming.reset(constants.NGHTTP2_CANCEL);
      });
      return settle(deadline, await outcome);
    }
    const reply = end.failure === 'timeout' ? deadlineReply : replyFor(end.failure);
    replyLocally(incoming, reply);
    const because = end.failure === 'timeout' ? 'time-out of the route or deadline of the caller' : end.failure.because;
    return settle(deadline, { http: reply.http, grpc: reply.grpc, because: `upstream: ${because}` });
  }
}

interface AttemptTerms {
  readonly body: RequestBody;
  readonly policy: RetryPolicy | null;
  readonly deadline: Deadline;
  readonly abandoned: Promise<Attempt>;
}

async function tryOnce(request: Dispatch, terms: AttemptTerms): Promise<Attempt> {
  let outgoing: Outgoing;
  try {
    const opened = await Promise.race([request.open(), terms.deadline.passed, terms.abandoned]);
    if (opened === 'timeout') return { kind: 'failed', failure: 'timeout' };
    if ('kind' in opened) return opened;
    outgoing = opened;
  } catch (cause) {
    const because = (cause as Error).message;
    return { kind: 'failed', failure: { kind: 'connect', code: constants.NGHTTP2_REFUSED_STREAM, because } };
  }
  const answered = new Promise<Attempt>((resolve) => {
    outgoing.onHead((head, ends) => resolve({ kind: 'head', outgoing, head, ends }));
    outgoing.onFailure((failure) => resolve({ kind: 'failed', failure }));
  });
  terms.body.carryTo(outgoing);
  const perTry = new Timer(terms.policy?.perTryTimeoutMs ?? null);
  const end = await Promise.race([answered, terms.deadline.passed, perTry.passed, terms.abandoned]);
  perTry.cancel();
  if (end !== 'timeout' && end.kind === 'head') return end;
  terms.body.releaseFrom(outgoing);
  outgoing.reset(constants.NGHTTP2_CANCEL);
  return end === 'timeout' ? { kind: 'failed', failure: 'timeout' } : end;
}

function asAttemptEnd(attempt: Exclude<Attempt, { kind: 'abandoned' }>): AttemptEnd {
  if (attempt.kind === 'head') {
    const grpc = attempt.ends ? grpcStatus(attempt.head.headers) : null;
    return { kind: 'answered', http: attempt.head.status, grpc };
  }
  return { kind: attempt.failure === 'timeout' ? 'timeout' : attempt.failure.kind, http: 503, grpc: null };
}

/** Settles with `timeout` once, unless cancelled; null never does. */
class Timer {
  readonly passed: Promise<'timeout'>;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number | null) {
    this.passed = new Promise((resolve) => {
      if (ms !== null) this.#timer = setTimeout(() => resolve('timeout'), Math.min(ms, 2 ** 31 - 1));
    });
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

/** The earlier of the route's time-out and the caller's `grpc-timeout`; Envoy honours both. */
class Deadline {
  readonly passed: Promise<'timeout'>;
  isOver = false;
  readonly #timer: Timer;

  constructor(incoming: Incoming, route: HttpRoute | null) {
    const limits = [route?.timeoutMs ?? null, grpcTimeoutMs(incoming.head.headers)].filter((limit) => limit !== null);
    this.#timer = new Timer(limits.length === 0 ? null : Math.min(...limits));
    this.passed = this.#timer.passed.then((word) => {
      this.isOver = true;
      return word;
    });
  }

  cutOff(action: () => void): void {
    void this.passed.then(action);
  }

  cancel(): void {
    this.#timer.cancel();
  }
}

function settle(deadline: Deadline, outcome: Outcome): Outcome {
  deadline.cancel();
  return outcome;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
