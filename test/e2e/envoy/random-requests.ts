/** Seeded random requests for the live differential: those of the unit tests, made servable, with odd ones among them. */
import type { Draw } from '../../support/draw.ts';
import { randomRequest } from '../../support/random-request.ts';
import {
  oddClaims,
  oddHeaders,
  oddHeaderValues,
  oddHosts,
  oddIdentities,
  oddMethods,
  oddPaths,
  oddRemoteAddresses,
} from './odd-values.ts';
import { providerHeaders } from './provider.ts';
import type { RequestJson } from './request-json.ts';
import { servable } from './servable.ts';
import { ports } from './stage.ts';

/** A caller: its identities, an address of each family, and the name that it asks for in the handshake. */
interface RandomCaller {
  readonly principal: readonly string[] | null;
  readonly ip: string;
  readonly ipv6: string;
  readonly sni: string;
}

/** What is drawn once a caller, so that several requests share its connection. */
function randomCaller(draw: Draw, drawn: RequestJson): RandomCaller {
  const { principal, workload } = drawn.source as {
    readonly principal?: string | readonly string[] | null;
    readonly workload?: { readonly namespace: string; readonly name: string };
  };
  const known = workload === undefined ? principal : `spiffe://td/ns/${workload.namespace}/sa/${workload.name}`;
  const names = known == null ? null : typeof known === 'string' ? [known] : known;
  const identity = names !== null && draw.chance(0.15) ? [draw.of(oddIdentities), ...names.slice(1)] : names;
  const several = identity !== null && draw.chance(0.1) ? [...identity, draw.of(oddIdentities)] : identity;
  const ip = draw.of(['127.1.2.3', '127.1.2.3', '127.2.0.1', '127.192.0.1', '127.0.0.1']);
  const ipv6 = draw.of(['2001:db8::1', '2001:db8::1', '2001:db8::2', '2001:db9::1']);
  return { principal: several, ip, ipv6, sni: several === null ? '' : drawn.sni };
}

function randomHttp(draw: Draw, http: NonNullable<RequestJson['http']>): RequestJson['http'] {
  const host = http.host === '' || draw.chance(0.15) ? draw.of(oddHosts) : http.host;
  const path = draw.chance(0.35) ? draw.of(oddPaths) : http.path;
  const method = draw.chance(0.1) ? draw.of(oddMethods) : http.method;
  const odd = draw.chance(0.15) ? { h: draw.some(oddHeaderValues, 3) } : {};
  const other = draw.chance(0.3) ? draw.of(oddHeaders) : {};
  const grpc = draw.chance(0.1) ? { 'content-type': ['application/grpc'] } : {};
  const answer = providerHeaders(draw.chance(0.3) ? 'deny' : 'allow');
  return { ...http, method, host, path, headers: { ...http.headers, ...odd, ...other, ...grpc, ...answer } };
}

// `audience` is but a remark in a request: the audience in the claims decides.
const plainToken = (jwt: RequestJson['jwt']): RequestJson['jwt'] =>
  jwt?.invalid === 'audience' ? { claims: jwt.claims } : jwt;

function randomClaims(draw: Draw, jwt: NonNullable<RequestJson['jwt']>): RequestJson['jwt'] {
  const claims = draw.chance(0.25) ? { ...jwt.claims, ...draw.of(oddClaims) } : jwt.claims;
  return { ...jwt, claims };
}

interface Target {
  readonly namespace: string;
  readonly workload: string;
  readonly port: number;
}

/** An address that a caller of `destination` may bind: one of its family; of `::1` there is but itself. */
function sourceFor(destination: string, { ipv4, ipv6 }: { readonly ipv4: string; readonly ipv6: string }): string {
  if (destination === '::1') return destination;
  return destination.includes(':') ? ipv6 : ipv4;
}

/** Tells where a workload is served. */
export type AddressOf = (workload: { readonly namespace: string; readonly workload: string }) => string;

const [httpPort, tcpPort] = [8000, 7000];

/** Random requests of a few callers to a few ports; what is no HTTP can say little, so it is drawn seldom. */
export class RandomRequests {
  readonly #draw: Draw;
  readonly #callers: readonly RandomCaller[];
  readonly #targets: readonly Target[];
  readonly #ipOf: AddressOf;

  constructor(draw: Draw, ipOf: AddressOf) {
    this.#draw = draw;
    this.#ipOf = ipOf;
    this.#callers = Array.from({ length: 5 }, () => randomCaller(draw, this.#next('caller')));
    const drawn = Array.from({ length: 5 }, () => servable(this.#next('target').destination) as Target);
    // One target is a TCP port, and no other, lest most requests go there for nothing. Nothing redirects to the proxy
    // here, so that its own ports, which are passed by, cannot be tried.
    const served = (port: number) => port !== tcpPort && ports.includes(port);
    const portOf = (port: number, index: number) => (index === 0 ? tcpPort : served(port) ? port : httpPort);
    this.#targets = drawn.map(({ port, ...rest }, index) => ({ ...rest, port: portOf(port, index) }));
  }

  #next(id: string): RequestJson {
    return randomRequest(this.#draw, id) as RequestJson;
  }

  #nextHttp(): RequestJson & { readonly http: NonNullable<RequestJson['http']> } {
    const drawn = this.#next('');
    return drawn.http === null ? this.#nextHttp() : { ...drawn, http: drawn.http };
  }

  /** One request: HTTP, or seldom bytes, or HTTP that a TCP port takes for bytes. */
  next(id: string): RequestJson {
    const draw = this.#draw;
    const isBytes = draw.chance(0.06);
    const drawn = this.#nextHttp();
    const { principal, sni, ip: ipv4, ipv6 } = draw.of(this.#callers);
    const { namespace, workload, port } = draw.of(isBytes ? this.#targets : this.#targets.slice(1));
    const ip = this.#ipOf({ namespace, workload });
    const http = isBytes && draw.chance(0.7) ? null : randomHttp(draw, drawn.http);
    const remoteIp = http !== null && draw.chance(0.15) ? { remoteIp: draw.of(oddRemoteAddresses) } : {};
    const jwt = http === null || drawn.jwt === null ? null : plainToken(randomClaims(draw, drawn.jwt));
    return {
      id,
      source: { principal, ip: sourceFor(ip, { ipv4, ipv6 }), ...remoteIp },
      destination: { namespace, workload, port, ip },
      http,
      jwt,
      sni,
    };
  }
}
