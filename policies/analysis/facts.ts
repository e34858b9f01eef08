/** What rules read of a request on its chain. */
import type { MeshConfig } from '../language/mesh.ts';
import { type NormalizedPath, normalizePath } from './normalize.ts';
import type { Profile } from './profile.ts';
import type { HttpRequest, Request } from './request.ts';
import type { Facts, HttpFacts } from './rules.ts';
import type { Claims } from './token.ts';

/** The facts of a connection; the HTTP part is added once the codec has accepted the request. */
export function connectionFacts(request: Request, identities: readonly string[] | null): Facts {
  return {
    identities,
    sourceIp: request.sourceIp,
    remoteIp: request.remoteIp,
    destinationIp: request.destination.ip,
    port: request.destination.port,
    sni: request.sni,
    metadata: request.metadata ?? {},
    http: null,
  };
}

/** What the codec makes of a call on an HTTP chain; bytes that are not HTTP are refused. */
export function readPath(http: HttpRequest | null, config: MeshConfig, profile: Profile): NormalizedPath {
  return http === null ? { kind: 'closed' } : normalizePath(http.path, config.pathNormalization, profile);
}

/** The HTTP part of the facts. */
export function httpFacts(
  http: HttpRequest,
  path: Extract<NormalizedPath, { kind: 'path' }>,
  claims: Claims | null,
): HttpFacts {
  return {
    method: http.method,
    host: http.host.toLowerCase(),
    authority: http.host,
    path: path.path,
    pathAndQuery: path.pathAndQuery,
    headers: http.headers,
    claims,
  };
}
