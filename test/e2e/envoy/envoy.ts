import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import type { Binaries } from './binaries.ts';
import type { EnvoyJson } from './listener-source.ts';
import type { ConnectionName } from './probe.ts';
import { type Child, type Processes, until } from './processes.ts';
import { echoCluster } from './served-listener.ts';

/** What Envoy wrote about a connection that has ended. */
export interface ConnectionRecord {
  /** When the connection was accepted, in milliseconds of the epoch. */
  readonly start: string;
  /** `ip:port` of the client. */
  readonly peer: string;
  readonly local: string;
  readonly ended: string | null;
  readonly details: string | null;
  readonly tls: string | null;
  readonly flags: string | null;
  readonly chain: string | null;
}

// As in the bootstrap of Istio's own proxy image.
const runtime = {
  're2.max_program_size.error_level': 32_768,
  'envoy.reloadable_features.http_reject_path_with_fragment': false,
  'envoy.reloadable_features.fixed_heap_use_allocated': true,
  'envoy.reloadable_features.coalesce_lb_rebuilds_on_batch_update': false,
};

const typeOf = (name: string) => `type.googleapis.com/envoy.${name}`;

function bootstrap(
  { listeners, clusters }: { readonly listeners: readonly EnvoyJson[]; readonly clusters: readonly EnvoyJson[] },
  paths: { readonly admin: string; readonly echo: string },
): EnvoyJson {
  const pipe = { pipe: { path: paths.echo, mode: 0o600 } };
  const echo = {
    name: 'envoy.filters.network.echo',
    typed_config: { '@type': typeOf('extensions.filters.network.echo.v3.Echo') },
  };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: paths.echo } } } }] }];
  return {
    node: { id: 'differential', cluster: 'differential' },
    admin: { address: { pipe: { path: paths.admin, mode: 0o600 } } },
    layered_runtime: { layers: [{ name: 'istio', static_layer: runtime }] },
    static_resources: {
      listeners: [{ name: 'echo', address: pipe, filter_chains: [{ filters: [echo] }] }, ...listeners],
      clusters: [
        { name: echoCluster, type: 'STATIC', load_assignment: { cluster_name: echoCluster, endpoints } },
        { name: 'BlackHoleCluster', type: 'STATIC' },
        ...clusters,
      ],
    },
  };
}

const accessLogIn = (folder: string): string => join(folder, 'connections.jsonl');

/** One Envoy that serves listeners until it is stopped. */
export class Envoy {
  readonly #child: Child;
  readonly #folder: string;

  private constructor(child: Child, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Starts Envoy below a folder of its own; ready when all listeners are live. Errors: throws with its last words. */
  static async start(
    binaries: Binaries,
    processes: Processes,
    options: {
      readonly folder: string;
      readonly clusters: readonly EnvoyJson[];
      readonly listeners: (accessLog: string) => readonly EnvoyJson[];
    },
  ): Promise<Envoy> {
    const { folder } = options;
    const paths = { admin: join(folder, 'admin.sock'), echo: join(folder, 'echo.sock') };
    writeFileSync(
      join(folder, 'bootstrap.json'),
      JSON.stringify(bootstrap({ ...options, listeners: options.listeners(accessLogIn(folder)) }, paths)),
    );
    const args = ['-c', join(folder, 'bootstrap.json'), '--disable-hot-restart', '--use-dynamic-base-id'];
    const child = processes.start('envoy', binaries.envoy, [...args, '--concurrency', '1', '-l', 'error']);
    const agent = new Agent({ connect: { socketPath: paths.admin } });
    await until('Envoy live', async () => {
      if (child.process.exitCode !== null)
        throw new Error(`Envoy ended:\n${readFileSync(child.logFile, 'utf8').slice(-3000)}`);
      try {
        const answer = await request('http://admin/ready', { dispatcher: agent });
        return (await answer.body.text()).startsWith('LIVE');
      } catch {
        return false;
      }
    });
    await agent.destroy();
    return new Envoy(child, folder);
  }

  /** Ends Envoy, removes its folder, and gives what it wrote about its connections. */
  async stop(): Promise<ConnectionRecords> {
    await this.#child.stop();
    const accessLog = accessLogIn(this.#folder);
    const lines = (existsSync(accessLog) ? readFileSync(accessLog, 'utf8') : '')
      .split('\n')
      .filter((line) => line !== '');
    rmSync(this.#folder, { recursive: true });
    return new ConnectionRecords(lines.map((line) => JSON.parse(line) as ConnectionRecord));
  }
}

/** What Envoy wrote about connections, to be found by the client's name of each. */
export class ConnectionRecords {
  readonly #byAddresses: ReadonlyMap<string, readonly ConnectionRecord[]>;

  constructor(records: readonly ConnectionRecord[]) {
    this.#byAddresses = Map.groupBy(records, ({ peer, local }) => `${peer} ${local}`);
  }

  /** The record of a connection; of several between the same ports the one that began nearest to it. */
  tryFind({ addresses, connectedAtMs }: ConnectionName): ConnectionRecord | undefined {
    const distance = ({ start }: ConnectionRecord) => Math.abs(Number(start) - connectedAtMs);
    return this.#byAddresses.get(addresses)?.toSorted((left, right) => distance(left) - distance(right))[0];
  }
}
