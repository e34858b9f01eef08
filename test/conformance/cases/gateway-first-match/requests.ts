import type { ConformanceRequest } from '../../conformance-case.ts';

const at = (port: number, method: string, path: string, host = 'shop.example', sni?: string) => ({
  destination: { namespace: 'edge', workload: 'ingress', port },
  http: { method, path, host, headers: {} },
  ...(sni === undefined ? {} : { sni }),
});

/** The call that the only destination gets, and what is decided there. */
const forwarded = (path: string, verdict: 'allow' | 'deny') => ({
  verdict: 'allow' as const,
  layer: 'none',
  forwards: [
    {
      kind: 'request' as const,
      host: 'shop.shop.svc.cluster.local',
      port: 80,
      destination: { namespace: 'shop', workload: 'shop', port: 9080 },
      http: { path },
      answer: { verdict },
    },
  ],
});

/** What the gateway answers itself, as a route of the VirtualService says where one took the request. */
const answered = (http: number, grpc: number, policy: string | null = 'shop/shop') => ({
  verdict: 'deny' as const,
  layer: 'routing',
  policy,
  status: { http, grpc },
});
const notFound = answered(404, 12, null);

/** Host, then the first match, then where it leads. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'a path of a prefix',
    request: at(8443, 'POST', '/api/orders'),
    expected: forwarded('/api/orders', 'allow'),
    because: 'the last route takes it, and the rules of the shop let the gateway call it',
  },
  {
    name: 'the port of the host is not compared',
    request: at(8443, 'POST', '/api/orders', 'Shop.Example:443'),
    expected: forwarded('/api/orders', 'allow'),
    because: 'Envoy compares hosts without port and letter case',
  },
  {
    name: 'a prefix that is put in place of another',
    request: at(8443, 'GET', '/v1/orders?x=1'),
    expected: forwarded('/api/orders?x=1', 'allow'),
    because: 'the rewrite replaces the prefix and keeps the rest',
  },
  {
    name: 'a method that no match asks for',
    request: at(8443, 'POST', '/v1/orders'),
    expected: notFound,
    because: 'the match asks for GET',
  },
  {
    name: 'a prefix in another letter case',
    request: at(8443, 'GET', '/cASE/1'),
    expected: forwarded('/catalogue/1', 'deny'),
    because: 'ignoreUriCase; the rules of the shop do not let the rewritten path in',
  },
  {
    name: 'a prefix is not compared by segments',
    request: at(8443, 'GET', '/api/administrators'),
    expected: answered(403, 7),
    because: 'the route of /api/admin takes it first, and aborts everything',
  },
  {
    name: 'an expression takes the whole path',
    request: at(8443, 'GET', '/item/12'),
    expected: answered(503, 14),
    because: 'no DestinationRule gives the shop a subset `blue`',
  },
  {
    name: 'an expression that matches a part only',
    request: at(8443, 'GET', '/item/12/reviews'),
    expected: notFound,
    because: 'expressions must match the whole path',
  },
  {
    name: 'a redirect',
    request: at(8443, 'GET', '/old'),
    expected: answered(302, 2),
    because: 'the gateway answers itself',
  },
  {
    name: 'a direct response',
    request: at(8443, 'GET', '/health'),
    expected: answered(200, 0),
    because: 'the gateway answers itself',
  },
  {
    name: 'a host that no server has',
    request: at(8443, 'GET', '/api/x', 'other.example', 'shop.example'),
    expected: notFound,
    because: 'the connection is taken by its SNI, and no VirtualService serves the host',
  },
  {
    name: 'an SNI that no server has',
    request: at(8443, 'GET', '/api/x', 'shop.example', 'other.example'),
    expected: { verdict: 'deny', layer: 'routing', policy: null, status: null },
    because: 'no filter chain takes the connection',
  },
  {
    name: 'another host of the same server',
    request: at(8443, 'POST', '/api/x', 'a.wild.example', 'z.wild.example'),
    expected: forwarded('/api/x', 'allow'),
    because: 'the SNI chooses the server, the host the VirtualService',
  },
  {
    name: 'a VirtualService of a namespace that the server does not name',
    request: at(8443, 'POST', '/api/x', 'b.wild.example'),
    expected: notFound,
    because: 'the server takes VirtualServices of namespace shop only',
  },
  {
    name: 'plaintext where HTTPS is asked for',
    request: at(8080, 'GET', '/api/x'),
    expected: answered(301, 2, null),
    because: 'httpsRedirect',
  },
  {
    name: 'a request without host',
    request: at(8443, 'GET', '/api/x', '', 'shop.example'),
    expected: notFound,
    because: 'an empty authority belongs to no virtual host',
  },
];
