/** Seeded random Gateways and VirtualServices before two workloads, and requests that try their edges. */
import type { Draw } from './draw.ts';

const HOSTS = ['a.example', 'b.example', '*.example', '*.example', '*', '*', 'A.example', 'x.b.example'];
const PATHS = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/A/b',
  '/ab',
  '/v1/a',
  '/v1',
  '/v1..',
  '/v1/..',
  '/s/x',
  '/item/7',
  '/item/x',
];
const EXPRESSIONS = ['/item/[0-9]+', '/a.*', '.*', '/(a|v1)/b?', '[^/]*/s/x', '/(ab)+', '*'];
const METHODS = ['GET', 'POST', 'PUT'];
const NAMESPACES = ['edge', 'shop', 'other'];
const VALUES = ['u', 'v', 'uv', ''];
/** The ports of the gateway's pod that its servers may listen on. */
export const GATEWAY_PORTS = [8080, 8443, 9000] as const;

/** How much of routing random meshes use: `decided` leaves out what the symbolic engine gives up, `live` what differs by chance. */
export type RouteScope = 'everything' | 'decided' | 'live';

function stringMatch(draw: Draw, words: readonly string[], scope: RouteScope): object {
  const filled = words.filter((word) => word !== '');
  const expressions = EXPRESSIONS.filter((each) => scope === 'everything' || each !== '/(ab)+');
  return draw.of<() => object>([
    () => ({ exact: draw.of(filled) }),
    () => ({ prefix: draw.of(filled) }),
    () => ({ regex: draw.of(expressions.filter((each) => each !== '*')) }),
  ])();
}

function match(draw: Draw, scope: RouteScope): object {
  const uri = () => stringMatch(draw, PATHS, scope);
  return {
    ...draw.maybe(0.8, 'uri', uri),
    ...draw.maybe(0.3, 'ignoreUriCase', () => true),
    ...draw.maybe(0.2, 'method', () => stringMatch(draw, METHODS, scope)),
    ...draw.maybe(0.1, 'authority', () => stringMatch(draw, ['a.example', 'b.example:80'], scope)),
    ...draw.maybe(0.2, 'headers', () => ({
      'x-a': draw.of<() => object>([() => stringMatch(draw, VALUES, scope), () => ({})])(),
    })),
    ...draw.maybe(0.15, 'withoutHeaders', () => ({
      'x-b': draw.of<() => object>([() => stringMatch(draw, VALUES, scope), () => ({}), () => ({ regex: '*' })])(),
    })),
    ...(scope === 'decided' ? {} : draw.maybe(0.1, 'queryParams', () => ({ q: stringMatch(draw, VALUES, scope) }))),
    ...(scope !== 'everything' ? {} : draw.maybe(0.03, 'scheme', () => ({ exact: 'https' }))),
    ...draw.maybe(0.1, 'port', () => draw.of([80, 443, 8080])),
    ...draw.maybe(0.05, 'gateways', () => [draw.of(['edge/one', 'edge/two'])]),
    ...draw.maybe(0.05, 'sourceNamespace', () => draw.of(['edge', 'shop'])),
    ...draw.maybe(0.05, 'sourceLabels', () => ({ app: draw.of(['ingress', 'shop']) })),
  };
}

const destination = (draw: Draw): object => ({
  host: draw.of(['shop.shop.svc.cluster.local', 'shop.shop.svc.cluster.local', 'bank.shop.svc.cluster.local', 'bank']),
  ...draw.maybe(0.4, 'port', () => ({ number: draw.of([80, 80, 81]) })),
  ...draw.maybe(0.1, 'subset', () => draw.of(['v1', 'none'])),
});

function action(draw: Draw, scope: RouteScope): object {
  const kind = draw.integer(10);
  if (kind === 0) return { redirect: { uri: '/elsewhere', ...draw.maybe(0.5, 'redirectCode', () => 302) } };
  if (kind === 1) return { directResponse: { status: draw.of([200, 403]) } };
  const only = draw.chance(0.8);
  const weights = draw.of([
    [100, 0],
    [50, 50],
    [0, 100],
  ]);
  const route = only
    ? [{ destination: destination(draw), ...draw.maybe(0.1, 'weight', () => 0) }]
    : weights.map((weight) => ({ destination: destination(draw), weight }));
  return {
    route,
    ...draw.maybe(0.4, 'rewrite', () => ({
      ...draw.maybe(0.8, 'uri', () => draw.of(['/', '/s/', '/s', '/a', '/s/x'])),
      ...draw.maybe(0.4, 'authority', () => draw.of(['a.example', 'inner.example'])),
    })),
    ...draw.maybe(0.2, 'mirror', () => destination(draw)),
    ...draw.maybe(0.3, 'headers', () => ({
      request: {
        ...draw.maybe(0.5, 'set', () => ({ 'x-c': draw.of(['u', 'v']) })),
        ...draw.maybe(0.3, 'remove', () => [draw.of(['x-a', 'x-c'])]),
      },
    })),
    ...draw.maybe(0.05, 'fault', () => ({
      abort: { httpStatus: 500, percentage: { value: scope === 'live' ? 100 : draw.of([50, 100]) } },
    })),
  };
}

/** A VirtualService that others delegate to: it has no hosts of its own. */
function delegated(draw: Draw, scope: RouteScope): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'delegated', namespace: 'shop' },
    spec: {
      http: [
        ...draw.list(2, () => ({
          match: draw.some(PATHS, 2).map((path) => ({ uri: draw.of([{ prefix: path }, { exact: path }]) })),
          ...action(draw, scope),
        })),
        { ...draw.maybe(0.5, 'match', () => [{ uri: { prefix: '/a/' } }]), ...action(draw, scope) },
      ],
      ...draw.maybe(0.3, 'exportTo', () => [draw.of(['.', '*', 'edge'])]),
    },
  };
}

const toDelegate = (draw: Draw): object => ({
  ...draw.maybe(0.8, 'match', () => [{ uri: { prefix: draw.of(['/a', '/', '/v1', '/s']) } }]),
  delegate: { name: draw.of(['delegated', 'delegated', 'nobody']), namespace: 'shop' },
});

function virtualService(draw: Draw, index: number, scope: RouteScope): object {
  const http = draw.list(4, () => ({
    ...draw.maybe(0.9, 'match', () => draw.list(2, () => match(draw, scope))),
    ...action(draw, scope),
  }));
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: {
      name: `vs-${index}`,
      namespace: draw.of(NAMESPACES),
      creationTimestamp: `2026-01-0${1 + draw.integer(3)}T00:00:00Z`,
    },
    spec: {
      hosts: [...new Set(draw.some(HOSTS, 2))],
      gateways: [...new Set(draw.some(['edge/one', 'edge/one', 'edge/two', 'mesh'], 2))],
      http: [
        ...(draw.chance(0.3) ? [toDelegate(draw)] : []),
        ...http,
        { match: [{ uri: { prefix: '/s' } }], route: [{ destination: { host: 'shop.shop.svc.cluster.local' } }] },
      ],
      ...draw.maybe(0.2, 'exportTo', () => [draw.of(['.', '*', 'edge', 'other'])]),
    },
  };
}

function gateway(draw: Draw, name: string): object {
  const port = (number: number, protocol: string, id: string) => ({ number, protocol, name: id });
  const hosts = () => [...new Set(draw.some([...HOSTS, 'shop/a.example', './*.example', '*/b.example'], 2))];
  const servers = [
    ...(draw.chance(0.8)
      ? [{ port: port(80, 'HTTP', 'http'), hosts: hosts(), ...draw.maybe(0.1, 'tls', () => ({ httpsRedirect: true })) }]
      : []),
    ...(draw.chance(0.7)
      ? [{ port: port(443, 'HTTPS', 'https'), hosts: hosts(), tls: { mode: 'SIMPLE', credentialName: 'c' } }]
      : []),
    ...(draw.chance(0.3) ? [{ port: port(9000, 'HTTP2', 'more'), hosts: hosts() }] : []),
    ...(draw.chance(0.3)
      ? [{ port: port(443, 'HTTPS', 'https-2'), hosts: hosts(), tls: { mode: 'SIMPLE', credentialName: 'd' } }]
      : []),
  ];
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace: 'edge', creationTimestamp: `2026-01-0${1 + draw.integer(3)}T00:00:00Z` },
    spec: {
      selector: { app: 'ingress' },
      servers: servers.length > 0 ? servers : [{ port: port(80, 'HTTP', 'http'), hosts: ['*'] }],
    },
  };
}

function workload(namespace: string, name: string): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name, version: 'v1', 'sidecar.istio.io/inject': 'true' } },
        spec: { serviceAccountName: name, containers: [{ name: 'c', image: 'c' }] },
      },
    },
  };
}

function service(namespace: string, name: string, ports: readonly (readonly [number, number])[]): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: {
      selector: { app: name },
      ports: ports.map(([port, targetPort]) => ({ name: `http-${port}`, port, targetPort })),
    },
  };
}

function policy(draw: Draw, namespace: string, name: string, from: boolean): object {
  const paths = draw.some(['/s', '/s*', '*x', '/s/{*}', '/{**}', '/a/b', '/item/{*}', '/*'], 2);
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: { app: name } },
      rules: [
        {
          ...(from ? { from: [{ source: { principals: ['td/ns/edge/sa/ingress'] } }] } : {}),
          to: [
            { operation: { paths, ...draw.maybe(0.4, 'hosts', () => [draw.of(['a.example', 'inner.example', '*'])]) } },
          ],
          ...draw.maybe(0.3, 'when', () => [{ key: 'request.headers[x-c]', values: [draw.of(['u', 'v*'])] }]),
        },
      ],
    },
  };
}

/** The objects of one random mesh: a gateway `edge/ingress` before `shop/shop` and `shop/bank`. */
export function randomRouteObjects(draw: Draw, scope: RouteScope): readonly object[] {
  const normalization = draw.of(['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES']);
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: 'istio-system' },
      data: { mesh: JSON.stringify({ trustDomain: 'td', pathNormalization: { normalization } }) },
    },
    workload('edge', 'ingress'),
    workload('shop', 'shop'),
    workload('shop', 'bank'),
    service('edge', 'ingress', [
      [80, 8080],
      [443, 8443],
    ]),
    service('shop', 'shop', [[80, 9080]]),
    service('shop', 'bank', [
      [80, 9080],
      [81, 9081],
    ]),
    ...(draw.chance(0.3)
      ? [
          {
            apiVersion: 'networking.istio.io/v1',
            kind: 'DestinationRule',
            metadata: { name: 'shop', namespace: 'shop' },
            spec: { host: 'shop', subsets: [{ name: 'v1', labels: { version: draw.of(['v1', 'v2']) } }] },
          },
        ]
      : []),
    ...(draw.chance(0.4) ? [policy(draw, 'edge', 'ingress', false)] : []),
    ...(draw.chance(0.7) ? [policy(draw, 'shop', 'shop', true)] : []),
    ...(draw.chance(0.3) ? [policy(draw, 'shop', 'bank', true)] : []),
    gateway(draw, 'one'),
    ...(draw.chance(0.5) ? [gateway(draw, 'two')] : []),
    delegated(draw, scope),
    ...Array.from({ length: 1 + draw.integer(3) }, (_, index) => virtualService(draw, index, scope)),
  ];
}

/** One random request to the gateway, in the format of `decide`. */
export function randomRouteRequest(draw: Draw, id: string): object {
  const odd = ['x.example', 'A.EXAMPLE:80', 'b.example:', '.example', 'example', '[::1]:80', ''];
  const host = draw.of(draw.chance(0.7) ? ['a.example', 'b.example', 'x.b.example'] : odd);
  return {
    id,
    destination: { namespace: 'edge', workload: 'ingress', port: draw.of([...GATEWAY_PORTS, 8080, 8443]) },
    http: {
      method: draw.of(METHODS),
      path: `${draw.of([...PATHS, '/a//b', '/a%2Fb', '/item/7/x'])}${draw.chance(0.2) ? '?q=u&q=v' : ''}`,
      host,
      headers: {
        ...draw.maybe(0.4, 'x-a', () => draw.of<unknown>(['u', 'v', ['u', 'v'], ''])),
        ...draw.maybe(0.4, 'x-b', () => draw.of(['u', 'uv', ''])),
        ...draw.maybe(0.3, 'x-c', () => draw.of<unknown>(['u', 'v1', ['v', 'u']])),
      },
    },
    ...(draw.chance(0.2) ? { sni: draw.of(['a.example', 'B.example', 'c.example', 'other']) } : {}),
  };
}
