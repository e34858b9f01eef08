import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { type Address, printAddress } from './address.ts';
import type { CallContext } from './call-context.ts';
import { methodsOf, typeNameOf } from './grpc-definition.ts';
import { bindPrivately } from './listening.ts';
import { createLogger } from './logging.ts';
import { OpenCall, type OpenCallProps, type ServingEnvironment } from './open-call.ts';
import { RpcError, toRpcError } from './rpc-error.ts';
import { grpcSubject, passThroughTracing } from './tracing.ts';

/** The metadata key whose presence asks only whether a call would arrive; answered before any handler runs. */
export const probeKey = 'x-meshwright-probe';
/** The key of the answer to a probe; its value is the name of the service. */
export const probedKey = 'x-meshwright-probed';

/** The time of a unary call whose caller set no deadline: milliseconds. */
const defaultUnaryMs = 30_000;
/** The greatest age of a stream whose caller set no deadline: milliseconds. */
const defaultStreamMs = 600_000;
/** A stream is ended this long before its deadline, so that its caller sees OK and not DEADLINE_EXCEEDED: milliseconds. */
const streamMarginMs = 20;

type UnaryHandler = (request: unknown, call: CallContext) => Promise<unknown>;
type StreamHandler = (request: unknown, call: CallContext) => AsyncIterable<unknown>;
interface Served extends Omit<OpenCallProps, 'defaultMs'> {
  readonly serialize: (message: unknown) => Buffer;
}

const silentLog = createLogger({ service: '', level: 'silent', destination: { write: () => {} } });

/** One definition and the handlers that serve it. */
export type GrpcServicePart = readonly [definition: object, handlers: object];

/** A gRPC server over one address, with the calls that are open on it. */
export class GrpcServer {
  readonly server = new Server({ 'grpc.enable_channelz': 0 });
  readonly #environment: ServingEnvironment;
  readonly #streams = new Set<OpenCall>();

  constructor(environment: ServingEnvironment) {
    this.#environment = environment;
  }

  /** Serves a definition. Errors: throws when a method has no handler. */
  add(part: GrpcServicePart): void {
    this.#add(part, this.#environment);
  }

  #add([definition, handlers]: GrpcServicePart, environment: ServingEnvironment): void {
    const implementation: Record<string, (...given: never[]) => void> = {};
    for (const [name, method] of methodsOf(definition)) {
      const handler = (handlers as Record<string, unknown>)[name];
      if (typeof handler !== 'function') throw new Error(`method \`${method.path}\` has no handler`);
      if (method.requestStream) throw new Error(`method \`${method.path}\`: request streams are not supported`);
      const subject = grpcSubject(method.path, { address: environment.service });
      const served = { subject, environment, serialize: method.responseSerialize };
      implementation[name] = method.responseStream
        ? this.#streaming(served, handler as StreamHandler)
        : this.#unary(served, handler as UnaryHandler);
    }
    if (!this.#accepts(definition, implementation)) throw new Error(`\`${typeNameOf(definition)}\` is served twice`);
  }

  /** Serves a definition whose calls leave neither span nor log line: health. */
  addQuietly(part: GrpcServicePart): void {
    this.#add(part, { ...this.#environment, log: silentLog, tracing: passThroughTracing });
  }

  /** Starts listening; resolves to the address with the port that was bound. */
  async listen(address: Address): Promise<Address> {
    const port = await bindPrivately(address, () => bind(this.server, printAddress(address)));
    return address.kind === 'unix' ? address : { ...address, port };
  }

  /** Ends every open stream with UNAVAILABLE, so that its caller comes back to another instance. */
  endStreams(): void {
    const reason = new RpcError(status.UNAVAILABLE, 'the service is stopping');
    for (const stream of this.#streams) stream.fail(reason);
  }

  /** Refuses new connections and calls, and lets the open ones finish for at most `timeoutMs`. */
  async shutdown(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.server.forceShutdown();
      resolve();
    }, timeoutMs);
    this.server.tryShutdown(() => resolve());
    await promise;
    clearTimeout(timer);
  }

  #accepts(definition: object, implementation: object): boolean {
    // Answers are serialized by `serveUnary` and `serveStream`, so that one that cannot be is an error like any other.
    const methods = methodsOf(definition).map(([name, method]) => [name, { ...method, responseSerialize: asIs }]);
    try {
      this.server.addService(Object.fromEntries(methods), implementation as never);
      return true;
    } catch {
      return false;
    }
  }

  #unary(served: Served, handler: UnaryHandler) {
    return (incoming: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) => {
      if (isProbe(incoming.metadata)) {
        callback({ code: status.OK, details: '', metadata: this.#probed() });
        return;
      }
      const open = new OpenCall(incoming, { ...served, defaultMs: defaultUnaryMs });
      open.refuse = (error) => callback({ code: error.code, details: error.message.toWellFormed() });
      if (incoming.getDeadline() === Infinity) open.beforeDeadline(0, () => open.fail(deadlineExceeded()));
      serveUnary(open, { handler, serialize: served.serialize }, incoming, callback);
    };
  }

  #streaming(served: Served, handler: StreamHandler) {
    return (incoming: ServerWritableStream<unknown, unknown>) => {
      if (isProbe(incoming.metadata)) {
        incoming.end(this.#probed());
        return;
      }
      const open = new OpenCall(incoming, { ...served, defaultMs: defaultStreamMs });
      open.refuse = (error) => incoming.emit('error', { code: error.code, details: error.message.toWellFormed() });
      open.beforeDeadline(streamMarginMs, () => endOfAge(open, incoming));
      this.#streams.add(open);
      open.released = () => this.#streams.delete(open);
      serveStream(open, { handler, serialize: served.serialize }, incoming);
    };
  }

  #probed(): Metadata {
    const metadata = new Metadata();
    metadata.set(probedKey, this.#environment.service);
    return metadata;
  }
}

function deadlineExceeded(): RpcError {
  return new RpcError(status.DEADLINE_EXCEEDED, 'deadline exceeded');
}

/** Ends a stream that has reached its greatest age: its caller asked for no more, and comes again if it wants to. */
function endOfAge(open: OpenCall, incoming: ServerWritableStream<unknown, unknown>): void {
  if (!open.finish(status.OK)) return;
  incoming.end();
  open.context.cancel(deadlineExceeded());
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function isProbe(metadata: Metadata): boolean {
  return metadata.get(probeKey).length > 0;
}

function bind(server: Server, target: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(new Error(`cannot listen at \`${target}\``, { cause: error }));
    });
  });
}

interface Work<H> {
  readonly handler: H;
  readonly serialize: (message: unknown) => Buffer;
}

async function serveUnary(
  open: OpenCall,
  { handler, serialize }: Work<UnaryHandler>,
  incoming: ServerUnaryCall<unknown, unknown>,
  callback: sendUnaryData<unknown>,
): Promise<void> {
  try {
    const response = serialize(await handler(incoming.request, open.context));
    if (open.isDone) return;
    callback(null, response);
    open.finish(status.OK);
  } catch (thrown) {
    open.fail(toRpcError(thrown));
  }
}

async function serveStream(
  open: OpenCall,
  { handler, serialize }: Work<StreamHandler>,
  incoming: ServerWritableStream<unknown, unknown>,
): Promise<void> {
  const { signal } = open.context;
  try {
    for await (const message of handler(incoming.request, open.context)) {
      if (open.isDone) return;
      if (!incoming.write(serialize(message))) await drained(incoming, signal);
    }
    if (open.finish(status.OK)) incoming.end();
  } catch (thrown) {
    open.fail(toRpcError(thrown));
  }
}

function drained(stream: ServerWritableStream<unknown, unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    stream.once('drain', done);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
