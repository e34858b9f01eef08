import type { Mesh } from '#policies/language/mesh.ts';
import type {
  HeaderOperations,
  HttpMatch,
  HttpRoute,
  RetryPolicy,
  StringMatch,
  VirtualService,
} from '#policies/language/traffic.ts';
import { fieldOf, type HeaderFields, type RequestHead } from './exchange.ts';

/** The route that a request takes; `notFound` is Envoy's 404 NR: routes are given and none matches. */
export type RouteChoice =
  | { readonly kind: 'route'; readonly route: HttpRoute }
  | { readonly kind: 'default' }
  | { readonly kind: 'notFound' };

/** Istio's retries where a VirtualService is silent. Source: istio `retry.DefaultPolicy`. */
export const defaultRetries: RetryPolicy = {
  attempts: 2,
  perTryTimeoutMs: null,
  retryOn: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled'],
};

/** Which VirtualServices a proxy reads: a sidecar those for `mesh`, an ingress gateway those of its Gateways. */
export type RouteReader = { readonly kind: 'mesh' } | { readonly kind: 'gateways'; readonly names: readonly string[] };

/** The VirtualServices that apply to requests for `host`. */
export function routesFor(mesh: Mesh, reader: RouteReader, host: string): readonly VirtualService[] {
  return mesh.virtualServices.filter(
    (service) => isReadBy(service, reader) && service.hosts.some((own) => covers(own, host)),
  );
}

function isReadBy(service: VirtualService, reader: RouteReader): boolean {
  if (reader.kind === 'mesh') return service.gateways.includes('mesh');
  return service.gateways.some((name) =>
    reader.names.includes(name.includes('/') ? name : `${service.namespace}/${name}`),
  );
}

function covers(pattern: string, host: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : pattern === host;
}

/** Chooses the first route that matches. */
export function chooseRoute(services: readonly VirtualService[], head: RequestHead, port: number): RouteChoice {
  const routes = services.flatMap((service) => service.http);
  if (routes.length === 0) return { kind: 'default' };
  const route = routes.find(({ matches }) => matches.length === 0 || matches.some((match) => fits(match, head, port)));
  return route === undefined ? { kind: 'notFound' } : { kind: 'route', route };
}

function fits(match: HttpMatch, head: RequestHead, port: number): boolean {
  const path = head.path.split(/[?#]/)[0] ?? '';
  const header = (name: string): string | undefined => fieldOf(head.headers, name);
  return (
    fitsText(match.uri, match.ignoreUriCase ? path.toLowerCase() : path) &&
    fitsText(match.method, head.method) &&
    fitsText(match.authority, head.authority) &&
    (match.port === null || match.port === port) &&
    match.headers.every(
      ({ name, match: wanted }) => header(name) !== undefined && fitsText(wanted, header(name) ?? ''),
    ) &&
    !match.withoutHeaders.some(
      ({ name, match: unwanted }) => header(name) !== undefined && fitsText(unwanted, header(name) ?? ''),
    )
  );
}

function fitsText(match: StringMatch, text: string): boolean {
  switch (match.kind) {
    case 'any':
      return true;
    case 'exact':
      return text === match.value;
    case 'prefix':
      return text.startsWith(match.value);
    case 'regex':
      return new RegExp(`^(?:${match.value})$`, 'u').test(text);
    default:
      return match satisfies never;
  }
}

/** Edits headers in Istio's order: set, add, remove. */
export function editHeaders(headers: HeaderFields, operations: HeaderOperations): void {
  for (const [name, value] of Object.entries(operations.set)) headers[name.toLowerCase()] = value;
  for (const [name, value] of Object.entries(operations.add)) {
    const before = headers[name.toLowerCase()] ?? [];
    headers[name.toLowerCase()] = [...(Array.isArray(before) ? before : [before]), value];
  }
  for (const name of operations.remove) delete headers[name.toLowerCase()];
}

/** The `grpc-timeout` of a request in ms, null when there is none. Shape: `100m` is 100 ms. */
export function grpcTimeoutMs(headers: HeaderFields): number | null {
  const match = /^(\d{1,8})([HMSmun])$/.exec(fieldOf(headers, 'grpc-timeout') ?? '');
  const unit = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000001 }[match?.[2] ?? ''];
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}

/** True iff `retryOn` covers an attempt that ended with these. Source: Envoy `x-envoy-retry-on`, `x-envoy-retry-grpc-on`. */
export function retries(policy: RetryPolicy, end: AttemptEnd): boolean {
  return policy.retryOn.some((condition) => meets(condition.trim(), end));
}

/** How one attempt ended before its answer went to the caller. */
export interface AttemptEnd {
  readonly kind: 'connect' | 'refusedStream' | 'reset' | 'timeout' | 'answered';
  readonly http: number;
  readonly grpc: number | null;
}

const grpcConditions: Readonly<Record<string, number>> = {
  cancelled: 1,
  'deadline-exceeded': 4,
  'resource-exhausted': 8,
  internal: 13,
  unavailable: 14,
};

function meets(condition: string, end: AttemptEnd): boolean {
  switch (condition) {
    case 'connect-failure':
      return end.kind === 'connect';
    case 'refused-stream':
      return end.kind === 'refusedStream';
    case 'reset':
      return end.kind !== 'answered';
    case '5xx':
      return end.kind !== 'answered' || end.http >= 500;
    case 'gateway-error':
      return end.kind === 'timeout' || (end.kind === 'answered' && [502, 503, 504].includes(end.http));
    default:
      return (
        (end.kind === 'answered' &&
          grpcConditions[condition] !== undefined &&
          grpcConditions[condition] === end.grpc) ||
        (condition === 'unavailable' &&
          (end.kind === 'connect' || end.kind === 'refusedStream' || end.kind === 'reset'))
      );
  }
}
