/** What listens for one request: of the servers of a gateway's port the one that the connection's SNI chooses. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { type Listener, resolveListener } from '../listener.ts';
import type { Request } from '../request.ts';
import { bareHost, serverFitOf, tryFindBest } from './hosts.ts';
import { routeTableOf } from './route-table.ts';
import { namesOf } from './table.ts';

/** Resolves what listens on the port of a request. */
export function listenerFor(mesh: Mesh, workload: Workload, { sni, http, destination }: Request): Listener {
  const table = routeTableOf(mesh, workload, destination.port);
  if (table === null) return resolveListener(mesh, workload, destination.port);
  const name = sni === '' && http !== null ? bareHost(http.host) : sni.toLowerCase();
  return tryFindBest(table.chains, namesOf, (domain) => serverFitOf(domain, name))?.listener ?? table.otherwise;
}
