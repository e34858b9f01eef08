/** What sidecars wrote about calls: Envoy's access log as JSON lines, found again by request id or by address. */
import type { Json } from './api.ts';
import type { Connection } from './connect.ts';

/** One line of a sidecar. Members that Envoy leaves empty are ''. Source: istio `EnvoyJSONLogFormatIstio`. */
export interface AccessEntry {
  readonly direction: 'inbound' | 'outbound';
  readonly requestId: string;
  readonly responseCode: number;
  /** Shape: `UF,URX`; '' for none. */
  readonly flags: string;
  /** Shape: `rbac_access_denied_matched_policy[none]`, `via_upstream`. */
  readonly details: string;
  readonly termination: string;
  readonly transportFailure: string;
  readonly cluster: string;
  readonly route: string;
  /** Shape: `10.0.0.7:41234`. */
  readonly downstreamRemote: string;
  /** What the far end connected to, before any redirection. */
  readonly downstreamLocal: string;
  readonly upstreamLocal: string;
  readonly upstreamHost: string;
  /** When the request or connection began by the proxy's clock: milliseconds since the epoch. */
  readonly startedAtMs: number;
}

/**
 * A connection as its far end knows it. A port serves connections to several places at once, and others later: of
 * several entries those to `to` are meant, and of these the one that began nearest to `atMs`.
 */
export interface PeerConnection {
  /** Shape: `10.0.0.7:41234`, as the proxy sees it. */
  readonly from: string;
  /** Shape: `10.96.0.12:50051`; null when it is not known. */
  readonly to: string | null;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** The entries of one pod, by what finds them. */
export interface AccessLog {
  byRequest(requestId: string, direction: AccessEntry['direction']): AccessEntry | undefined;
  byPeer(connection: PeerConnection, direction: AccessEntry['direction']): AccessEntry | undefined;
}

const text = (value: unknown): string => (value === null || value === undefined || value === '-' ? '' : String(value));

/** The entry of one log line, undefined for a line of another kind. */
export function parseEntry(line: string): AccessEntry | undefined {
  if (!line.startsWith('{')) return undefined;
  let json: Json;
  try {
    json = JSON.parse(line) as Json;
  } catch {
    return undefined;
  }
  if (!('response_flags' in json)) return undefined;
  const cluster = text(json['upstream_cluster']);
  return {
    direction: directionOf(cluster, text(json['requested_server_name']), text(json['response_code_details'])),
    requestId: text(json['request_id']),
    responseCode: Number(json['response_code'] ?? 0),
    flags: text(json['response_flags']),
    details: text(json['response_code_details']),
    termination: text(json['connection_termination_details']),
    transportFailure: text(json['upstream_transport_failure_reason']),
    cluster,
    route: text(json['route_name']),
    downstreamRemote: text(json['downstream_remote_address']),
    downstreamLocal: text(json['downstream_local_address']),
    upstreamLocal: text(json['upstream_local_address']),
    upstreamHost: text(json['upstream_host']),
    startedAtMs: Date.parse(text(json['start_time'])),
  };
}

/** The name of a mesh connection's server and the names of clusters tell who was called. */
function directionOf(cluster: string, serverName: string, details: string): AccessEntry['direction'] {
  if (cluster.startsWith('inbound|') || cluster.startsWith('InboundPassthrough')) return 'inbound';
  if (cluster.startsWith('outbound|') || cluster === 'BlackHoleCluster' || cluster === 'PassthroughCluster')
    return 'outbound';
  return serverName.startsWith('outbound_') || details === 'filter_chain_not_found' ? 'inbound' : 'outbound';
}

/** Envoy writes the reason for tracing into this place of a request id. Source: Envoy `UUIDRequestIdExtension`. */
const traceReasonAt = 14;

/** The id without the place that proxies write into. */
const keyOf = (requestId: string): string => requestId.slice(0, traceReasonAt) + requestId.slice(traceReasonAt + 1);

/** Indexes the lines of one pod's proxy. */
export function indexLog(lines: string): AccessLog {
  const requests = new Map<string, AccessEntry>();
  const peers = new Map<string, AccessEntry[]>();
  for (const line of lines.split('\n')) {
    const entry = parseEntry(line);
    if (entry === undefined) continue;
    if (entry.requestId !== '') requests.set(`${entry.direction} ${keyOf(entry.requestId)}`, entry);
    const peer = `${entry.direction} ${entry.downstreamRemote}`;
    const known = peers.get(peer);
    if (known === undefined) peers.set(peer, [entry]);
    else known.push(entry);
  }
  return {
    byRequest: (requestId, direction) => requests.get(`${direction} ${keyOf(requestId)}`),
    byPeer: (connection, direction) => nearest(peers.get(`${direction} ${connection.from}`) ?? [], connection),
  };
}

function nearest(entries: readonly AccessEntry[], { to, atMs }: PeerConnection): AccessEntry | undefined {
  const there = entries.filter(({ downstreamLocal }) => to === null || [to, ''].includes(downstreamLocal));
  const distance = ({ startedAtMs }: AccessEntry): number => Math.abs(startedAtMs - atMs);
  // Lines without a time (a format of the site's own) are not comparable: the last one stays.
  return there.reduce<AccessEntry | undefined>(
    (best, each) => (best !== undefined && distance(each) > distance(best) ? best : each),
    undefined,
  );
}

/** The log of a pod that has no proxy. */
export const emptyLog: AccessLog = indexLog('');

/** A pod's proxy. */
export interface ProxyReference {
  readonly namespace: string;
  readonly pod: string;
}

/** Reads what a pod's proxy wrote since a moment (ms since the epoch); empty when there is nothing to read. */
export async function readAccessLog(connection: Connection, proxy: ProxyReference, since: number): Promise<string> {
  const { status, body } = await connection.api.send({
    path: `/api/v1/namespaces/${proxy.namespace}/pods/${proxy.pod}/log`,
    query: { container: 'istio-proxy', sinceTime: new Date(since).toISOString() },
  });
  return status === 200 && typeof body === 'string' ? body : '';
}
