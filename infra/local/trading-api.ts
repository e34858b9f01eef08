import { randomBytes } from 'node:crypto';
import { Agent, request } from 'undici';

/** Who sends a request: a signed token for the `authorization` header. */
export type Token = string;

/** One answer of the platform: status, parsed JSON body (text when it is none, as of a refusal by the mesh), and its trace. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly traceId: string;
}

/** The platform's HTTP API as a client on the internet sees it. */
export interface TradingApi {
  send(token: Token | null, method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<ApiAnswer>;
  close(): Promise<void>;
}

/**
 * Opens the API at `baseUrl` (`https://localhost:8443`), trusting only `ca` (PEM), connecting to `address`.
 * Each request is a new W3C trace and has a deadline of 10 s. Errors: rejects when there is no HTTP answer.
 */
export function openTradingApi(options: {
  readonly baseUrl: string;
  readonly address: string;
  readonly ca: string;
}): TradingApi {
  const url = new URL(options.baseUrl);
  const agent = new Agent({
    connect: { ca: options.ca, servername: url.hostname },
    connections: 32,
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
  });
  const origin = `https://${options.address}:${url.port}`;
  return {
    async send(token, method, path, body) {
      const traceId = randomBytes(16).toString('hex');
      const headers: Record<string, string> = {
        host: url.host,
        traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
      };
      if (token !== null) headers['authorization'] = `Bearer ${token}`;
      if (body !== undefined) headers['content-type'] = 'application/json';
      const answer = await request(`${origin}${path}`, {
        dispatcher: agent,
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.body.text();
      const isJson = String(answer.headers['content-type']).startsWith('application/json');
      return { status: answer.statusCode, body: isJson ? JSON.parse(text) : text, traceId };
    },
    close: () => agent.close(),
  };
}
