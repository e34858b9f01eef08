import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { status } from '@grpc/grpc-js';
import type { CallContext } from './call-context.ts';
import type { Handlers } from './grpc-definition.ts';
import { RpcError } from './rpc-error.ts';

/** A question about one gRPC service; the empty name asks about the whole server. */
interface HealthCheckRequest {
  readonly service: string;
}

/** The answer. Source: `grpc.health.v1.HealthCheckResponse.ServingStatus`; 1 serving, 2 not serving, 3 unknown service. */
interface HealthCheckResponse {
  readonly status: 1 | 2 | 3;
}

const healthTypeName = 'grpc.health.v1.Health';

const serving = 1;
const notServing = 2;
const unknownService = 3;

const messages = {
  requestSerialize: (request: HealthCheckRequest): Buffer => encodeName(request.service),
  requestDeserialize: (bytes: Buffer): HealthCheckRequest => ({ service: decodeName(bytes) }),
  responseSerialize: (response: HealthCheckResponse): Buffer => Buffer.from([8, response.status]),
  responseDeserialize: (bytes: Buffer): HealthCheckResponse => ({ status: (bytes[1] ?? unknownService) as 1 | 2 | 3 }),
};

/** `grpc.health.v1.Health` in the form of the generated definitions. */
export const HealthService = {
  check: {
    path: `/${healthTypeName}/Check` as const,
    requestStream: false as const,
    responseStream: false as const,
    ...messages,
  },
  watch: {
    path: `/${healthTypeName}/Watch` as const,
    requestStream: false as const,
    responseStream: true as const,
    ...messages,
  },
} as const;

/** Whether this process wants traffic, for the whole server and for each service on it alike. */
export class Health {
  readonly #names: ReadonlySet<string>;
  #serving = false;
  #changed = Promise.withResolvers<void>();

  constructor(services: readonly string[]) {
    this.#names = new Set(['', ...services]);
  }

  get isServing(): boolean {
    return this.#serving;
  }

  set(isServing: boolean): void {
    if (isServing === this.#serving) return;
    this.#serving = isServing;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** The handlers of `grpc.health.v1.Health`. */
  handlers(): Handlers<typeof HealthService> {
    return {
      check: async ({ service }) => {
        if (!this.#names.has(service)) throw new RpcError(status.NOT_FOUND, 'unknown service');
        return this.#answer(service);
      },
      watch: (request, call) => this.#watch(request.service, call),
    };
  }

  #answer(service: string): HealthCheckResponse {
    if (!this.#names.has(service)) return { status: unknownService };
    return { status: this.#serving ? serving : notServing };
  }

  async *#watch(service: string, { signal }: CallContext): AsyncGenerator<HealthCheckResponse> {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    while (!signal.aborted) {
      const changed = this.#changed.promise;
      yield this.#answer(service);
      await Promise.race([changed, aborted]);
    }
  }
}

function encodeName(name: string): Buffer {
  const writer = new BinaryWriter();
  if (name !== '') writer.uint32(10).string(name);
  return Buffer.from(writer.finish());
}

function decodeName(bytes: Buffer): string {
  const reader = new BinaryReader(bytes);
  let name = '';
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 10) name = reader.string();
    else reader.skip(tag & 7);
  }
  return name;
}
