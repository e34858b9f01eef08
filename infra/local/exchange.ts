/**
 * One request and its answer, whichever version of HTTP carries them. An `Incoming` has arrived at the sidecar, an
 * `Outgoing` leaves it; `forward.ts` joins the two. Bodies are Node streams, so that a slow side pauses the other.
 */
import type { Readable, Writable } from 'node:stream';

/** Header fields by lower-case name; never pseudo-headers. */
export type HeaderFields = Record<string, string | string[]>;

/** What a request says before its body. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: HeaderFields;
}

/** What an answer says before its body. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderFields;
}

/** A request that waits for its answer. */
export interface Incoming {
  readonly head: RequestHead;
  readonly body: Readable;
  /** The request had no body: its head ended it. */
  readonly bodyless: boolean;
  /** Trailers that came behind the body; complete once the body has ended. */
  readonly trailers: HeaderFields;
  /** Answers; `ends` when nothing follows the head. */
  respond(head: ResponseHead, ends: boolean): void;
  /** Where the answer's body goes after `respond`. */
  readonly sink: Writable;
  /** Ends the answer behind what `sink` took. */
  finish(trailers: HeaderFields): void;
  /** Cuts the exchange off with an HTTP/2 error code. */
  reset(code: number): void;
  /** Calls back once when the caller gave up, with its HTTP/2 error code. */
  onAbandoned(callback: (code: number) => void): void;
  /** Calls back once when nothing more will be sent or received. */
  onClosed(callback: () => void): void;
}

/** Why no answer, or no whole answer, came. */
export interface UpstreamFailure {
  readonly kind: 'connect' | 'refusedStream' | 'reset';
  /** HTTP/2 error code for the other side. */
  readonly code: number;
  readonly because: string;
}

/** A request under way to an upstream. */
export interface Outgoing {
  /** Where the request's body goes. */
  readonly sink: Writable;
  /** Ends the request behind what `sink` took. */
  finish(trailers: HeaderFields): void;
  /** The answer's body. */
  readonly body: Readable;
  /** Trailers of the answer; complete once its body has ended. */
  readonly trailers: HeaderFields;
  reset(code: number): void;
  /** Exactly one of these follows first: a head (`ends`: nothing behind it) or a failure; a failure may follow a head. */
  onHead(callback: (head: ResponseHead, ends: boolean) => void): void;
  onFailure(callback: (failure: UpstreamFailure) => void): void;
}

/** The value of a field, the values of a repeated one joined as HTTP joins them. */
export function fieldOf(headers: HeaderFields, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/**
 * The path of a request without query and fragment, as logs and traces show it: either may hold a token
 * (`?access_token=…`), and neither log nor trace is a place for one.
 */
export function pathOf(head: RequestHead): string {
  return head.path.replace(/[?#].*$/s, '');
}

/** True iff the request is gRPC, by its content type, as Envoy tells. */
export function isGrpc(head: RequestHead): boolean {
  const type = fieldOf(head.headers, 'content-type') ?? '';
  return type === 'application/grpc' || type.startsWith('application/grpc+') || type.startsWith('application/grpc;');
}
