import type { EnvoyJson, GatewayConfiguration } from './listener-source.ts';

/** Where the listeners of a gateway are served. */
export interface GatewayAt {
  /** What names of listeners and clusters begin with, apart from those of other gateways. */
  readonly name: string;
  readonly ip: string;
  readonly secretFile: (name: string) => string;
}

const isRecord = (value: unknown): value is EnvoyJson =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The name of istiod's cluster among those of all gateways. */
export const clusterOf = (at: Pick<GatewayAt, 'name'>, cluster: string): string => `${at.name} ${cluster}`;

/** The listeners of istiod with their routes put in; nothing else is changed but addresses, secrets and clusters. */
export function servedGateway(given: GatewayConfiguration, at: GatewayAt): readonly EnvoyJson[] {
  return given.listeners.map((listener) => {
    const made = rewritten(listener, { ...at, routes: given.routes }) as EnvoyJson;
    const { max_connections_to_accept_per_socket_event: _most, access_log: _log, ...rest } = made;
    const { socket_address } = listener['address'] as { readonly socket_address: EnvoyJson };
    return {
      ...rest,
      name: `${at.name} ${String(listener['name'])}`,
      address: { socket_address: { ...socket_address, address: at.ip } },
    };
  });
}

interface Context extends GatewayAt {
  readonly routes: readonly EnvoyJson[];
}

function rewritten(value: unknown, at: Context): unknown {
  if (Array.isArray(value)) return value.map((item) => rewritten(item, at));
  if (!isRecord(value)) return value;
  if (isRecord(value['sds_config'])) {
    const path = at.secretFile('default');
    return { name: 'default', sds_config: { path_config_source: { path }, resource_api_version: 'V3' } };
  }
  const result: EnvoyJson = Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, memberOf(name, member, at)]),
  );
  if (isRecord(value['rds'])) {
    const name = value['rds']['route_config_name'];
    const { rds: _rds, tracing: _tracing, access_log: _log, ...rest } = result;
    const found = at.routes.find((routes) => routes['name'] === name);
    return { ...rest, route_config: rewritten(found ?? { name, virtual_hosts: [] }, at) };
  }
  return result;
}

function memberOf(name: string, member: unknown, at: Context): unknown {
  if (name === 'cluster' && typeof member === 'string') return clusterOf(at, member);
  if (name === 'weighted_clusters' && isRecord(member)) {
    const clusters = (member['clusters'] as readonly EnvoyJson[] | undefined) ?? [];
    return { ...member, clusters: clusters.map((each) => ({ ...each, name: clusterOf(at, String(each['name'])) })) };
  }
  return rewritten(member, at);
}
