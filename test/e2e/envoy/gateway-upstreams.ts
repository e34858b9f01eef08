import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import type { EnvoyJson } from './listener-source.ts';

/** A request as it arrived at an upstream. */
export interface Arrival {
  readonly cluster: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The header by which an arrival is told from others. */
export const probeHeader = 'x-meshwright-arrival';
/** The header in which an upstream gives its name. */
export const clusterHeader = 'x-meshwright-cluster';

/** One local server for each cluster that istiod names; each keeps what arrives. */
export class GatewayUpstreams {
  readonly #folder: string;
  readonly #servers = new Map<string, { readonly server: Server; readonly path: string }>();
  readonly #arrivals = new Map<string, Arrival[]>();

  /** Sockets lie in `folder`. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The cluster `name` of Envoy that leads to the upstream of istiod's cluster. */
  async cluster(name: string, upstream: string): Promise<EnvoyJson> {
    const path = await this.#serve(upstream);
    const endpoint = { endpoint: { address: { pipe: { path } } } };
    return {
      name,
      type: 'STATIC',
      load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint] }] },
    };
  }

  /** What arrived of the request with that id. */
  arrivals(id: string): readonly Arrival[] {
    return this.#arrivals.get(id) ?? [];
  }

  close(): void {
    for (const { server } of this.#servers.values()) {
      server.close();
      server.closeAllConnections();
    }
  }

  async #serve(cluster: string): Promise<string> {
    const known = this.#servers.get(cluster);
    if (known !== undefined) return known.path;
    const path = join(this.#folder, `upstream-${this.#servers.size}.sock`);
    // Envoy may choose a connection in the moment in which a server closes it as idle, and answers 503 then
    const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      const { headers, method = '', url = '' } = request;
      const id = String(headers[probeHeader] ?? '');
      const texts = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
      const arrival = { cluster, method, path: url, host: headers.host ?? '', headers: Object.fromEntries(texts) };
      this.#arrivals.set(id, [...this.arrivals(id), arrival]);
      request.resume();
      response.writeHead(200, { [clusterHeader]: cluster }).end();
    });
    this.#servers.set(cluster, { server, path });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return path;
  }
}
