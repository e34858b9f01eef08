/**
 * Requests to the API server as plain JSON. The typed models of the client library drop members that they do not know,
 * so objects that are to be proved about are read raw; the library gives address and credentials.
 */
import { request as requestHttp } from 'node:http';
import type { RequestOptions } from 'node:https';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import type { KubeConfig } from '@kubernetes/client-node';

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** What the API server answered. */
export interface ApiAnswer {
  readonly status: number;
  /** Parsed when it is a JSON object, else the text. */
  readonly body: Json | string;
}

/** A request that had no answer at all. */
export class ApiUnreachable extends Error {}

/** The objects of one kind, or why there are none to be had. */
export type Listing =
  | { readonly kind: 'read'; readonly items: readonly Json[] }
  /** The API server does not serve the kind: its CRD is not installed. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string };

/** One request. */
export interface ApiCall {
  /** Begins with `/`; without query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** @default GET */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  /** @default application/json */
  readonly contentType?: string;
  /** @default 30000 */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 30_000;
const pageSize = 500;
/** Pages that expired while they were read are read anew this often. */
const attempts = 3;

/** The API server of one context. */
export class Api {
  readonly #config: KubeConfig;

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  /** Sends one request. Errors: `ApiUnreachable` when no answer came in time. */
  async send(call: ApiCall): Promise<ApiAnswer> {
    const server = this.#config.getCurrentCluster()?.server ?? '';
    const url = new URL(server.replace(/\/$/, '') + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
    const options: RequestOptions = { method: call.method ?? 'GET', headers: {} };
    await this.#config.applyToHTTPSOptions(options).catch((cause: Error) => {
      throw new ApiUnreachable(`${url.origin}: ${cause.message}`, { cause });
    });
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
      ...options.headers,
    };
    const signal = AbortSignal.timeout(call.timeoutMs ?? defaultTimeoutMs);
    return new Promise((resolve, reject) => {
      const failed = (cause: Error) => reject(new ApiUnreachable(`${url.origin}: ${reasonOf(cause)}`, { cause }));
      const send = url.protocol === 'https:' ? requestHttps : requestHttp;
      const request = send(url, { ...options, headers, signal }, (response) => {
        text(response).then((content) => {
          const isJson = String(response.headers['content-type']).includes('json') && content.startsWith('{');
          resolve({ status: response.statusCode ?? 0, body: isJson ? (JSON.parse(content) as Json) : content });
        }, failed);
      });
      request.on('error', failed);
      request.end(body);
    });
  }

  /** All objects of a collection, page by page. Errors: `ApiUnreachable`. */
  async list(path: string, query: Readonly<Record<string, string>> = {}): Promise<Listing> {
    for (let attempt = 1; ; attempt += 1) {
      const listing = await this.#pages(path, query);
      if (listing.kind !== 'refused' || listing.status !== 410 || attempt === attempts) return listing;
    }
  }

  async #pages(path: string, query: Readonly<Record<string, string>>): Promise<Listing> {
    const items: Json[] = [];
    let next = '';
    do {
      const page = { ...query, limit: String(pageSize), ...(next === '' ? {} : { continue: next }) };
      const { status, body } = await this.send({ path, query: page });
      if (status === 404) return { kind: 'absent' };
      if (status !== 200 || typeof body === 'string') return { kind: 'refused', status, message: messageOf(body) };
      for (const item of (body['items'] ?? []) as readonly Json[]) items.push(item);
      next = String((body['metadata'] as Json | undefined)?.['continue'] ?? '');
    } while (next !== '');
    return { kind: 'read', items };
  }
}

/** The sentence in an answer of the API server. */
export function messageOf(body: Json | string): string {
  return typeof body === 'string' ? body.slice(0, 200) : String(body['message'] ?? 'no message');
}

function reasonOf(cause: Error): string {
  return cause.name === 'AbortError' || cause.name === 'TimeoutError' ? 'no answer in time' : cause.message;
}
