import type { EnvoyJson } from './listener-source.ts';

/** Where one listener of istiod is served. */
export interface ServedAt {
  /** The listener's name in Envoy. */
  readonly name: string;
  /** A loopback address of its own. */
  readonly ip: string;
  readonly ports: readonly number[];
  readonly accessLog: string;
  /** The file with the secret of each name that the listener asks for. */
  readonly secretFile: (name: string) => string;
}

/** The cluster that answers allowed TCP connections. */
export const echoCluster = 'echo';

/** The headers that tell what Envoy decided. */
export const detailsHeader = 'x-meshwright-details';
/** The header with the id of the rule that decided, or `-`. */
export const policyHeader = 'x-meshwright-policy';

const reported = (key: string, value: string) => ({
  header: { key, value },
  append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
});

const localReplies = {
  mappers: [
    {
      filter: {
        status_code_filter: { comparison: { op: 'GE', value: { default_value: 100, runtime_key: 'meshwright.none' } } },
      },
      headers_to_add: [
        reported(detailsHeader, '%RESPONSE_CODE_DETAILS%'),
        reported(policyHeader, '%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%'),
      ],
    },
  ],
};

const accessLog = (path: string) => ({
  name: 'connections',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
    path,
    log_format: {
      json_format: {
        // Milliseconds of the epoch.
        start: '%START_TIME(%s%3f)%',
        peer: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%',
        local: '%DOWNSTREAM_LOCAL_ADDRESS%',
        details: '%RESPONSE_CODE_DETAILS%',
        ended: '%CONNECTION_TERMINATION_DETAILS%',
        tls: '%DOWNSTREAM_TRANSPORT_FAILURE_REASON%',
        flags: '%RESPONSE_FLAGS%',
        chain: '%FILTER_CHAIN_NAME%',
      },
    },
  },
});

const isRecord = (value: unknown): value is EnvoyJson =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Replaces what has no counterpart here: secrets by files, routes by a direct answer, TCP upstreams by the echo. */
function rewritten(value: unknown, at: ServedAt): unknown {
  if (Array.isArray(value)) return value.map((item) => rewritten(item, at));
  if (!isRecord(value)) return value;
  if (isRecord(value['sds_config'])) {
    const path = at.secretFile(String(value['name']));
    return { ...value, sds_config: { path_config_source: { path }, resource_api_version: 'V3' } };
  }
  const type = typeof value['@type'] === 'string' ? value['@type'].split('.').at(-1) : undefined;
  const members = Object.entries(value).map(([name, member]) => [name, rewritten(member, at)] as const);
  const result: EnvoyJson = Object.fromEntries(members);
  if (isRecord(result['route']) && isRecord(result['match'])) {
    const { match, name } = result;
    return { name, match, direct_response: { status: 200 } };
  }
  if (type === 'HttpConnectionManager') {
    const { tracing: _tracing, access_log: _log, ...rest } = result;
    return { ...rest, local_reply_config: localReplies };
  }
  if (type === 'TcpProxy') {
    const { access_log: _log, ...rest } = result;
    return result['cluster'] === 'BlackHoleCluster' ? rest : { ...rest, cluster: echoCluster };
  }
  return result;
}

const socketAddress = (address: string, port: number) => ({ socket_address: { address, port_value: port } });

/** The listener of istiod as it is served: filters, chains and matches as they came. Source: the sidecar's own inbound. */
export function servedListener(listener: EnvoyJson, at: ServedAt): EnvoyJson {
  const { max_connections_to_accept_per_socket_event: _most, ...rest } = rewritten(listener, at) as EnvoyJson;
  const [first = 0, ...others] = at.ports;
  return {
    ...rest,
    name: at.name,
    address: socketAddress(at.ip, first),
    additional_addresses: others.map((port) => ({ address: socketAddress(at.ip, port) })),
    access_log: [accessLog(at.accessLog)],
  };
}
