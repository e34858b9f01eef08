/** Routes of VirtualServices: time-outs as declared, retries only where a repetition is harmless. */
import type { Grant } from '#policies/intent/index.ts';
import { compareText } from './peer.ts';

/** How a request is recognised. */
export interface RouteMatch {
  readonly uri?: { readonly exact: string } | { readonly regex: string };
  readonly method?: { readonly exact: string };
  readonly port?: number;
}

/** What is done about failures; `attempts: 0` switches off Envoy's default of two. */
interface RouteRetries {
  readonly attempts: number;
  readonly perTryTimeout?: string;
  readonly retryOn?: string;
}

/** One route of a VirtualService. */
export interface HttpRoute {
  readonly name: string;
  readonly match?: readonly RouteMatch[];
  readonly timeout?: string;
  readonly retries: RouteRetries;
  readonly headers?: { readonly request: { readonly remove: readonly string[] } };
  readonly route: readonly [
    { readonly destination: { readonly host: string; readonly port: { readonly number: number } } },
  ];
}

/** Milliseconds as Istio writes durations: `1500` gives `1.5s`. */
export function duration(milliseconds: number): string {
  return `${milliseconds / 1000}s`;
}

/** A path as a VirtualService recognises it; a template's parameter is one non-empty segment. */
export function uriMatch(template: string): NonNullable<RouteMatch['uri']> {
  if (!template.includes('{')) return { exact: template };
  const segments = template
    .split('/')
    .map((segment) => (segment.startsWith('{') ? '[^/]+' : segment.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return { regex: segments.join('/') };
}

/**
 * Retries of one route. A proxy repeats a harmless call once, and only when the callee cannot have seen the first try
 * (no connection, refused stream): repeating after UNAVAILABLE is the caller's business, who has the budget for it.
 */
function retriesOf(isIdempotent: boolean, timeoutMs: number | undefined): RouteRetries {
  if (!isIdempotent || timeoutMs === undefined) return { attempts: 0 };
  return { attempts: 1, perTryTimeout: duration(timeoutMs), retryOn: 'connect-failure,refused-stream' };
}

/** One route for all grants of one method and path: the longest declared time-out, retries only if all may repeat. */
function routeOf(host: string, grants: readonly Grant[], options: { readonly matchesMethod: boolean }): HttpRoute {
  const [first] = grants;
  if (first?.http == null) throw new Error('a route needs a grant with method and path');
  const timeouts = grants.flatMap(({ timeoutMs }) => timeoutMs ?? []);
  const timeoutMs = timeouts.length === grants.length ? Math.max(...timeouts) : undefined;
  const { method, path } = first.http;
  return {
    name: `${method} ${path}`,
    match: [{ uri: uriMatch(path), ...(options.matchesMethod ? { method: { exact: method } } : {}), port: first.port }],
    ...(timeoutMs === undefined ? {} : { timeout: duration(timeoutMs) }),
    retries: retriesOf(
      grants.every(({ idempotent }) => idempotent === true),
      timeoutMs,
    ),
    route: [{ destination: { host, port: { number: first.port } } }],
  };
}

/** The routes of `grants` towards `host`, exact paths before templates, then by name. */
export function declaredRoutes(
  host: string,
  grants: readonly Grant[],
  options: { readonly matchesMethod: boolean },
): readonly HttpRoute[] {
  const groups = new Map<string, Grant[]>();
  for (const grant of grants) {
    if (grant.http === null) continue;
    const key = `${grant.http.path.includes('{') ? 1 : 0} ${grant.port} ${grant.http.method} ${grant.http.path}`;
    groups.set(key, [...(groups.get(key) ?? []), grant]);
  }
  return [...groups.entries()]
    .sort(([left], [right]) => compareText(left, right))
    .map(([, group]) => routeOf(host, group, options));
}

/**
 * The last routes of a callee inside the mesh, one a port: what no grant declares still travels, without retries, so
 * that the callee's policy refuses it with a status of its own (403, gRPC 7) instead of a missing route.
 */
export function undeclaredRoutes(host: string, ports: readonly number[]): readonly HttpRoute[] {
  return ports.map((port) => ({
    name: `undeclared ${port}`,
    match: [{ port }],
    retries: { attempts: 0 },
    route: [{ destination: { host, port: { number: port } } }],
  }));
}
