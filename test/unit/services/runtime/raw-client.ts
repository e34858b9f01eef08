import {
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  type status,
} from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';

/** What a plain grpc-js client sees of one call. */
export interface RawAnswer {
  readonly code: status;
  readonly details: string;
  readonly messages: readonly Buffer[];
  readonly trailers: Metadata;
}

/** A bare grpc-js client, as another implementation would be one: it knows nothing of deadlines or declarations. */
export class RawClient {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure());
    onTestFinished(() => this.#client.close());
  }

  /** Calls any path with raw bytes and without a deadline, and collects what comes back. */
  call(
    path: string,
    metadata: Readonly<Record<string, string>> = {},
    body: Buffer = Buffer.alloc(0),
  ): Promise<RawAnswer> {
    return collect(this.open(path, body, metadata));
  }

  /** Opens a call without reading from it. */
  open(path: string, body: Buffer, metadata: Readonly<Record<string, string>> = {}): ClientReadableStream<Buffer> {
    const sent = new Metadata();
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
    return this.#client.makeServerStreamRequest(path, same, same, body, sent);
  }
}

function collect(stream: ClientReadableStream<Buffer>): Promise<RawAnswer> {
  const messages: Buffer[] = [];
  return new Promise((resolve) => {
    stream.on('data', (message: Buffer) => messages.push(message));
    stream.on('error', (_error: ServiceError) => {});
    stream.on('status', ({ code, details, metadata: trailers }) => resolve({ code, details, messages, trailers }));
  });
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
