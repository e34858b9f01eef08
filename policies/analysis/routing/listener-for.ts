/** What listens for one request: of the servers of a gateway's port the one that the connection's SNI chooses. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { type Listener, resolveListener } from '../listener.ts';
import type { Request } from '../request.ts';
import { serverFitOf, serverNameIn, tryFindBest } from './hosts.ts';
import { routeTableOf } from './route-table.ts';
import { namesOf } from './table.ts';

/** Resolves what listens on the port of a request. */
export function listenerFor(mesh: Mesh, workload: Workload, request: Request): Listener {
  const { port } = request.destination;
  const table = routeTableOf(mesh, workload, port);
  if (table === null) return resolveListener(mesh, workload, port);
  const name = serverNameIn(request);
  return tryFindBest(table.chains, namesOf, (domain) => serverFitOf(domain, name))?.listener ?? table.otherwise;
}
