/** Seeded random requests to the workloads of random meshes. */
import type { Draw } from './draw.ts';
import { ISSUERS, PORTS, WORKLOADS } from './random-mesh.ts';

const TRUST_DOMAINS = ['td', 'old', 'cluster.local', 'foreign'];
const RAW_PATHS = [
  '/s/A',
  '/s/B',
  '/s/C',
  '/',
  '/s//A',
  '/s/%41',
  '/x/../s/A',
  '/s/A?q=1',
  '/s/A#f',
  's/A',
  '/a%2Fb',
  '/s/..;p/A',
  '/%00',
];
const ADDRESSES = ['10.1.2.3', '10.2.0.1', '192.168.0.1', '2001:db8::1'];
const SNIS = ['', 'outbound_.80_._.x.a', 'x'];

function randomClaims(draw: Draw): object {
  return {
    ...draw.maybe(0.9, 'iss', () => draw.of(ISSUERS)),
    ...draw.maybe(0.8, 'sub', () => draw.of(['u', 'v', ''])),
    ...draw.maybe(0.6, 'aud', () => draw.of<unknown>(['r', ['w', 'r'], 'http://r', 7])),
    ...draw.maybe(0.4, 'azp', () => 'r'),
    ...draw.maybe(0.5, 'scope', () => draw.of<unknown>(['r', 'r w', 'rw', ['r'], ''])),
    ...draw.maybe(0.5, 'role', () => draw.of<unknown>(['r w', ['w', 7], true, 'w', 1, -1.5, 2])),
    ...draw.maybe(0.3, 'a', () => draw.of<unknown>([{ b: 'r' }, { b: ['w'] }, 'r', ['r']])),
  };
}

function randomSource(draw: Draw): object {
  const identity = () => `spiffe://${draw.of(TRUST_DOMAINS)}/ns/${draw.of(['a', 'b'])}/sa/${draw.of(['x', 'y', 'z'])}`;
  const caller = draw.of<() => object>([
    () => ({ principal: identity() }),
    () => ({ principal: [identity(), identity()] }),
    () => ({ principal: null }),
    () => ({ workload: draw.of(WORKLOADS) }),
  ])();
  return {
    ...caller,
    ...draw.maybe(0.5, 'ip', () => draw.of(ADDRESSES)),
    ...draw.maybe(0.2, 'remoteIp', () => draw.of(ADDRESSES)),
  };
}

/** One random request in its JSON form. */
export function randomRequest(draw: Draw, id: string): unknown {
  const target = draw.of(WORKLOADS);
  const headers = {
    ...draw.maybe(0.5, 'h', () => draw.some(['1', '2', '12', ''], 2)),
    ...draw.maybe(0.1, 'origin', () => ['o']),
    ...draw.maybe(0.1, 'access-control-request-method', () => ['POST']),
  };
  const http = {
    method: draw.of(['POST', 'GET', 'OPTIONS']),
    path: draw.of(RAW_PATHS),
    host: draw.of(['x.a', 'X.A:80', 'y.a', '']),
    headers,
  };
  return {
    id,
    source: randomSource(draw),
    destination: {
      namespace: target.namespace,
      workload: target.name,
      port: draw.of(PORTS),
      ...draw.maybe(0.3, 'ip', () => draw.of(ADDRESSES)),
    },
    http: draw.chance(0.2) ? null : http,
    jwt: draw.chance(0.5)
      ? null
      : {
          claims: randomClaims(draw),
          ...draw.maybe(0.2, 'invalid', () => draw.of(['signature', 'expired', 'audience'])),
        },
    sni: draw.of(SNIS),
  };
}

/** A request that also has metadata, and DNS SANs or a subject where it has a certificate: what no client can be told to send. */
export function withNames(draw: Draw, request: unknown): unknown {
  const { source, ...others } = request as { readonly source: { readonly principal?: unknown } };
  const set = () => ({ 'envoy.filters.f': { k: draw.of<unknown>(['v', 'w', ['v', 'w'], []]) } });
  const rest = { ...others, ...draw.maybe(0.3, 'metadata', set) };
  if (source.principal === undefined || !draw.chance(0.3)) return { ...rest, source };
  const names = ['spiffe://td/ns/a/sa/x', 'spiffe://foreign/ns/b/sa/y', 'x.a.svc', 'CN=a/ns/a/sa/x'];
  const own = source.principal === null || draw.chance(0.2) ? [] : source.principal;
  return {
    ...rest,
    source: {
      ...source,
      principal: own,
      dnsNames: draw.some(names, 2),
      ...draw.maybe(0.3, 'subject', () => draw.of(['CN=x', 'CN=a/ns/b/sa/z', ''])),
    },
  };
}
