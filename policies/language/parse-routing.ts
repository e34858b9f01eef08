/** Parses VirtualServices and DestinationRules. */
import type { Cursor } from './parse-cursor.ts';
import { parseNamed, parseSelection } from './parse-traffic.ts';
import type {
  ClientTlsMode,
  ConnectionRoute,
  DestinationRule,
  HeaderOperations,
  HttpMatch,
  HttpRoute,
  OutlierDetection,
  RouteDestination,
  RouteMirror,
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
    tls: document.get('spec', 'tls').items().map(parseConnectionRoute),
    tcp: document.get('spec', 'tcp').items().map(parseConnectionRoute),
    exportTo: document.get('spec', 'exportTo').texts(),
    createdAt: document.get('metadata', 'creationTimestamp').text(),
  };
}

function parseConnectionRoute(route: Cursor): ConnectionRoute {
  return {
    matches: route
      .get('match')
      .items()
      .map((match) => ({
        sniHosts: match.get('sniHosts').texts(),
        port: match.get('port').number(),
        gateways: match.get('gateways').texts(),
      })),
    destinations: route.get('route').items().map(parseDestination),
    at: route.at(),
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
    regexRewrite: parseRegexRewrite(route.get('rewrite', 'uriRegexRewrite')),
    answer: parseAnswer(route),
    delegate: route.get('delegate').isPresent()
      ? { namespace: route.get('delegate', 'namespace').text(), name: route.get('delegate', 'name').text() }
      : null,
    mirrors: parseMirrors(route),
    abort: parseAbort(route.get('fault', 'abort')),
    at: route.at(),
  };
}

function parseRegexRewrite(rewrite: Cursor): HttpRoute['regexRewrite'] {
  if (!rewrite.isPresent()) return null;
  return { match: rewrite.get('match').text(), replacement: rewrite.get('rewrite').text() };
}

/** A redirect goes before a direct response, as istiod looks at them. */
function parseAnswer(route: Cursor): HttpRoute['answer'] {
  const redirect = route.get('redirect');
  if (redirect.isPresent()) {
    const status = redirect.get('redirectCode').number() ?? 0;
    return { kind: 'redirect', status: status === 0 ? 301 : status };
  }
  const response = route.get('directResponse');
  return response.isPresent() ? { kind: 'directResponse', status: response.get('status').number() ?? 0 } : null;
}

/** `mirror` with its percentage, then `mirrors`; what is mirrored at 0 percent is not there. */
function parseMirrors(route: Cursor): readonly RouteMirror[] {
  const made = (destination: Cursor, percent: number): RouteMirror => ({
    host: destination.get('host').text(),
    port: destination.get('port', 'number').number(),
    subset: destination.get('subset').tryText() ?? null,
    percent,
  });
  const share = (percentage: Cursor) => (percentage.isPresent() ? (percentage.get('value').number() ?? 0) : null);
  const old = route.get('mirrorPercent').number() ?? route.get('mirror_percent').number();
  const mirror = route.get('mirror');
  const own = mirror.isPresent() ? [made(mirror, share(route.get('mirrorPercentage')) ?? old ?? 100)] : [];
  const more = route
    .get('mirrors')
    .items()
    .map((each) => made(each.get('destination'), share(each.get('percentage')) ?? 100));
  return [...own, ...more].filter(({ percent }) => percent > 0);
}

/** Without a percentage no request is aborted: what Envoy makes of the filter that istiod writes. */
function parseAbort(abort: Cursor): HttpRoute['abort'] {
  const percent = abort.get('percentage', 'value').number() ?? 0;
  // with a gRPC status the answer of HTTP is a success
  return percent > 0 ? { percent, status: abort.get('httpStatus').number() ?? 200 } : null;
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
    scheme: parseStringMatch(match.get('scheme')),
    queryParams: match
      .get('queryParams')
      .entries()
      .map(([name, entry]) => ({ name, match: parseStringMatch(entry) })),
    port: match.get('port').number(),
    gateways: match.get('gateways').texts(),
    sourceLabels: match.get('sourceLabels').labels(),
    sourceNamespace: match.get('sourceNamespace').text(),
    ignoreUriCase: match.get('ignoreUriCase').isTrue(),
    name: match.get('name').text(),
    at: match.at(),
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
    subsets: document
      .get('spec', 'subsets')
      .items()
      .map((subset) => ({ name: subset.get('name').text(), labels: subset.get('labels').labels() })),
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
