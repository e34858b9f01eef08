/** A stand-in for an API server on loopback: collections by path, paged as the real one pages, with faults on demand. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority } from '#infra/local/authority.ts';

/** What the server answers at one path. */
export type Served =
  | { readonly kind: 'items'; readonly items: readonly object[] }
  | { readonly kind: 'object'; readonly object: object }
  | { readonly kind: 'status'; readonly status: number; readonly message: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'silence' };

/** A running server; `served` may be changed while it runs. */
export interface FakeApiServer {
  readonly url: string;
  /** PEM of the root that signed its certificate. */
  readonly bundle: string;
  readonly served: Map<string, Served>;
  /** Method, path and query of every request, in order. */
  readonly requests: string[];
  readonly pageSize: { value: number };
  close(): Promise<void>;
}

const pageOf = (items: readonly object[], from: number, size: number): object => ({
  kind: 'List',
  metadata: from + size < items.length ? { continue: String(from + size) } : {},
  items: items.slice(from, from + size),
});

/** Starts the server; a path that is not served is 404, as a CRD that is not installed. */
export async function startApiServer(): Promise<FakeApiServer> {
  const served = new Map<string, Served>();
  const requests: string[] = [];
  const pageSize = { value: 500 };
  const authority = await createAuthority('a cluster of the tests');
  const leaf = await authority.issue({ spiffeId: null, dnsNames: ['127.0.0.1', 'localhost'], lifetimeMs: 600_000 });
  const credentials = { cert: leaf.certificate, key: leaf.privateKey };
  const server: Server = createServer(credentials, (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://server');
    const json = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    requests.push(`${request.method} ${request.url}`);
    if (request.headers.authorization !== 'Bearer of-the-test') return json(401, { message: 'who are you' });
    const found = served.get(url.pathname) ?? { kind: 'status', status: 404, message: 'not found' };
    switch (found.kind) {
      case 'items':
        return json(200, pageOf(found.items, Number(url.searchParams.get('continue') ?? 0), pageSize.value));
      case 'object':
        return json(200, found.object);
      case 'status':
        return json(found.status, { kind: 'Status', message: found.message });
      case 'text':
        return response.writeHead(200, { 'content-type': 'text/plain' }).end(found.text);
      case 'silence':
        return undefined;
      default:
        throw new Error(`unexpected answer: ${JSON.stringify(found satisfies never)}`);
    }
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return {
    bundle: authority.bundle,
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    served,
    requests,
    pageSize,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A kubeconfig with one context, `here`, for the server. */
export const kubeconfig = ({ url, bundle }: Pick<FakeApiServer, 'url' | 'bundle'>): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'fake', cluster: { server: url, 'certificate-authority-data': Buffer.from(bundle).toString('base64') } },
    ],
    users: [{ name: 'tester', user: { token: 'of-the-test' } }],
    contexts: [{ name: 'here', context: { cluster: 'fake', user: 'tester' } }],
    'current-context': 'here',
  });
