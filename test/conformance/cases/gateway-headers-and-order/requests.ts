import type { ConformanceRequest } from '../../conformance-case.ts';

interface Parts {
  readonly host?: string;
  readonly port?: number;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly sni?: string;
}

const get = (path: string, { host = 'shop.example', port = 8080, headers = {}, sni }: Parts = {}) => ({
  destination: { namespace: 'edge', workload: 'ingress', port },
  http: { method: 'GET', path, host, headers },
  ...(sni === undefined ? {} : { sni }),
});
const answered = (http: number, policy = 'shop/older') => ({
  verdict: 'deny' as const,
  layer: 'routing',
  policy,
  status: { http, grpc: { 204: 2, 205: 2, 206: 2, 207: 2, 418: 2 }[http] ?? 2 },
});
const sentTo = (...hosts: readonly string[]) => ({
  verdict: 'allow' as const,
  layer: 'none',
  forwards: hosts.map((host) => ({ kind: 'request', host: `${host}.shop.svc.cluster.local` })),
});

/** Values of headers, the age of VirtualServices, and which route goes last. */
export const requests: readonly ConformanceRequest[] = [
  {
    name: 'one of several values',
    request: get('/value', { headers: { 'x-a': ['v', 'u'] } }),
    expected: answered(204),
    because: 'some value of the header is u',
  },
  {
    name: 'an absent header where its being empty is asked against',
    request: get('/value'),
    expected: sentTo('shop'),
    because: 'absent counts as empty, so the second match fails, and the third asks for presence',
  },
  {
    name: 'a header with another value',
    request: get('/value', { headers: { 'x-b': ['w'] } }),
    expected: answered(205),
    because: 'it is not empty',
  },
  {
    name: 'an empty header',
    request: get('/value', { headers: { 'x-b': [''] } }),
    expected: answered(206),
    because: 'it is there',
  },
  {
    name: 'a path that two VirtualServices take',
    request: get('/both'),
    expected: sentTo('old'),
    because: 'the older one goes first',
  },
  {
    name: 'a path of the younger one that everything of the older one would take',
    request: get('/young'),
    expected: answered(418, 'shop/younger'),
    because: 'routes that take everything go last, over all VirtualServices of the host',
  },
  {
    name: 'a match for the port of another server',
    request: get('/port'),
    expected: sentTo('shop'),
    because: 'the server is on 8080',
  },
  {
    name: 'a match for the port of the server',
    request: get('/port', { port: 8443 }),
    expected: answered(207),
    because: 'the server is on 8443',
  },
  {
    name: 'matches for another namespace and another Gateway',
    request: get('/from'),
    expected: sentTo('shop'),
    because: 'the proxy that routes is the gateway in edge, bound through edge/web',
  },
  {
    name: 'a weighted destination that does not exist',
    request: get('/any'),
    expected: sentTo('shop'),
    because: 'the Service `old` has no port 82, so only the other one takes requests',
  },
  {
    name: 'a host below the wildcard',
    request: get('/both', { host: 'a.b.example' }),
    expected: sentTo('shop'),
    because: '*.example covers names of any depth',
  },
  {
    name: 'the wildcard without a name before it',
    request: get('/both', { host: '.example' }),
    expected: { verdict: 'deny', layer: 'routing', policy: null, status: { http: 404, grpc: 12 } },
    because: 'a host must have something before the suffix',
  },
  {
    name: 'the same as an SNI',
    request: get('/both', { port: 8443, sni: '.example' }),
    expected: sentTo('old'),
    because: 'a listener takes .example for one of *.example',
  },
];
