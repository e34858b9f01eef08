/** Schemas that VirtualService, DestinationRule, Gateway and Sidecar share. Source: the CRDs of Istio 1.31. */
import { atMostOne, closed, flag, list, number, oneOf, record, type Shape, text, unsigned, whole } from './shape.ts';

const texts = list(text());

/** TLS settings of a listener. */
export const serverTls: Shape = closed({
  mode: oneOf('PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'),
  httpsRedirect: flag,
  serverCertificate: text(),
  privateKey: text(),
  caCertificates: text(),
  caCertCredentialName: text(),
  caCrl: text(),
  credentialName: text(),
  credentialNames: list(text(), { minItems: 1, maxItems: 2 }),
  tlsCertificates: list(closed({ serverCertificate: text(), privateKey: text(), caCertificates: text() }), {
    minItems: 1,
    maxItems: 2,
  }),
  subjectAltNames: texts,
  verifyCertificateSpki: texts,
  verifyCertificateHash: texts,
  minProtocolVersion: oneOf('TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'),
  maxProtocolVersion: oneOf('TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'),
  cipherSuites: texts,
});

/** TLS settings of a caller. */
const clientTls: Shape = closed({
  mode: oneOf('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'),
  clientCertificate: text(),
  privateKey: text(),
  caCertificates: text(),
  caCrl: text(),
  credentialName: text(),
  subjectAltNames: texts,
  sni: text(),
  insecureSkipVerify: flag,
});

/** Limits of the connections to one destination. */
export const connectionPool: Shape = closed({
  tcp: closed({
    maxConnections: whole(),
    connectTimeout: text(),
    idleTimeout: text(),
    maxConnectionDuration: text(),
    tcpKeepalive: closed({ probes: unsigned, time: text(), interval: text() }),
  }),
  http: closed({
    http1MaxPendingRequests: whole(),
    http2MaxRequests: whole(),
    maxRequestsPerConnection: whole(),
    maxRetries: whole(),
    idleTimeout: text(),
    h2UpgradePolicy: oneOf('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'),
    useClientProtocol: flag,
    maxConcurrentStreams: whole(),
  }),
});

const outlierDetection = closed({
  consecutiveErrors: whole(),
  consecutiveGatewayErrors: unsigned,
  consecutive5xxErrors: unsigned,
  consecutiveLocalOriginFailures: unsigned,
  splitExternalLocalOriginErrors: flag,
  interval: text(),
  baseEjectionTime: text(),
  maxEjectionPercent: whole(),
  minHealthPercent: whole(),
});

const percent: Shape = number({ minimum: 0, maximum: 100 });

const ringSize = closed({ minimumRingSize: unsigned });

const hash = closed({
  httpHeaderName: text(),
  httpQueryParameterName: text(),
  httpCookie: closed(
    { name: text(), path: text(), ttl: text(), attributes: list(closed({ name: text(), value: text() }, ['name'])) },
    ['name'],
  ),
  useSourceIp: flag,
  ringHash: ringSize,
  maglev: closed({ tableSize: unsigned }),
  minimumRingSize: unsigned,
});

const consistentHash = atMostOne(
  atMostOne(hash, 'httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'),
  'ringHash',
  'maglev',
);

const balancing = closed({
  simple: oneOf('UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST'),
  consistentHash,
  localityLbSetting: closed({
    enabled: flag,
    distribute: list(closed({ from: text(), to: record(unsigned) })),
    failover: list(closed({ from: text(), to: text() })),
    failoverPriority: texts,
  }),
  warmup: closed({ duration: text(), aggression: number(), minimumPercent: percent }, ['duration']),
  warmupDurationSecs: text(),
});

const loadBalancer = atMostOne(balancing, 'simple', 'consistentHash');

const destinationPolicy = { connectionPool, outlierDetection, loadBalancer, tls: clientTls };

/** How calls to one destination, or to some of its ports, are made. */
export const trafficPolicy: Shape = closed({
  ...destinationPolicy,
  portLevelSettings: list(closed({ port: closed({ number: unsigned }), ...destinationPolicy }), { maxItems: 4096 }),
  proxyProtocol: closed({ version: oneOf('V1', 'V2') }),
  retryBudget: closed({ percent, minRetryConcurrency: unsigned }),
  tunnel: closed({ protocol: text(), targetHost: text(), targetPort: unsigned }, ['targetHost', 'targetPort']),
});

/** A host, or one subset or port of it. */
export const destination: Shape = closed({ host: text(), subset: text(), port: closed({ number: unsigned }) }, [
  'host',
]);

/** A port of a server or of a listener; `required` names the members that must be there. */
export const namedPort = (...required: readonly string[]): Shape =>
  closed({ number: unsigned, name: text(), protocol: text(), targetPort: unsigned }, required);
