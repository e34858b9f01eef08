/** What becomes of a request at a gateway, and the verdict that follows. Source: Envoy's router; semantics.md 14. */
import { type NormalizedPath, normalizePath } from '../normalize.ts';
import type { Profile } from '../profile.ts';
import type { HttpRequest, Request } from '../request.ts';
import { type DecidingRule, grpcStatus, VERDICT_CODES, type Verdict, type VerdictCode, verdict } from '../verdict.ts';
import type { World } from '../world.ts';
import { serverNameIn } from './hosts.ts';
import type { BoundRoute, BytesRoute, Forward, RouteTable, VirtualHost } from './table.ts';
import { matchText, type RoutedRequest } from './tests.ts';

/** A connection with its request; null for bytes. `sni` is in lower case. */
export interface Connection {
  readonly sni: string;
  readonly request: RoutedRequest | null;
}

/** A route that is taken, or may be. */
export interface Taken {
  readonly route: BoundRoute;
  readonly surely: boolean;
}

/** Where one request goes. */
export interface Sending {
  readonly forward: Forward;
  /** Null where bytes are passed on. */
  readonly route: BoundRoute | null;
}

/** How the routing of one request ends. */
export type Conclusion =
  /** No filter chain takes the connection. */
  | { readonly kind: 'noChain'; readonly sni: string }
  | { readonly kind: 'noHost'; readonly host: string }
  | { readonly kind: 'noRoute'; readonly host: VirtualHost }
  | { readonly kind: 'redirectsToHttps'; readonly host: VirtualHost }
  /** A redirect, a direct response, or a fault injected into every request. */
  | { readonly kind: 'answered'; readonly route: BoundRoute; readonly status: number; readonly by: string }
  | { readonly kind: 'nowhere'; readonly route: BoundRoute | BytesRoute; readonly because: string }
  | {
      readonly kind: 'forwarded';
      readonly sendings: readonly Sending[];
      /** Why more than one route may be taken; empty where none is in doubt. */
      readonly doubts: readonly string[];
    };

/** Concludes from the routes that may be taken, the surest last. */
export function conclude(host: VirtualHost, taken: readonly Taken[]): Conclusion {
  const sendings = taken.flatMap(({ route }) => sendingsOf(route));
  const doubts = taken.flatMap(({ route, surely }) =>
    surely ? [] : [`a match of \`${nameOf(route)}\` that is not decided (${matchText(route.match)}) holds or not`],
  );
  if (sendings.length > 0) return { kind: 'forwarded', sendings, doubts };
  const [first] = taken;
  if (first === undefined) return { kind: 'noRoute', host };
  const { route } = first;
  const { answer, abort } = route.route;
  if (abort !== null && abort.percent >= 100)
    return { kind: 'answered', route, status: abort.status, by: 'a fault that is injected into every request' };
  if (answer !== null) {
    const by = answer.kind === 'redirect' ? 'a redirect' : 'a direct response';
    return { kind: 'answered', route, status: answer.status, by };
  }
  return { kind: 'nowhere', route, because: becauseOf(route.forwards) };
}

/** Concludes for a connection that is passed on as it is. */
export function concludeBytes(route: BytesRoute): Conclusion {
  const sendings = route.forwards
    .filter(({ target }) => target.kind !== 'nowhere')
    .map((forward) => ({ forward, route: null }));
  if (sendings.length > 0) return { kind: 'forwarded', sendings, doubts: [] };
  return { kind: 'nowhere', route, because: becauseOf(route.forwards) };
}

const abortsAll = ({ route }: BoundRoute): boolean => (route.abort?.percent ?? 0) >= 100;

/** Where a route sends requests; copies go only along with some request. */
export function sendingsOf(route: BoundRoute): readonly Sending[] {
  if (abortsAll(route)) return [];
  const leading = route.forwards.filter(({ target }) => target.kind !== 'nowhere');
  return leading.some(({ kind }) => kind === 'request') ? leading.map((forward) => ({ forward, route })) : [];
}

function becauseOf(forwards: readonly Forward[]): string {
  const reasons = forwards.flatMap(({ kind, target }) =>
    kind === 'request' && target.kind === 'nowhere' ? [target.because] : [],
  );
  return reasons.length === 0 ? 'the route has no destination' : [...new Set(reasons)].join('; ');
}

/** What routes read of a request to a gateway; the codec has accepted its path. */
export function connectionOf(request: Request, { mesh, profile }: World): Connection {
  const { http } = request;
  const sni = serverNameIn(request);
  if (http === null) return { sni, request: null };
  const path = normalizePath(http.path, mesh.config.pathNormalization, profile);
  return {
    sni,
    request: {
      method: http.method,
      authority: http.host,
      headers: headersOf(http.headers, profile),
      ...pathAndQuery(path),
    },
  };
}

/** Older proxies join the values of a header before anything is compared. Source: semantics.md 7. */
function headersOf(headers: HttpRequest['headers'], { repeatedHeaders }: Profile): HttpRequest['headers'] {
  if (repeatedHeaders === 'individual') return headers;
  return new Map([...headers].map(([name, values]) => [name, [values.join(',')]]));
}

function pathAndQuery(path: NormalizedPath): Pick<RoutedRequest, 'path' | 'query'> {
  if (path.kind !== 'path') return { path: '', query: '' };
  return { path: path.path, query: path.pathAndQuery.slice(path.path.length + 1) };
}

/**
 * The verdict of a call that a gateway's proxy has decided, once it is routed. A connection that no chain takes meets no
 * policy; whatever else the policies deny is not routed.
 */
export function settle(conclusion: Conclusion, decided: Verdict, table: RouteTable): Verdict {
  if (!decided.allowed && conclusion.kind !== 'noChain') return decided;
  const ending = endingOf(conclusion);
  const doubts = conclusion.kind === 'forwarded' ? conclusion.doubts : [];
  const assumptions = [...decided.assumptions, ...table.assumptions, ...doubts];
  if (ending === undefined)
    return assumptions.length === decided.assumptions.length
      ? decided
      : { ...decided, assumptions: assumptions.toSorted() };
  const { code, detail, rule, status } = ending;
  const answers = decided.status === null ? 'nothing' : 'http';
  const made = verdict(code, { answers, assumptions, detail, ...(rule === null ? {} : { rule }) });
  return status === undefined ? made : { ...made, status };
}

interface RouteEnding {
  readonly code: VerdictCode;
  readonly detail: string;
  readonly rule: DecidingRule | null;
  /** @default - what the code stands for */
  readonly status?: Verdict['status'];
}

function endingOf(conclusion: Conclusion): RouteEnding | undefined {
  switch (conclusion.kind) {
    case 'forwarded':
      return undefined;
    case 'noChain':
      return {
        code: VERDICT_CODES.noServer,
        detail: conclusion.sni === '' ? 'no SNI' : `SNI \`${conclusion.sni}\``,
        rule: null,
      };
    case 'noHost':
      return {
        code: VERDICT_CODES.noRoute,
        detail: `no VirtualService serves host \`${conclusion.host}\``,
        rule: null,
      };
    case 'noRoute':
      return { code: VERDICT_CODES.noRoute, detail: `no match of host \`${conclusion.host.domain}\``, rule: null };
    case 'redirectsToHttps':
      return {
        code: VERDICT_CODES.answeredByGateway,
        detail: `httpsRedirect of host \`${conclusion.host.domain}\``,
        rule: null,
        status: { http: 301, grpc: 2 },
      };
    case 'answered':
      return {
        code: VERDICT_CODES.answeredByGateway,
        detail: conclusion.by,
        rule: ruleOf(conclusion.route),
        status: { http: conclusion.status, grpc: grpcStatus(conclusion.status) },
      };
    case 'nowhere':
      return { code: VERDICT_CODES.routeLeadsNowhere, detail: conclusion.because, rule: ruleOf(conclusion.route) };
  }
}

/** The route as the deciding rule: the VirtualService, and the place of the route in it. */
function ruleOf(route: BoundRoute | BytesRoute): DecidingRule | null {
  const { virtualService, index } = route;
  if (virtualService === null) return null;
  const at = 'route' in route ? route.route.at : virtualService.at;
  return { number: -1, policy: virtualService, index, at };
}

/** A route by name, for people: `ns/name` and its place. */
export function nameOf({ virtualService, index }: BoundRoute): string {
  return `${virtualService.namespace}/${virtualService.name} route ${index}`;
}
