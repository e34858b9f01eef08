import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import type { CallContext } from './call-context.ts';
import type { TraceContext } from './trace-context.ts';

type RequestOf<M> = M extends { requestDeserialize: (bytes: Buffer) => infer R } ? R : never;
type ResponseOf<M> = M extends { responseDeserialize: (bytes: Buffer) => infer R } ? R : never;

/** The handlers of a service: a unary method answers with a promise, a server stream with an async iterable. */
export type Handlers<D> = {
  readonly [K in keyof D]: D[K] extends { responseStream: true }
    ? (request: RequestOf<D[K]>, call: CallContext) => AsyncIterable<ResponseOf<D[K]>>
    : (request: RequestOf<D[K]>, call: CallContext) => Promise<ResponseOf<D[K]>>;
};

/** What one outgoing call may be given. There is no way to give it more time than its declaration does. */
export interface CallOptions {
  /** The served call on whose behalf this one is made: bounds its time, cancels it, and carries the trace. */
  readonly parent?: CallContext | undefined;
  /** The trace to continue where there is no `parent`: work that outlives the call that caused it. */
  readonly trace?: TraceContext | undefined;
  /** Shortens the declared time. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The client of a service. A method that the caller has not declared throws when it is touched. */
export type PromiseClient<D> = {
  readonly [K in keyof D]: D[K] extends { responseStream: true }
    ? (request: RequestOf<D[K]>, options?: CallOptions) => AsyncIterable<ResponseOf<D[K]>>
    : (request: RequestOf<D[K]>, options?: CallOptions) => Promise<ResponseOf<D[K]>>;
};

/** One method of a definition without its types. */
export type AnyMethod = MethodDefinition<unknown, unknown>;

/** The methods of a definition by their names in code. Shape: `submitTrade` → `{path: '/trading…/SubmitTrade', …}`. */
export function methodsOf(definition: object): readonly (readonly [string, AnyMethod])[] {
  return Object.entries(definition as ServiceDefinition) as [string, AnyMethod][];
}

/** The full name of the service that a definition describes. Errors: throws when it has no method. */
export function typeNameOf(definition: object): string {
  const path = methodsOf(definition)[0]?.[1].path;
  if (path === undefined) throw new Error('a service definition without methods cannot be served or called');
  return path.slice(1, path.lastIndexOf('/'));
}
