/** Seeded random meshes: every field, action and layer, drawn from few values so that they collide. */
import type { SourceDocument } from '#policies/language/document.ts';
import type { Draw } from './draw.ts';

const NAMESPACES = ['istio-system', 'a', 'b'];
/** The workloads of every random mesh. */
export const WORKLOADS = [
  { namespace: 'a', name: 'x' },
  { namespace: 'a', name: 'y' },
  { namespace: 'b', name: 'x' },
  { namespace: 'b', name: 'z' },
];
const PRINCIPALS = [
  'td/ns/a/sa/x',
  'td/ns/b/sa/z',
  'old/ns/a/sa/x',
  'td/*',
  '*/sa/x',
  '*',
  'cluster.local/ns/a/sa/y',
  '*ld/ns/a/sa/x',
];
const NAMESPACE_VALUES = ['a', 'b', '*', 'a*', '*b'];
const ACCOUNTS = ['x', 'a/x', 'b/z', 'z'];
const PATHS = ['/s/A', '/s/B', '/s/*', '*/B', '*', '/s/{*}', '/{**}/B', '/', '/a/b'];
const METHODS = ['POST', 'GET', 'P*', '*'];
const HOSTS = ['x.a', 'X.A:80', '*.a', 'x.*', '*'];
/** Their ports: http, grpc, tcp, undeclared protocol, no Service. */
export const PORTS = [80, 90, 70, 60, 50, 15_020];
const BLOCKS = ['10.0.0.0/8', '10.1.2.3', '0.0.0.0/0', '2001:db8::/32', '10.1.0.0/16'];
/** Token issuers; the last one is never trusted. */
export const ISSUERS = ['https://one', 'https://two', 'https://none'];
const REQUEST_PRINCIPALS = ['*', 'https://one/u', 'https://one/*', '*/u', 'https://one', 'https*'];
const CLAIM_KEYS = [
  'request.auth.claims[scope]',
  'request.auth.claims[role]',
  'request.auth.claims[a][b]',
  'request.auth.audiences',
  'request.auth.presenter',
];
const CLAIM_VALUES = ['r', 'w', 'r w', 'r*', '*w', '*'];
const HEADER_VALUES = ['1', '2', '*', '1*', '*2', ''];

const metadata = (namespace: string, name: string, more: object = {}) => ({ metadata: { namespace, name, ...more } });

function field(draw: Draw, name: string, values: readonly string[], probability: number): object {
  const notName = `not${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  return {
    ...draw.maybe(probability, name, () => draw.some(values, 3)),
    ...draw.maybe(probability / 3, notName, () => draw.some(values, 2)),
  };
}

function source(draw: Draw): object {
  return {
    ...field(draw, 'principals', PRINCIPALS, 0.5),
    ...field(draw, 'namespaces', NAMESPACE_VALUES, 0.2),
    ...field(draw, 'serviceAccounts', ACCOUNTS, 0.1),
    ...field(draw, 'trustDomains', ['td', '*', 'o*', 'foreign'], 0.1),
    ...field(draw, 'requestPrincipals', REQUEST_PRINCIPALS, 0.1),
    ...field(draw, 'ipBlocks', BLOCKS, 0.1),
    ...field(draw, 'remoteIpBlocks', BLOCKS, 0.1),
  };
}

function operation(draw: Draw): object {
  return {
    ...field(draw, 'paths', PATHS, 0.6),
    ...field(draw, 'methods', METHODS, 0.4),
    ...field(draw, 'hosts', HOSTS, 0.15),
    ...field(draw, 'ports', [...PORTS.map(String), '80'], 0.2),
  };
}

function condition(draw: Draw): object {
  const [key, values] = draw.of<readonly [string, readonly string[]]>([
    ['request.headers[h]', HEADER_VALUES],
    ['request.headers[:path]', ['/s/A', '/s/*']],
    ['request.headers[Host]', ['x.a']],
    [draw.of(CLAIM_KEYS), CLAIM_VALUES],
    ['request.auth.claims[iss]', ISSUERS],
    ['source.ip', BLOCKS],
    ['remote.ip', BLOCKS],
    ['destination.ip', BLOCKS],
    ['destination.port', PORTS.map(String)],
    ['connection.sni', ['*', 'x', 'outbound_*']],
    ['source.principal', PRINCIPALS],
    ['source.namespace', NAMESPACE_VALUES],
    ['source.serviceAccount', ACCOUNTS],
    ['source.trustDomain', ['td', '*']],
    ['request.auth.principal', REQUEST_PRINCIPALS],
    ['experimental.envoy.filters.f[k]', ['v', '[v]']],
    ['unknown.key', ['v']],
  ]);
  const negative = draw.chance(0.3);
  return {
    key,
    ...(negative ? { notValues: draw.some(values, 2) } : { values: draw.some(values, 2) }),
    ...(!negative && draw.chance(0.1) ? { notValues: draw.some(values, 1) } : {}),
  };
}

function rule(draw: Draw): object {
  return {
    ...draw.maybe(0.7, 'from', () => draw.list(3, () => ({ source: source(draw) }))),
    ...draw.maybe(0.7, 'to', () => draw.list(3, () => ({ operation: operation(draw) }))),
    ...draw.maybe(0.35, 'when', () => draw.list(2, () => condition(draw))),
  };
}

const selector = (draw: Draw) =>
  draw.maybe(0.5, 'selector', () => ({ matchLabels: draw.of([{ app: 'x' }, { app: 'y' }, {}]) }));

function authorizationPolicy(draw: Draw, index: number): object {
  const action = draw.of(['ALLOW', 'ALLOW', 'ALLOW', 'DENY', 'DENY', 'AUDIT', 'CUSTOM']);
  const dryRun = draw.chance(0.1) ? { annotations: { 'istio.io/dry-run': 'true' } } : {};
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    ...metadata(draw.of(NAMESPACES), `p${index}`, dryRun),
    spec: {
      ...(draw.chance(0.05) ? { targetRefs: [{ kind: 'Service', name: 'x' }] } : selector(draw)),
      action,
      ...(action === 'CUSTOM' ? { provider: { name: draw.of(['grpc', 'grpc', 'http', 'gone']) } } : {}),
      rules: draw.list(3, () => rule(draw)),
    },
  };
}

const modes = ['STRICT', 'STRICT', 'PERMISSIVE', 'PERMISSIVE', 'DISABLE', 'UNSET'];

function peerAuthentication(draw: Draw, index: number): object {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    ...metadata(draw.of(NAMESPACES), `pa${index}`),
    spec: {
      ...selector(draw),
      mtls: { mode: draw.of(modes) },
      ...draw.maybe(0.4, 'portLevelMtls', () => ({ [String(draw.of(PORTS))]: { mode: draw.of(modes) } })),
    },
  };
}

function requestAuthentication(draw: Draw, index: number): object {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'RequestAuthentication',
    ...metadata(draw.of(NAMESPACES), `ra${index}`),
    spec: {
      ...selector(draw),
      jwtRules: draw.list(2, () => ({
        issuer: draw.of(ISSUERS.slice(0, 2)),
        ...draw.maybe(0.4, 'audiences', () => draw.some(['r', 'https://r/', 'w'], 2)),
        ...draw.maybe(0.15, 'fromHeaders', () => [{ name: draw.of(['x-token', 'Authorization']), prefix: 'Bearer ' }]),
        ...draw.maybe(0.2, 'spaceDelimitedClaims', () => draw.some(['role', 'sub', 'aud', 'iss'], 2)),
        ...draw.maybe(0.2, 'outputPayloadToHeader', () => draw.of(['H', 'x-payload'])),
        ...draw.maybe(0.3, 'outputClaimToHeaders', () => [
          { header: 'h', claim: draw.of(['sub', 'role', 'scope', 'a.b', 'iss']) },
        ]),
      })),
    },
  };
}

function networkPeer(draw: Draw): object {
  const labels = { matchLabels: draw.of([{ app: 'x' }, { app: 'y' }, {}]) };
  return draw.of<object>([
    { podSelector: labels },
    { namespaceSelector: draw.of([{}, { matchLabels: { team: 'a' } }]) },
    {
      podSelector: labels,
      namespaceSelector: { matchExpressions: [{ key: 'team', operator: draw.of(['Exists', 'DoesNotExist']) }] },
    },
    { ipBlock: { cidr: '10.0.0.0/8', except: draw.of([[], ['10.1.0.0/16']]) } },
  ]);
}

function networkRule(draw: Draw, peers: 'from' | 'to'): object {
  return {
    ...draw.maybe(0.8, peers, () => draw.list(2, () => networkPeer(draw))),
    ...draw.maybe(0.5, 'ports', () => [
      draw.of<object>([{ port: 80 }, { port: 'web' }, { port: 60, endPort: 90 }, { protocol: 'UDP', port: 80 }]),
    ]),
  };
}

function networkPolicy(draw: Draw, index: number): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    ...metadata(draw.of(['a', 'b']), `np${index}`),
    spec: {
      podSelector: { matchLabels: draw.of([{ app: 'x' }, { app: 'y' }, {}]) },
      ...draw.maybe(0.6, 'policyTypes', () => draw.of([['Ingress'], ['Egress'], ['Ingress', 'Egress']])),
      ...draw.maybe(0.7, 'ingress', () => draw.list(2, () => networkRule(draw, 'from'))),
      ...draw.maybe(0.4, 'egress', () => draw.list(2, () => networkRule(draw, 'to'))),
    },
  };
}

function sidecar(draw: Draw, index: number): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    ...metadata(draw.of(NAMESPACES), `s${index}`),
    spec: {
      ...draw.maybe(0.4, 'workloadSelector', () => ({ labels: { app: draw.of(['x', 'y']) } })),
      egress: [{ hosts: draw.some(['./*', '*/*', '~/*', 'a/x.a.svc.cluster.local', 'b/*.svc.cluster.local'], 2) }],
      ...draw.maybe(0.3, 'outboundTrafficPolicy', () => ({ mode: draw.of(['ALLOW_ANY', 'REGISTRY_ONLY']) })),
    },
  };
}

function destinationRule(draw: Draw, index: number): object {
  const tls = () => ({ mode: draw.of(['DISABLE', 'SIMPLE', 'ISTIO_MUTUAL']) });
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    ...metadata(draw.of(NAMESPACES), `d${index}`),
    spec: {
      host: draw.of(['x', 'x.a.svc.cluster.local', '*.svc.cluster.local', 'z.b.svc.cluster.local']),
      trafficPolicy: {
        ...draw.maybe(0.7, 'tls', tls),
        ...draw.maybe(0.2, 'portLevelSettings', () => [{ port: { number: 80 }, tls: tls() }]),
      },
    },
  };
}

/** What a pod template says of its sidecar. */
const ANNOTATIONS = [
  { 'sidecar.istio.io/inject': 'false' },
  { 'sidecar.istio.io/inject': 'false' },
  { 'sidecar.istio.io/interceptionMode': 'NONE' },
  { 'status.sidecar.istio.io/port': '60' },
  { 'traffic.sidecar.istio.io/excludeInboundPorts': '80, 70' },
  { 'traffic.sidecar.istio.io/includeInboundPorts': '90,15020' },
  { 'traffic.sidecar.istio.io/includeInboundPorts': '' },
  { 'traffic.sidecar.istio.io/excludeOutboundIPRanges': '10.0.0.0/8' },
];

function workload(
  draw: Draw,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): readonly object[] {
  const labels = { app: name };
  const annotations = draw.maybe(0.25, 'annotations', () => draw.of(ANNOTATIONS));
  const ports = [
    { name: 'w', port: 80, targetPort: 'web', appProtocol: 'http' },
    { name: 'g', port: 90, appProtocol: 'grpc' },
    { name: 't', port: 70, appProtocol: 'tcp' },
    { name: 'u', port: 60 },
  ];
  const containers = [{ name: 'c', ports: [{ containerPort: 80, name: 'web' }] }];
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      ...metadata(namespace, name),
      spec: { template: { metadata: { labels, ...annotations }, spec: { serviceAccountName: name, containers } } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      ...metadata(namespace, name),
      spec: { selector: labels, ports, ...draw.maybe(0.1, 'clusterIP', () => 'None') },
    },
  ];
}

function meshConfig(draw: Draw): object {
  const mesh = {
    trustDomain: 'td',
    trustDomainAliases: draw.chance(0.5) ? ['old'] : [],
    pathNormalization: { normalization: draw.of(['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES']) },
    outboundTrafficPolicy: { mode: draw.of(['ALLOW_ANY', 'REGISTRY_ONLY']) },
    extensionProviders: [
      { name: 'grpc', envoyExtAuthzGrpc: { service: 'e', port: 1 } },
      { name: 'http', envoyExtAuthzHttp: { service: 'e', port: 1 } },
    ],
  };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    ...metadata('istio-system', 'istio'),
    data: { mesh: JSON.stringify(mesh) },
  };
}

const GATEWAY = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  ...metadata('b', 'gw'),
  spec: {
    selector: { app: 'z' },
    servers: [{ port: { number: 80, name: 'h', protocol: 'HTTPS' }, hosts: ['*'], tls: { mode: 'SIMPLE' } }],
  },
};

/** The documents of one random mesh. */
export function randomDocuments(draw: Draw): readonly SourceDocument[] {
  const many = <T>(most: number, make: (draw: Draw, index: number) => T) =>
    Array.from({ length: draw.integer(most + 1) }, (_, index) => make(draw, index));
  const values: readonly object[] = [
    meshConfig(draw),
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'a', labels: { team: 'a', 'istio-injection': 'enabled' } },
    },
    ...WORKLOADS.flatMap((each) => workload(draw, each)),
    ...many(6, authorizationPolicy),
    ...many(3, peerAuthentication),
    ...many(3, requestAuthentication),
    ...(draw.chance(0.4) ? many(4, networkPolicy) : []),
    ...(draw.chance(0.4) ? many(3, sidecar) : []),
    ...(draw.chance(0.4) ? many(3, destinationRule) : []),
    ...(draw.chance(0.3) ? [GATEWAY] : []),
    ...(draw.chance(0.1)
      ? [{ apiVersion: 'networking.istio.io/v1alpha3', kind: 'EnvoyFilter', ...metadata('a', 'f'), spec: {} }]
      : []),
  ];
  return values.map((value, index) => ({ file: 'random.yaml', index, value, lineOf: () => 1 }));
}
