import { Client, credentials, type Metadata, type ServiceError } from '@grpc/grpc-js';

const bytes = (value: Buffer): Buffer => value;

/** What a unary call gave: the answer, or status, words and trailers. */
export type UnaryResult =
  | { readonly kind: 'answer'; readonly text: string }
  | { readonly kind: 'status'; readonly code: number; readonly details: string; readonly trailers: Metadata };

/** A client of the echo service over a UNIX socket that a sidecar offers. */
export class EchoClient {
  readonly #client: Client;

  constructor(socket: string) {
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure());
  }

  say(method: string, text: string, options: { readonly deadlineMs?: number } = {}): Promise<UnaryResult> {
    const deadline = options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs };
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        `/slice.Echo/${method}`,
        bytes,
        bytes,
        Buffer.from(text),
        deadline,
        (error, value) => {
          if (error === null) resolve({ kind: 'answer', text: value?.toString() ?? '' });
          else resolve({ kind: 'status', code: error.code, details: error.details, trailers: error.metadata });
        },
      );
    });
  }

  stream(count: number) {
    return this.#client.makeServerStreamRequest('/slice.Echo/Stream', bytes, bytes, Buffer.from(String(count)));
  }

  chat() {
    return this.#client.makeBidiStreamRequest('/slice.Echo/Chat', bytes, bytes);
  }

  async counters(): Promise<{ readonly cancelled: number; readonly written: number; readonly flakyCalls: number }> {
    const result = await this.say('Say', 'counters');
    if (result.kind !== 'answer') throw new Error(`counters: ${result.code} ${result.details}`);
    return JSON.parse(result.text);
  }

  close(): void {
    this.#client.close();
  }
}

/** Resolves with the status code that ends a stream, 0 when it ended in peace. */
export function endOf(stream: NodeJS.EventEmitter): Promise<number> {
  return new Promise((resolve) => {
    stream.once('error', (error: ServiceError) => resolve(error.code));
    stream.once('end', () => resolve(0));
  });
}

/** Resolves when `holds` does; it is asked every 20 ms, and for 10 s at most. */
export async function eventually(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const until = performance.now() + 10_000; performance.now() < until; ) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`never came true: ${what}`);
}
