/** Values that provoke: spellings which other tests seldom reach, by the policy field or request member they go to. */

/** Odd values by field of a policy; a not-field takes those of its positive twin. */
export const oddPolicyValues: Readonly<Record<string, readonly string[]>> = {
  principals: [
    'td/ns/*/sa/x',
    'spiffe://td/ns/a/sa/x',
    'td/ns/a/sa/x/y',
    '*td/ns/a/sa/x*',
    'cluster.local/*',
    '*/x',
    'td/*/x',
  ],
  namespaces: ['a*b', '*a*', 'a.b', 'A', 'a/sa'],
  serviceAccounts: ['a/y', 'istio-system/x', 'y'],
  trustDomains: ['ol*', '*d', 'tdx', 'cluster.local'],
  requestPrincipals: ['https://one/*u', '*one/u', '*/', 'https://two/u*', '*u', '/u', 'a/b/c'],
  ipBlocks: ['127.1.2.3/32', '127.2.0.0/15', '::ffff:127.1.2.3', '::/0', '2001:db8::1/128', '127.192.0.0/10'],
  remoteIpBlocks: ['127.1.2.3/32', '::ffff:127.1.2.3/128', '::/0', '2001:db8::/127', '0.0.0.0/1', '192.168.0.0/16'],
  paths: [
    ...[
      '/s/{*}/A',
      '/{*}/{**}',
      '/s/{**}',
      '/{**}',
      '/s;p/A',
      '/S/A',
      '/s/A*',
      '/%2e',
      '/"q"',
      '*"q"',
      '/s/*/A',
      '/s/%22q%22',
    ],
    ...['/x/{**}/A', '//*', '/s//A', '*A/', '/s/A?q=1', '/a%2fb', '/s/%7Bx%7D', '/{*}', '/s/A;v=1', '*%'],
  ],
  methods: ['get', 'P', '*T', 'OPTIONS', '*E*', 'G*T'],
  hosts: ['x.a:*', '*:80', 'X.*', '*.A', 'x.A:80', '*a*'],
};

/** Odd raw paths of requests. */
export const oddPaths: readonly string[] = [
  ...[
    '/S/A',
    '/s/A/',
    '//s/A',
    '/s/./A',
    '/s/%2e%2e/A',
    '/s/A;v=1',
    '/%',
    '/%GG',
    '/s/A%',
    '/a%5Cb',
    '/s\\A',
    '/s/"q"',
  ],
  ...[
    '/s/{x}',
    '/s/<',
    '/s/`',
    '/s/|',
    '/s/^',
    '/s/x/A',
    '/s//x//A',
    '/x/y/z/A',
    '/s/*',
    '/s/A*',
    '/s/[x]',
    '///',
    '/..',
  ],
  ...['/s/A?x=/s/B', '/s/A%3Fq', '/s/%2541', '/s/A#/s/B', '/.', '/s/.;p/A', '/s/%2E%2E;/A', '/a%2F..%2Fs/A', '/s/A%00'],
];

/** Odd URI names of client certificates. */
export const oddIdentities: readonly string[] = [
  ...['spiffe://td/workload', 'spiffe://td/ns/a/sa/x/y', 'spiffe://tdx/ns/a/sa/x', 'spiffe://td/ns/a.b/sa/x'],
  ...[
    'spiffe://td/ns/a/ns/b/sa/x',
    'spiffe://td/ns/b/sa/x/sa/z',
    'spiffe://old/ns/b/sa/z',
    'spiffe://td/ns/istio-system/sa/x',
  ],
];

/** Odd derived addresses of requests. */
export const oddRemoteAddresses: readonly string[] = [
  '::ffff:127.1.2.3',
  '2001:db8::1',
  '2001:db8::2',
  '255.255.255.255',
  '::1',
];

/** Odd values of the header that policies ask for. */
export const oddHeaderValues: readonly string[] = ['1,2', '2,1', '"1"', '1 2', '12 ', '*', 'x'];

/** Odd authorities of requests. */
export const oddHosts: readonly string[] = ['x.a:8000', 'x.a:', 'X.a', 'xx.a', 'a', '[::1]:80'];

/** Odd methods of requests. */
export const oddMethods: readonly string[] = ['HEAD', 'PUT', 'DELETE', 'get', 'P', 'POSTS', 'GEET'];

/** Headers that only odd requests carry, each with its values in their order. */
export const oddHeaders: readonly Readonly<Record<string, readonly string[]>>[] = [
  { 'x-odd.name_1': ['1'] },
  { 'x-odd.name_1': ['', '2'] },
  { 'x-odd.name_1': ['a b', '12', '1'] },
  { 'user-agent': ['one'] },
  { 'user-agent': ['two/1.0 (x)'] },
  { cookie: ['a=1; b=2'] },
  { cookie: ['a=1', 'b=2'] },
  { 'x-from-token': ['forged'] },
  { 'x-from-token': ['u', 'r'] },
  { 'x-payload': ['forged'] },
  { 'x-forwarded-for': ['no address'] },
  { h: ['1'], origin: ['o'], 'access-control-request-method': [''] },
];

/** Claims that only odd tokens have. */
export const oddClaims: readonly Readonly<Record<string, unknown>>[] = [
  { permission: 'r w' },
  { permission: ['r', 'w'] },
  { 'x.y': 'r' },
  { a: { b: { c: 'deep' } } },
  { a: { b: { c: ['deep', 1] } } },
  { 'odd "key"': 'r' },
  { role: null },
  { role: [] },
  { scope: ' r  w ' },
  { sub: 'a/b' },
  { azp: 'r w' },
  { aud: [] },
  { aud: 'https://r/' },
];
