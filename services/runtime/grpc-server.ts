import { Metadata, Server, ServerCredentials, type sendUnaryData, status } from '@grpc/grpc-js';
import { type Address, printAddress } from './address.ts';
import type { CallContext } from './call-context.ts';
import { methodsOf, typeNameOf } from './grpc-definition.ts';
import { bindPrivately } from './listening.ts';
import { createLogger } from './logging.ts';
import {
  type IncomingStream,
  type IncomingUnary,
  type OpenCallProps,
  OpenStream,
  OpenUnary,
  type ServingEnvironment,
} from './open-call.ts';
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
type UnaryHandler = (request: unknown, call: CallContext) => Promise<unknown>;
type StreamHandler = (request: unknown, call: CallContext) => AsyncIterable<unknown>;

/** One method as this server serves it. */
interface Served<H> {
  readonly handler: H;
  readonly serialize: (message: unknown) => Buffer;
  readonly props: OpenCallProps;
}

const silentLog = createLogger({ service: '', level: 'silent', destination: { write: () => {} } });

/** One definition and the handlers that serve it. */
export type GrpcServicePart = readonly [definition: object, handlers: object];

/** A gRPC server over one address, with the calls that are open on it. */
export class GrpcServer {
  readonly server = new Server({ 'grpc.enable_channelz': 0 });
  readonly #environment: ServingEnvironment;
  readonly #streams = new Set<OpenStream>();

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
      const defaultMs = method.responseStream ? defaultStreamMs : defaultUnaryMs;
      const served = { serialize: method.responseSerialize, props: { subject, environment, defaultMs } };
      implementation[name] = method.responseStream
        ? this.#streaming({ ...served, handler: handler as StreamHandler })
        : this.#unary({ ...served, handler: handler as UnaryHandler });
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
    for (const stream of this.#streams) stream.end(reason);
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

  #unary(served: Served<UnaryHandler>) {
    return (incoming: IncomingUnary, callback: sendUnaryData<Buffer>) => {
      if (isProbe(incoming.metadata)) callback({ code: status.OK, details: '', metadata: this.#probed() });
      else serveUnary(served, incoming, callback);
    };
  }

  #streaming(served: Served<StreamHandler>) {
    return (incoming: IncomingStream) => {
      if (isProbe(incoming.metadata)) incoming.end(this.#probed());
      else serveStream(served, incoming, new OpenStream(incoming, this.#streams, served.props));
    };
  }

  #probed(): Metadata {
    const metadata = new Metadata();
    metadata.set(probedKey, this.#environment.service);
    return metadata;
  }
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

async function serveUnary(
  { handler, serialize, props }: Served<UnaryHandler>,
  incoming: IncomingUnary,
  callback: sendUnaryData<Buffer>,
): Promise<void> {
  const open = new OpenUnary(incoming, callback, props);
  try {
    const response = serialize(await handler(incoming.request, open));
    if (open.isDone) return;
    callback(null, response);
    open.finish(status.OK);
  } catch (thrown) {
    open.end(toRpcError(thrown));
  }
}

async function serveStream(
  { handler, serialize }: Served<StreamHandler>,
  incoming: IncomingStream,
  open: OpenStream,
): Promise<void> {
  const { signal } = open;
  try {
    for await (const message of handler(incoming.request, open)) {
      if (open.isDone) return;
      if (!incoming.write(serialize(message))) await drained(incoming, signal);
    }
    if (open.finish(status.OK)) incoming.end();
  } catch (thrown) {
    open.end(toRpcError(thrown));
  }
}

function drained(stream: IncomingStream, signal: AbortSignal): Promise<void> {
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
