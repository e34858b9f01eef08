import type { ConformanceRequest } from '../../conformance-case.ts';

const at = (port: number) => ({ destination: { namespace: 'edge', workload: 'ingress', port } });
const get = (path: string) => ({ ...at(8080), http: { method: 'GET', path, host: 'shop.example', headers: {} } });
const sent = (forwards: readonly object[]) => ({
  verdict: 'allow' as const,
  layer: 'none',
  forwards: forwards.map((forward) => ({ kind: 'request', ...forward })),
});
const [shop, old] = ['shop.shop.svc.cluster.local', 'old.shop.svc.cluster.local'];
const refused = (status: { readonly http: number; readonly grpc: number } | null) => ({
  verdict: 'deny' as const,
  layer: 'routing',
  policy: null,
  status,
});

/** Delegated routes, copies, and connections that are passed on as bytes. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'a delegated route',
    request: get('/team/a/x'),
    expected: sent([{ host: shop, http: { path: '/a/x' } }]),
    because: 'its match lies within the match of the root',
  },
  {
    name: 'a delegated route without a match',
    request: get('/teams'),
    expected: sent([{ host: old, http: { path: '/teams' } }]),
    because: 'it takes what the root delegates; the one for /other conflicts and is left out',
  },
  {
    name: 'a delegate that is not exported',
    request: get('/hidden'),
    expected: refused({ http: 404, grpc: 12 }),
    because: 'the root in another namespace does not see it, and the route is left out',
  },
  {
    name: 'a mirrored route',
    request: get('/copied'),
    expected: sent([{ host: shop }, { kind: 'copy', host: old, port: 81 }]),
    because: 'a copy of the request goes to the mirror',
  },
  {
    name: 'TLS that is passed on by its SNI',
    request: { ...at(8443), sni: 'a.shop.example' },
    expected: sent([{ host: shop, port: 80, http: null }]),
    because: 'the tls route names the SNI',
  },
  {
    name: 'TLS with an SNI of the server that no route names',
    request: { ...at(8443), sni: 'b.shop.example' },
    expected: refused(null),
    because: 'only routes make filter chains of a server that passes TLS on',
  },
  {
    name: 'bytes in plaintext',
    request: at(9000),
    expected: sent([{ host: old, port: 81, http: null }]),
    because: 'the tcp route is for the port',
  },
  {
    name: 'bytes for a server without a route',
    request: at(9001),
    expected: refused(null),
    because: 'nothing listens there',
  },
];
