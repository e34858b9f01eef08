import type { Metadata } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { RpcError, status } from './rpc-error.ts';
import type { TraceContext } from './trace-context.ts';
import { parseUser, type User, userPayloadHeader } from './user.ts';

/** What a handler knows of the call that it serves. It says nothing of the peer: who may call is the mesh's decision. */
export interface CallContext {
  /** The end user, from the payload that the mesh sets after verifying the token; undefined when there is none. */
  readonly user: User | undefined;
  /** Aborted when the caller went away, the deadline passed, or a stopping service ends its streams; the reason is an `RpcError`. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Milliseconds until the deadline; never negative. */
  remainingMs(): number;
  /** Ends this call with `error` at once, even while its reader takes nothing: so a stream cuts off a reader that is too slow. */
  end(error: RpcError): void;
  readonly metadata: Metadata;
  /** The place in the trace that outgoing calls continue. */
  readonly trace?: TraceContext;
}

/** What a served call is made of. */
export interface ServedCallProps {
  readonly method: string;
  readonly metadata: Metadata;
  /** Milliseconds since the epoch. */
  readonly deadlineAt: number;
  readonly trace: TraceContext;
  readonly log: Logger;
}

/** The `CallContext` of a call on either kind of server. Its costly members are made when they are first asked for. */
export abstract class ServedCall implements CallContext {
  readonly method: string;
  readonly metadata: Metadata;
  readonly deadlineAt: number;
  readonly trace: TraceContext;
  readonly #rootLog: Logger;
  #log: Logger | undefined;
  #controller: AbortController | undefined;
  #cancelled: RpcError | undefined;
  #user: { readonly value: User | undefined } | undefined;

  constructor(props: ServedCallProps) {
    this.method = props.method;
    this.metadata = props.metadata;
    this.deadlineAt = props.deadlineAt;
    this.trace = props.trace;
    this.#rootLog = props.log;
  }

  get user(): User | undefined {
    this.#user ??= { value: parseUser(this.metadata.get(userPayloadHeader)) };
    return this.#user.value;
  }

  get log(): Logger {
    this.#log ??= this.#rootLog.child({ traceId: this.trace.traceId, method: this.method });
    return this.#log;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled);
    }
    return this.#controller.signal;
  }

  /** Why the call was cancelled, undefined while it was not. */
  get cancelled(): RpcError | undefined {
    return this.#cancelled;
  }

  remainingMs(): number {
    return Math.max(0, this.deadlineAt - Date.now());
  }

  abstract end(error: RpcError): void;

  /** Aborts the work of this call; the first reason stays. */
  cancel(reason: RpcError): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = reason;
    this.#controller?.abort(reason);
  }

  /** Aborts because the caller is gone or out of time: whichever the clock says. */
  cancelByCaller(): void {
    if (Date.now() >= this.deadlineAt) this.cancel(new RpcError(status.DEADLINE_EXCEEDED, 'deadline exceeded'));
    else this.cancel(new RpcError(status.CANCELLED, 'cancelled by the caller'));
  }
}
