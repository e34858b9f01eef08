import type { Pool } from 'undici';
import type { CallContext } from './call-context.ts';
import { timeoutFor } from './deadline.ts';
import { RpcError, status } from './rpc-error.ts';
import { injectTrace, type Tracing } from './tracing.ts';

/** A request to a host outside the mesh. */
export interface ExternalRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The served call on whose behalf the request is made. */
  readonly parent?: CallContext;
  /** Shortens the declared time. */
  readonly timeoutMs?: number;
}

/** What the host answered, whatever its status; redirects are not followed. */
export interface ExternalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** One declared host, over HTTPS with the platform's roots. */
export interface ExternalHost {
  /** Errors: `RpcError` UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED, or RESOURCE_EXHAUSTED for a body above 1 MiB. */
  request(request: ExternalRequest): Promise<ExternalAnswer>;
}

const mostBodyBytes = 1024 * 1024;
const mostConnections = 8;

/** The props of an external host: from its declaration. */
export interface ExternalProps {
  readonly host: string;
  readonly port: number;
  readonly declaredMs: number;
  readonly tracing: Tracing;
}

/** The client of a declared host. */
export class ExternalClient implements ExternalHost {
  readonly #props: ExternalProps;
  #pool: Promise<Pool> | undefined;

  constructor(props: ExternalProps) {
    this.#props = props;
  }

  async request({ method, path, headers, body, parent, timeoutMs: askedMs }: ExternalRequest): Promise<ExternalAnswer> {
    const { host, port, declaredMs, tracing } = this.#props;
    const timeoutMs = timeoutFor({ declaredMs, askedMs, parent });
    const attributes = { 'http.request.method': method, 'server.address': host, 'server.port': port };
    const span = tracing.client({ name: method, attributes }, parent?.trace);
    const outgoing: Record<string, string> = { ...headers };
    injectTrace(span.context, (name, value) => {
      outgoing[name] = value;
    });
    const time = AbortSignal.timeout(timeoutMs);
    const signal = parent === undefined ? time : AbortSignal.any([time, parent.signal]);
    try {
      const answer = await (await this.#open()).request({
        method,
        path,
        headers: outgoing,
        body: body ?? null,
        signal,
      });
      const text = await readBody(answer.body);
      span.end({ kind: 'http', status: answer.statusCode });
      return { status: answer.statusCode, headers: answer.headers, body: text };
    } catch (thrown) {
      span.end({ kind: 'http', status: 0 });
      throw failureOf(thrown, time, parent);
    }
  }

  async close(): Promise<void> {
    await (await this.#pool)?.destroy();
  }

  #open(): Promise<Pool> {
    this.#pool ??= openPool(this.#props);
    return this.#pool;
  }
}

async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > mostBodyBytes) {
      throw new RpcError(status.RESOURCE_EXHAUSTED, 'the answer of the external host is too large');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function openPool({ host, port }: ExternalProps): Promise<Pool> {
  const { Pool } = await import('undici');
  return new Pool(`https://${host}:${port}`, { connections: mostConnections });
}

function failureOf(thrown: unknown, time: AbortSignal, parent: CallContext | undefined): RpcError {
  if (parent?.signal.aborted && parent.signal.reason instanceof RpcError) return parent.signal.reason;
  const options = { cause: thrown };
  if (time.aborted) return new RpcError(status.DEADLINE_EXCEEDED, 'the external host did not answer in time', options);
  if (thrown instanceof RpcError) return thrown;
  return new RpcError(status.UNAVAILABLE, 'the external host cannot be reached', options);
}
