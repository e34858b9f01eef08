import type { IncomingHttpHeaders } from 'node:http';
import type { CallContext } from './call-context.ts';
import type { Route } from './declaration.ts';

/** A request of a declared route, its JSON body already parsed. */
export interface HttpRequest {
  /** The values of the path template. Shape: `/orders/{client_order_id}` gives `{client_order_id: 'A-1'}`. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** The parsed JSON body; undefined when the request has none. */
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  /** The address of the peer's socket; empty on a UNIX socket. */
  readonly remoteAddress: string;
}

/** One server-sent event; `data` is sent as JSON. */
export interface ServerSentEvent {
  readonly event?: string;
  readonly id?: string;
  readonly data: unknown;
}

/** What a handler answers. In JSON, bigint becomes a decimal string. */
export type HttpAnswer =
  | {
      readonly kind: 'json';
      readonly body: unknown;
      /** @default - 200 */
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'empty'; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'events'; readonly events: AsyncIterable<ServerSentEvent> };

/** A declared route and what serves it. */
export interface HttpRoute {
  readonly route: Route;
  readonly handle: (request: HttpRequest, call: CallContext) => Promise<HttpAnswer>;
  /**
   * The time that a request gets, in milliseconds; for events their greatest age.
   * @default - 10 s
   */
  readonly timeoutMs?: number;
}

/** An HTTP service: exactly the routes that it declares. */
export interface HttpServiceParts {
  readonly routes: readonly HttpRoute[];
  /**
   * The largest request body, in bytes.
   * @default - 64 KiB
   */
  readonly bodyLimitBytes?: number;
}
