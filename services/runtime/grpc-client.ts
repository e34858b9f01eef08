import { Client, credentials, Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { type Address, printAddress } from './address.ts';
import { timeoutFor } from './deadline.ts';
import type { CallDeclaration } from './declaration.ts';
import { type AnyMethod, type CallOptions, methodsOf, type PromiseClient, typeNameOf } from './grpc-definition.ts';
import { backoffMs, isRetriable, mostAttempts, RetryBudget } from './retry.ts';
import { RpcError } from './rpc-error.ts';
import { type CallSpan, grpcSubject, injectTrace, type SpanSubject, type Tracing } from './tracing.ts';

/** What the clients of one process share. */
export interface ClientEnvironment {
  readonly calls: readonly CallDeclaration[];
  readonly tracing: Tracing;
}

/** One connection to one callee, with the budget of retries towards it. */
export class Upstream {
  readonly client: Client;
  readonly channel: ReturnType<Client['getChannel']>;
  readonly budget = new RetryBudget();
  readonly server: { readonly address: string; readonly port?: number };

  constructor(address: Address) {
    this.client = new Client(printAddress(address), credentials.createInsecure(), {
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_retries': 0,
      'grpc.enable_channelz': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2000,
    });
    this.channel = this.client.getChannel();
    this.server = address.kind === 'unix' ? { address: address.path } : { address: address.host, port: address.port };
  }

  close(): void {
    this.client.close();
  }
}

interface DeclaredMethod {
  readonly definition: AnyMethod;
  readonly timeoutMs: number;
  readonly repeatable: boolean;
  readonly subject: SpanSubject;
}

/**
 * The client of a service over one upstream, limited to the calls that are declared.
 * Errors: throws when none of the service's methods is declared; touching an undeclared method throws.
 */
export function createClient<D extends object>(
  definition: D,
  upstream: Upstream,
  environment: ClientEnvironment,
): PromiseClient<D> {
  const client = {};
  let declared = 0;
  for (const [name, method] of methodsOf(definition)) {
    const call = environment.calls.find(({ target }) => target.kind === 'method' && target.method.path === method.path);
    if (call === undefined) {
      Object.defineProperty(client, name, { get: () => refuseUndeclared(method.path) });
      continue;
    }
    declared += 1;
    const invoke = invokerOf(upstream, environment.tracing, declaredMethod(method, call, upstream));
    Object.defineProperty(client, name, { value: invoke, enumerable: true });
  }
  if (declared === 0) throw new Error(`no call of \`${typeNameOf(definition)}\` is declared by this service`);
  return client as PromiseClient<D>;
}

function refuseUndeclared(path: string): never {
  throw new Error(`call of \`${path}\` is not declared by this service`);
}

function declaredMethod(definition: AnyMethod, call: CallDeclaration, upstream: Upstream): DeclaredMethod {
  const idempotency = call.target.kind === 'method' ? call.target.method.idempotency : 'none';
  return {
    definition,
    timeoutMs: call.timeoutMs,
    repeatable: idempotency !== 'none',
    subject: grpcSubject(definition.path, upstream.server),
  };
}

const noOptions: CallOptions = {};

function invokerOf(upstream: Upstream, tracing: Tracing, method: DeclaredMethod) {
  if (method.definition.responseStream) {
    return (request: unknown, options = noOptions) => callStream(upstream, tracing, method, request, options);
  }
  return (request: unknown, options = noOptions) =>
    new Promise((resolve, reject) => {
      new UnaryCall({ upstream, tracing, method, request, options, resolve, reject }).begin();
    });
}

interface UnaryCallProps {
  readonly upstream: Upstream;
  readonly tracing: Tracing;
  readonly method: DeclaredMethod;
  readonly request: unknown;
  readonly options: CallOptions;
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: RpcError) => void;
}

/**
 * One unary call with its retries. It is its own listener on the channel's call: the layers of interceptors, emitters and
 * promises that `Client` puts between cost a tenth of the calls a second.
 */
class UnaryCall {
  readonly #props: UnaryCallProps;
  #deadlineAt = 0;
  #attempt = 0;
  #span: CallSpan | undefined;
  #response: Buffer | undefined;
  #cancellation = noCancellation;

  constructor(props: UnaryCallProps) {
    this.#props = props;
  }

  /** Errors: throws when no time is left, or the request cannot be serialized. */
  begin(): void {
    const { upstream, method, request, options } = this.#props;
    const bounds = { declaredMs: method.timeoutMs, askedMs: options.timeoutMs, parent: options.parent };
    this.#deadlineAt = Date.now() + timeoutFor(bounds);
    const bytes = method.definition.requestSerialize(request);
    this.#cancellation = cancellationOf(options);
    upstream.budget.earn();
    this.#send(bytes);
  }

  onReceiveMetadata(): void {}

  onReceiveMessage(bytes: Buffer): void {
    this.#response = bytes;
  }

  onReceiveStatus({ code, details }: StatusObject): void {
    this.#cancellation.release();
    this.#span?.end({ kind: 'grpc', code });
    if (code === status.OK) this.#succeed();
    else this.#fail(this.#cancellation.reason() ?? new RpcError(code, details));
  }

  #send(bytes: Buffer): void {
    const { upstream, tracing, method, options } = this.#props;
    this.#attempt += 1;
    const call = upstream.channel.createCall(method.definition.path, this.#deadlineAt, undefined, null, undefined);
    const span = tracing.client(method.subject, options.parent?.trace ?? options.trace);
    this.#span = span;
    call.start(outgoingMetadata(span, options), this);
    call.startRead();
    call.sendMessageWithContext({}, bytes);
    call.halfClose();
    this.#cancellation.onAbort(() => call.cancelWithStatus(status.CANCELLED, 'cancelled'));
  }

  #succeed(): void {
    const { method, resolve, reject } = this.#props;
    if (this.#response === undefined) {
      reject(new RpcError(status.UNIMPLEMENTED, 'the callee answered without a message'));
      return;
    }
    try {
      resolve(method.definition.responseDeserialize(this.#response));
    } catch (thrown) {
      reject(new RpcError(status.INTERNAL, 'internal error', { cause: thrown }));
    }
  }

  #fail(error: RpcError): void {
    const waitMs = backoffMs(this.#attempt);
    if (this.#mayRepeat(error, waitMs)) this.#repeatAfter(waitMs);
    else this.#props.reject(error);
  }

  #mayRepeat(error: RpcError, waitMs: number): boolean {
    const { method, upstream } = this.#props;
    if (!method.repeatable || this.#attempt >= mostAttempts || !isRetriable(error)) return false;
    return Date.now() + waitMs < this.#deadlineAt && upstream.budget.spend();
  }

  #repeatAfter(waitMs: number): void {
    const { method, request, reject } = this.#props;
    const timer = setTimeout(() => {
      this.#cancellation.release();
      try {
        this.#send(method.definition.requestSerialize(request));
      } catch (thrown) {
        // Out of a timer it would end the process: a client that was closed in the meantime makes no call.
        reject(new RpcError(status.UNAVAILABLE, 'the client is closed', { cause: thrown }));
      }
    }, waitMs);
    this.#cancellation.onAbort(() => {
      clearTimeout(timer);
      this.#cancellation.release();
      reject(this.#cancellation.reason() ?? new RpcError(status.CANCELLED, 'cancelled'));
    });
  }
}

async function* callStream(
  upstream: Upstream,
  tracing: Tracing,
  method: DeclaredMethod,
  request: unknown,
  options: CallOptions,
): AsyncGenerator<unknown, void, undefined> {
  const { parent } = options;
  const deadline = Date.now() + timeoutFor({ declaredMs: method.timeoutMs, askedMs: options.timeoutMs, parent });
  const span = tracing.client(method.subject, parent?.trace ?? options.trace);
  const signals = cancellationOf(options);
  const { requestSerialize, responseDeserialize, path } = method.definition;
  const metadata = outgoingMetadata(span, options);
  const call = upstream.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata, {
    deadline,
  });
  call.once('status', ({ code }) => span.end({ kind: 'grpc', code }));
  signals.onAbort(() => call.cancel());
  try {
    for await (const message of call) yield message;
  } catch (thrown) {
    throw signals.reason() ?? fromWire(thrown as ServiceError);
  } finally {
    signals.release();
    call.cancel();
  }
}

function outgoingMetadata(span: CallSpan, options: CallOptions): Metadata {
  const metadata = new Metadata();
  injectTrace(span.context, (name, value) => metadata.set(name, value));
  if (options.metadata !== undefined) {
    for (const [name, value] of Object.entries(options.metadata)) metadata.set(name, value);
  }
  return metadata;
}

/** Joins the parent's signal and the call's own without a listener that outlives the call. */
interface Cancellation {
  onAbort(cancel: () => void): void;
  release(): void;
  reason(): RpcError | undefined;
}

const noCancellation: Cancellation = { onAbort: () => {}, release: () => {}, reason: () => undefined };

function cancellationOf(options: CallOptions): Cancellation {
  const signals = [options.parent?.signal, options.signal].filter((signal) => signal !== undefined);
  if (signals.length === 0) return noCancellation;
  const aborted = () => signals.find((signal) => signal.aborted);
  let listener: () => void = () => {};
  return {
    onAbort(cancel) {
      if (aborted() !== undefined) cancel();
      listener = cancel;
      for (const signal of signals) signal.addEventListener('abort', listener);
    },
    release() {
      for (const signal of signals) signal.removeEventListener('abort', listener);
    },
    reason() {
      const signal = aborted();
      if (signal === undefined) return undefined;
      return signal.reason instanceof RpcError
        ? signal.reason
        : new RpcError(status.CANCELLED, 'cancelled', { cause: signal.reason });
    },
  };
}

function fromWire(error: ServiceError): RpcError {
  return typeof error.code === 'number'
    ? new RpcError(error.code, error.details, { cause: error })
    : new RpcError(status.INTERNAL, 'internal error', { cause: error });
}
