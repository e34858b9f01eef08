import { constants } from 'node:http2';
import {
  type HeaderFields,
  type Incoming,
  isGrpc,
  type Outgoing,
  type ResponseHead,
  type UpstreamFailure,
} from './exchange.ts';

/** What the sidecar itself answers. Shape: `{http: 403, grpc: 7, message: 'RBAC: access denied'}`. */
export interface LocalReply {
  readonly http: number;
  readonly grpc: number;
  readonly message: string;
}

/** How an exchange ended, for the access log and the span. */
export interface Outcome {
  readonly http: number;
  /** null when the exchange was no gRPC or ended without a status. */
  readonly grpc: number | null;
  /** Why the sidecar, not the upstream, ended it; null when the upstream's answer passed through. */
  readonly because: string | null;
}

/** Answers in the upstream's place: gRPC callers get a trailers-only answer, others a status with a text body. */
export function replyLocally(incoming: Incoming, reply: LocalReply): void {
  if (isGrpc(incoming.head)) {
    const headers: HeaderFields = {
      'content-type': 'application/grpc',
      'grpc-status': String(reply.grpc),
      'grpc-message': reply.message,
    };
    incoming.respond({ status: 200, headers }, true);
  } else {
    incoming.respond({ status: reply.http, headers: { 'content-type': 'text/plain' } }, false);
    incoming.sink.write(reply.message);
    incoming.finish({});
  }
  incoming.body.resume();
}

/**
 * Carries an answer whose head has come to the caller: body under the caller's back-pressure, trailers, resets both
 * ways. Settles once, when the answer was passed on whole or either side gave up.
 */
export function carryResponse(
  incoming: Incoming,
  outgoing: Outgoing,
  answer: { readonly head: ResponseHead; readonly ends: boolean },
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const http = answer.head.status;
  const outcomeWith = (fields: HeaderFields): Outcome => ({ http, grpc: grpcStatus(fields), because: null });
  outgoing.onFailure((failure) => {
    incoming.reset(failure.code);
    resolve({ http, grpc: null, because: `upstream: ${failure.because}` });
  });
  incoming.onAbandoned((code) => {
    outgoing.reset(code);
    resolve({ http, grpc: null, because: 'caller gave up' });
  });
  incoming.respond(answer.head, answer.ends);
  if (answer.ends) {
    resolve(outcomeWith(answer.head.headers));
    outgoing.body.resume();
    return promise;
  }
  outgoing.body.pipe(incoming.sink, { end: false });
  outgoing.body.once('end', () => {
    if (wasReset(outgoing)) return;
    incoming.finish(outgoing.trailers);
    resolve(outcomeWith({ ...answer.head.headers, ...outgoing.trailers }));
  });
  return promise;
}

// A reset ends the readable side of an HTTP/2 stream as well: it must not pass for a complete answer.
function wasReset(outgoing: Outgoing): boolean {
  const code = (outgoing.body as { readonly rstCode?: number }).rstCode;
  return code !== undefined && code !== constants.NGHTTP2_NO_ERROR;
}

/** The gRPC status in headers or trailers, null when there is none. */
export function grpcStatus(fields: HeaderFields): number | null {
  const value = fields['grpc-status'];
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : null;
}

/** The local reply for an upstream that could not be reached or broke off before it answered. */
export function replyFor(failure: UpstreamFailure): LocalReply {
  const word = failure.kind === 'connect' ? 'connection failure' : 'remote reset';
  return { http: 503, grpc: 14, message: `upstream connect error or disconnect/reset before headers: ${word}` };
}
