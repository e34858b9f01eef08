/** Parses VirtualServices and DestinationRules. */
import type { Cursor } from './parse-cursor.ts';
import { parseNamed, parseSelection } from './parse-traffic.ts';
import type {
  ClientTlsMode,
  DestinationRule,
  HeaderOperations,
  HttpMatch,
  HttpRoute,
  OutlierDetection,
  RouteDestination,
  StringMatch,
  TrafficPolicy,
  VirtualService,
} from './traffic.ts';

/** Parses a VirtualService; without `gateways` it is for sidecars. */
export function parseVirtualService(document: Cursor): VirtualService {
  const gateways = document.get('spec', 'gateways').texts();
  return {
    ...parseNamed(document),
    hosts: document.get('spec', 'hosts').texts(),
    gateways: gateways.length === 0 ? ['mesh'] : gateways,
    http: document.get('spec', 'http').items().map(parseHttpRoute),
  };
}

function parseHttpRoute(route: Cursor): HttpRoute {
  const retries = route.get('retries');
  return {
    name: route.get('name').text(),
    matches: route.get('match').items().map(parseHttpMatch),
    destinations: route.get('route').items().map(parseDestination),
    timeoutMs: route.get('timeout').durationMs(),
    retries: retries.isPresent()
      ? {
          attempts: retries.get('attempts').number() ?? 0,
          perTryTimeoutMs: retries.get('perTryTimeout').durationMs(),
          retryOn: retries
            .get('retryOn')
            .text()
            .split(',')
            .filter((condition) => condition !== ''),
        }
      : null,
    ...parseHeaders(route.get('headers')),
    rewrite: {
      uri: route.get('rewrite', 'uri').tryText() ?? null,
      authority: route.get('rewrite', 'authority').tryText() ?? null,
    },
  };
}

function parseHeaders(headers: Cursor): {
  readonly requestHeaders: HeaderOperations;
  readonly responseHeaders: HeaderOperations;
} {
  const operations = (side: Cursor): HeaderOperations => ({
    set: side.get('set').labels(),
    add: side.get('add').labels(),
    remove: side.get('remove').texts(),
  });
  return { requestHeaders: operations(headers.get('request')), responseHeaders: operations(headers.get('response')) };
}

function parseHttpMatch(match: Cursor): HttpMatch {
  const headers = (key: string) =>
    match
      .get(key)
      .entries()
      .map(([name, entry]) => ({ name: name.toLowerCase(), match: parseStringMatch(entry) }));
  return {
    uri: parseStringMatch(match.get('uri')),
    method: parseStringMatch(match.get('method')),
    authority: parseStringMatch(match.get('authority')),
    headers: headers('headers'),
    withoutHeaders: headers('withoutHeaders'),
    port: match.get('port').number(),
    gateways: match.get('gateways').texts(),
    ignoreUriCase: match.get('ignoreUriCase').isTrue(),
  };
}

function parseStringMatch(match: Cursor): StringMatch {
  for (const kind of ['exact', 'prefix', 'regex'] as const) {
    const value = match.get(kind).tryText();
    if (value !== undefined) return { kind, value };
  }
  return { kind: 'any' };
}

function parseDestination(route: Cursor): RouteDestination {
  return {
    host: route.get('destination', 'host').text(),
    port: route.get('destination', 'port', 'number').number(),
    subset: route.get('destination', 'subset').tryText() ?? null,
    weight: route.get('weight').number() ?? 0,
    ...parseHeaders(route.get('headers')),
  };
}

/** Parses a DestinationRule. */
export function parseDestinationRule(document: Cursor): DestinationRule {
  const policy = document.get('spec', 'trafficPolicy');
  return {
    ...parseNamed(document),
    host: document.get('spec', 'host').text(),
    selection: parseSelection(document.get('spec', 'workloadSelector'), 'matchLabels'),
    policy: parseTrafficPolicy(policy),
    portPolicies: policy
      .get('portLevelSettings')
      .items()
      .map((entry) => ({
        port: entry.get('port', 'number').number() ?? 0,
        policy: parseTrafficPolicy(entry),
      })),
  };
}

const TLS_MODES: readonly ClientTlsMode[] = ['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'];

function parseTrafficPolicy(policy: Cursor): TrafficPolicy {
  const pool = policy.get('connectionPool');
  const mode = policy.get('tls', 'mode').text();
  return {
    tls: policy.get('tls').isPresent() ? (TLS_MODES.find((known) => known === mode) ?? 'DISABLE') : null,
    subjectAltNames: policy.get('tls', 'subjectAltNames').texts(),
    maxConnections: pool.get('tcp', 'maxConnections').number(),
    connectTimeoutMs: pool.get('tcp', 'connectTimeout').durationMs(),
    maxPendingRequests: pool.get('http', 'http1MaxPendingRequests').number(),
    maxRequests: pool.get('http', 'http2MaxRequests').number(),
    maxRequestsPerConnection: pool.get('http', 'maxRequestsPerConnection').number(),
    maxRetries: pool.get('http', 'maxRetries').number(),
    idleTimeoutMs: pool.get('http', 'idleTimeout').durationMs() ?? pool.get('tcp', 'idleTimeout').durationMs(),
    outlierDetection: parseOutlierDetection(policy.get('outlierDetection')),
  };
}

function parseOutlierDetection(detection: Cursor): OutlierDetection | null {
  if (!detection.isPresent()) return null;
  return {
    consecutive5xxErrors: detection.get('consecutive5xxErrors').number(),
    consecutiveGatewayErrors: detection.get('consecutiveGatewayErrors').number(),
    intervalMs: detection.get('interval').durationMs() ?? 10_000,
    baseEjectionTimeMs: detection.get('baseEjectionTime').durationMs() ?? 30_000,
    maxEjectionPercent: detection.get('maxEjectionPercent').number() ?? 10,
  };
}
