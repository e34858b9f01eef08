/** Schemas of networking.istio.io (v1, v1beta1, v1alpha3) and telemetry.istio.io. Source: the CRDs of Istio 1.31. */
import { customObject } from './metadata.ts';
import { targetRef, workloadSelector } from './security.ts';
import {
  atMostOne,
  closed,
  filled,
  flag,
  list,
  number,
  oneOf,
  record,
  type Shape,
  text,
  unsigned,
  whole,
} from './shape.ts';
import { connectionPool, destination, namedPort, serverTls, trafficPolicy } from './traffic.ts';

const texts = list(text());
const labels = record(text());
const labelled = closed({ labels: record(text({ maxLength: 63 }), { maxMembers: 256 }) });
const stringMatch = atMostOne(closed({ exact: text(), prefix: text(), regex: text() }), 'exact', 'prefix', 'regex');
const captureMode = oneOf('DEFAULT', 'IPTABLES', 'NONE');

const egressListener = closed({ port: namedPort(), bind: text(), captureMode, hosts: texts }, ['hosts']);
const ingressListener = closed(
  { port: namedPort(), bind: text(), captureMode, defaultEndpoint: text(), tls: serverTls, connectionPool },
  ['port'],
);

/** Sidecar. */
export const sidecar: Shape = customObject(
  closed({
    workloadSelector: labelled,
    ingress: list(ingressListener),
    egress: list(egressListener),
    inboundConnectionPool: connectionPool,
    outboundTrafficPolicy: closed({ mode: oneOf('REGISTRY_ONLY', 'ALLOW_ANY'), egressProxy: destination }),
  }),
);

const endpoint = closed({
  address: text({ maxLength: 256 }),
  ports: record(unsigned, { maxMembers: 128 }),
  labels: record(text(), { maxMembers: 256 }),
  network: text({ maxLength: 2048 }),
  locality: text({ maxLength: 2048 }),
  weight: unsigned,
  serviceAccount: text({ maxLength: 253 }),
});

const entryPort = closed(
  { number: unsigned, name: text({ maxLength: 256 }), protocol: text({ maxLength: 256 }), targetPort: unsigned },
  ['number', 'name'],
);

/** ServiceEntry. */
export const serviceEntry: Shape = customObject(
  closed(
    {
      hosts: list(text(), { minItems: 1, maxItems: 256 }),
      addresses: list(text({ maxLength: 64 }), { maxItems: 256 }),
      ports: list(entryPort, { maxItems: 256 }),
      location: oneOf('MESH_EXTERNAL', 'MESH_INTERNAL'),
      resolution: oneOf('NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
      endpoints: list(endpoint, { maxItems: 4096 }),
      workloadSelector: labelled,
      exportTo: texts,
      subjectAltNames: texts,
    },
    ['hosts'],
  ),
  ['spec'],
);

const server = closed(
  {
    port: namedPort('number', 'protocol', 'name'),
    bind: text(),
    hosts: texts,
    tls: serverTls,
    defaultEndpoint: text(),
    name: text(),
  },
  ['port', 'hosts'],
);

/** Gateway. */
export const gateway: Shape = customObject(closed({ servers: list(server), selector: labels }));

/** DestinationRule. */
export const destinationRule: Shape = customObject(
  closed(
    {
      host: text(),
      trafficPolicy,
      subsets: list(closed({ name: text(), labels, trafficPolicy }, ['name'])),
      exportTo: texts,
      workloadSelector,
    },
    ['host'],
  ),
);

const headerOperations = closed({ set: labels, add: labels, remove: texts });
const headers = closed({ request: headerOperations, response: headerOperations });
const percentage = closed({ value: number() });
const weighted = { destination, weight: whole() };

const httpMatch = closed({
  name: text(),
  uri: stringMatch,
  scheme: stringMatch,
  method: stringMatch,
  authority: stringMatch,
  headers: record(stringMatch),
  withoutHeaders: record(stringMatch),
  queryParams: record(stringMatch),
  ignoreUriCase: flag,
  port: unsigned,
  sourceLabels: labels,
  sourceNamespace: text(),
  gateways: texts,
  statPrefix: text(),
});

const redirect = atMostOne(
  closed({
    uri: text(),
    authority: text(),
    port: unsigned,
    derivePort: oneOf('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
    scheme: text(),
    redirectCode: unsigned,
  }),
  'port',
  'derivePort',
);
const delay = closed({ percent: whole(), percentage, fixedDelay: text(), exponentialDelay: text() });
const abort = closed({ httpStatus: whole(), grpcStatus: text(), http2Error: text(), percentage });

const httpRoute = closed({
  name: text(),
  match: list(httpMatch),
  route: list(closed({ ...weighted, headers }, ['destination'])),
  redirect,
  directResponse: closed(
    { status: unsigned, body: atMostOne(closed({ string: text(), bytes: text() }), 'string', 'bytes') },
    ['status'],
  ),
  delegate: closed({ name: text(), namespace: text() }),
  rewrite: closed({ uri: text(), authority: text(), uriRegexRewrite: closed({ match: text(), rewrite: text() }) }),
  timeout: text(),
  retries: closed({
    attempts: whole(),
    perTryTimeout: text(),
    retryOn: text(),
    retryRemoteLocalities: flag,
    retryIgnorePreviousHosts: flag,
    backoff: text(),
  }),
  fault: closed({
    delay: atMostOne(delay, 'fixedDelay', 'exponentialDelay'),
    abort: atMostOne(abort, 'httpStatus', 'grpcStatus', 'http2Error'),
  }),
  mirror: destination,
  mirrors: list(closed({ destination, percentage }, ['destination'])),
  mirrorPercent: unsigned,
  mirror_percent: unsigned,
  mirrorPercentage: percentage,
  corsPolicy: closed({
    allowOrigin: texts,
    allowOrigins: list(stringMatch),
    allowMethods: texts,
    allowHeaders: texts,
    exposeHeaders: texts,
    maxAge: text(),
    allowCredentials: flag,
    unmatchedPreflights: oneOf('UNSPECIFIED', 'FORWARD', 'IGNORE'),
  }),
  headers,
});

const connectionMatch = {
  destinationSubnets: texts,
  port: unsigned,
  sourceLabels: labels,
  gateways: texts,
  sourceNamespace: text(),
};
const connectionRoutes = list(closed(weighted, ['destination']));

/** VirtualService. */
export const virtualService: Shape = customObject(
  closed({
    hosts: texts,
    gateways: texts,
    http: list(httpRoute),
    tls: list(
      closed({ match: list(closed({ ...connectionMatch, sniHosts: texts }, ['sniHosts'])), route: connectionRoutes }, [
        'match',
      ]),
    ),
    tcp: list(closed({ match: list(closed({ ...connectionMatch, sourceSubnet: text() })), route: connectionRoutes })),
    exportTo: texts,
  }),
);

const providers = list(closed({ name: filled }, ['name']));
const mode = oneOf('CLIENT_AND_SERVER', 'CLIENT', 'SERVER');

const customTag = atMostOne(
  closed({
    literal: closed({ value: filled }, ['value']),
    environment: closed({ name: filled, defaultValue: text() }, ['name']),
    header: closed({ name: filled, defaultValue: text() }, ['name']),
    formatter: closed({ value: filled }, ['value']),
  }),
  'literal',
  'environment',
  'header',
  'formatter',
);

const tracing = closed({
  match: closed({ mode }),
  providers,
  randomSamplingPercentage: number({ minimum: 0, maximum: 100 }),
  disableSpanReporting: flag,
  customTags: record(customTag),
  useRequestIdForTraceSampling: flag,
  enableIstioTags: flag,
});

const override = closed({
  match: atMostOne(
    closed({
      mode,
      metric: oneOf(
        'ALL_METRICS',
        'REQUEST_COUNT',
        'REQUEST_DURATION',
        'REQUEST_SIZE',
        'RESPONSE_SIZE',
        'TCP_OPENED_CONNECTIONS',
        'TCP_CLOSED_CONNECTIONS',
        'TCP_SENT_BYTES',
        'TCP_RECEIVED_BYTES',
        'GRPC_REQUEST_MESSAGES',
        'GRPC_RESPONSE_MESSAGES',
      ),
      customMetric: filled,
    }),
    'metric',
    'customMetric',
  ),
  disabled: flag,
  tagOverrides: record(closed({ operation: oneOf('UPSERT', 'REMOVE'), value: text() })),
});

/** Telemetry. */
export const telemetry: Shape = customObject(
  closed({
    selector: workloadSelector,
    targetRef,
    targetRefs: list(targetRef, { maxItems: 16 }),
    tracing: list(tracing),
    metrics: list(closed({ providers, overrides: list(override), reportingInterval: text() })),
    accessLogging: list(
      closed({ match: closed({ mode }), providers, disabled: flag, filter: closed({ expression: text() }) }),
    ),
  }),
);
