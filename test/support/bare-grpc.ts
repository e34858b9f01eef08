/** Bare grpc-js on loopback, for tests that stand on the other side of a service: a client without limits, and a fake callee. */
import {
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

type RequestOf<M> = M extends { requestDeserialize: (bytes: Buffer) => infer R } ? R : never;
type ResponseOf<M> = M extends { responseDeserialize: (bytes: Buffer) => infer R } ? R : never;

/** The unary methods of a definition, called with whatever metadata a test wants. Rejects with grpc-js's `ServiceError`. */
export type BareClient<D> = {
  readonly [K in keyof D]: (
    request: RequestOf<D[K]>,
    metadata?: Readonly<Record<string, string>>,
  ) => Promise<ResponseOf<D[K]>>;
};

/** A client and its end. */
export interface BareConnection<D> {
  readonly methods: BareClient<D>;
  close(): void;
}

/** Connects to `address` (`host:port` or `unix:/path`); every call has 10 s. */
export function connectBare<D extends object>(address: string, definition: D): BareConnection<D> {
  const client = new Client(address, credentials.createInsecure());
  const entries = Object.entries(definition as ServiceDefinition).map(([name, method]) => [
    name,
    callOf(client, method),
  ]);
  return { methods: Object.fromEntries(entries) as BareClient<D>, close: () => client.close() };
}

function callOf(client: Client, method: MethodDefinition<unknown, unknown>) {
  return (request: unknown, metadata: Readonly<Record<string, string>> = {}) =>
    new Promise<unknown>((resolve, reject) => {
      const sent = new Metadata();
      for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
      const { path, requestSerialize, responseDeserialize } = method;
      const options = { deadline: Date.now() + 10_000 };
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, sent, options, (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
}

/** What a fake callee answers: a promise for a unary method, an async iterable for a server stream. */
export type FakeHandlers<D> = {
  readonly [K in keyof D]?: D[K] extends { responseStream: true }
    ? (request: RequestOf<D[K]>, metadata: Metadata) => AsyncIterable<ResponseOf<D[K]>>
    : (request: RequestOf<D[K]>, metadata: Metadata) => Promise<ResponseOf<D[K]>>;
};

/** A fake callee on a loopback port. */
export interface FakeServer {
  readonly address: string;
  /** Ends it at once, calls in flight included. */
  stop(): void;
}

/** One service of a fake callee; methods without a handler are UNIMPLEMENTED. */
export function fake<D extends object>(definition: D, handlers: FakeHandlers<D>): readonly [object, object] {
  return [definition, handlers];
}

/** Serves `fakes`; a handler that throws `{code, details}` answers with that status. @param port - 0 takes a free one */
export async function serveFakes(fakes: readonly (readonly [object, object])[], port = 0): Promise<FakeServer> {
  const server = new Server();
  for (const [definition, handlers] of fakes) {
    const methods = Object.entries(definition as ServiceDefinition);
    const given = handlers as Record<string, Handler | undefined>;
    const implementation: UntypedServiceImplementation = {};
    for (const [name, method] of methods) {
      const handler = given[name];
      if (handler !== undefined) implementation[name] = method.responseStream ? streaming(handler) : unary(handler);
    }
    server.addService(definition as ServiceDefinition, implementation);
  }
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, taken) =>
      error === null ? resolve(taken) : reject(error),
    );
  });
  return { address: `127.0.0.1:${bound}`, stop: () => server.forceShutdown() };
}

type Handler = (request: unknown, metadata: Metadata) => unknown;

function unary(handler: Handler) {
  return (call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>): void => {
    Promise.resolve()
      .then(() => handler(call.request, call.metadata))
      .then(
        (response) => answer(null, response),
        (thrown: ServiceError) => answer(thrown),
      );
  };
}

function streaming(handler: Handler) {
  return async (call: ServerWritableStream<unknown, unknown>): Promise<void> => {
    try {
      for await (const message of handler(call.request, call.metadata) as AsyncIterable<unknown>) {
        if (call.cancelled) return;
        if (!call.write(message)) await drained(call);
      }
      call.end();
    } catch (thrown) {
      call.emit('error', thrown);
    }
  };
}

function drained(call: ServerWritableStream<unknown, unknown>): Promise<void> {
  const events = ['drain', 'cancelled', 'close'];
  return new Promise((resolve) => {
    const settle = () => {
      for (const event of events) call.off(event, settle);
      resolve();
    };
    for (const event of events) call.on(event, settle);
  });
}

/** The metadata of a call on behalf of a user, as the mesh sets it after verifying the token. */
export function asUser(subject: string, accounts: readonly string[], scope = ''): Readonly<Record<string, string>> {
  return { 'x-jwt-payload': Buffer.from(JSON.stringify({ sub: subject, accounts, scope })).toString('base64url') };
}
