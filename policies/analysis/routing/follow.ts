/** Follows a request behind a gateway: what each destination of its route gets, and what is decided there. */
import { tokenRulesOf } from '../attachment.ts';
import { resolveListener } from '../listener.ts';
import { depart, hostOf } from '../outbound.ts';
import type { Request } from '../request.ts';
import { verifiers, verifyToken } from '../token.ts';
import { asGiven, givenHeaders, givingToken } from '../token-headers.ts';
import type { Verdict } from '../verdict.ts';
import { findWorkload, type World } from '../world.ts';
import { routeNaively } from './naive-route.ts';
import { connectionOf, type Sending } from './outcome.ts';
import { meshServerName, rewrittenAuthority, rewrittenHeaders, rewrittenPath, unknownHeaders } from './rewrite.ts';
import { routeTableOf } from './route-table.ts';
import type { BoundRoute, Forward } from './table.ts';

/** One place that a request is sent on to. */
export interface Hop {
  readonly kind: Forward['kind'];
  /** The host and port of the route. */
  readonly host: string;
  readonly port: number;
  /** The request there and its verdict; null where no workload of the manifests is known to take it. */
  readonly call: { readonly request: Request; readonly verdict: Verdict; readonly hops: readonly Hop[] } | null;
  /**
   * Where it arrives though nobody can say as what, so that nothing is decided there.
   * @default - it is decided, or no workload is known to take it
   */
  readonly undecided?: { readonly destination: Place; readonly because: string };
}

type Place = Pick<Request['destination'], 'namespace' | 'workload' | 'port'>;

const MOST_HOPS = 4;
/** Gateways may even send a request round. */
const TOO_FAR = `it is not followed over more than ${MOST_HOPS} gateways`;

/** The hops of a request that a gateway let in and a route takes; none for other requests. */
export function hopsOf(
  world: World,
  request: Request,
  decide: (request: Request) => Verdict,
  depth = 0,
): readonly Hop[] {
  if (world.mesh.gateways.length === 0) return [];
  const gateway = findWorkload(world.mesh, request.destination);
  const table = routeTableOf(world.mesh, gateway, request.destination.port);
  if (table === null) return [];
  const conclusion = routeNaively(table, connectionOf(request, world));
  if (conclusion.kind !== 'forwarded') return [];
  return conclusion.sendings.flatMap((sending): readonly Hop[] => {
    const { kind, target } = sending.forward;
    if (target.kind === 'nowhere') return [];
    const host = target.kind === 'service' ? hostOf(target.service) : target.host;
    const to = { kind, host, port: target.port };
    if (target.kind !== 'service' || target.places.length === 0) return [{ ...to, call: null }];
    return target.places.map(({ workload, port }): Hop => {
      const place = { namespace: workload.namespace, workload: workload.name, port, ip: null };
      if (depth >= MOST_HOPS) return { ...to, call: null, undecided: { destination: place, because: TOO_FAR } };
      if (sending.forward.by === 'client') {
        const own: Request = { ...request, sourceIp: null, destination: place };
        return { ...to, call: { request: own, verdict: decide(own), hops: [] } };
      }
      const made = sentOn(world, request, sending);
      if (made.kind === 'unknown')
        return { ...to, call: null, undecided: { destination: place, because: made.because } };
      const departure = depart(world.mesh, gateway, {
        workload,
        port,
        listener: resolveListener(world.mesh, workload, port),
      });
      const showsName = departure.kind === 'sends' && departure.transport.kind === 'mtls';
      const sni = showsName ? meshServerName(sending.forward, sending.route) : '';
      const next: Request = { ...made.request, sni, destination: place };
      const verdict = underAssumptions(decide(next), sending);
      const hops = verdict.allowed ? hopsOf(world, next, decide, depth + 1) : [];
      return { ...to, call: { request: next, verdict, hops } };
    });
  });
}

/** A verdict where the route gives headers values that only a running proxy knows: decided as the values are written. */
function underAssumptions(verdict: Verdict, { forward, route }: Sending): Verdict {
  const names = route === null ? [] : unknownHeaders(route, forward);
  if (names.length === 0) return verdict;
  const more = names.map(
    (name) => `no rule there reads header \`${name}\`, whose value in the route only a running proxy knows`,
  );
  return { ...verdict, assumptions: [...verdict.assumptions, ...more] };
}

type Sent =
  | { readonly kind: 'known'; readonly request: Request }
  | { readonly kind: 'unknown'; readonly because: string };

/** The request that a destination gets, as the gateway's own call. */
function sentOn(world: World, request: Request, { forward, route }: Sending): Sent {
  const { namespace, workload } = request.destination;
  const rules = tokenRulesOf(world.mesh, findWorkload(world.mesh, request.destination));
  const issuer = request.token?.claims['iss'];
  const isKept = rules.every((rule) => rule.issuer !== issuer || rule.forwardOriginalToken);
  const call: Request = {
    ...request,
    caller: { kind: 'workload', reference: { namespace, workload } },
    sourceIp: null,
    // the gateway appends the address of its own peer
    remoteIp: request.sourceIp,
    token: isKept ? request.token : null,
    // the filters of the other proxy have not seen it yet
    metadata: {},
  };
  const connection = connectionOf(request, world).request;
  if (route === null || request.http === null || connection === null) return { kind: 'known', request: call };
  const path = rewrittenPath(route, connection.path, connection.query);
  if (path === undefined)
    return { kind: 'unknown', because: `the path that arrives there is not known: ${rewriteText(route)}` };
  const outcome = verifyToken(verifiers(rules, world.issuerKeys), request.token, request.http);
  const given = asGiven(request.http, givenHeaders(rules), givingToken(outcome, request.token));
  const headers = rewrittenHeaders(route, forward, given.headers);
  const host = rewrittenAuthority(route, forward, request.http.host);
  return { kind: 'known', request: { ...call, http: { method: request.http.method, path, host, headers } } };
}

function rewriteText({ route: { regexRewrite } }: BoundRoute): string {
  return `\`uriRegexRewrite\` of \`${regexRewrite?.match}\` to \`${regexRewrite?.replacement}\` is more of RE2 than is followed here`;
}
