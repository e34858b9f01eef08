/** What a policy says to its reader about the grants behind it: the annotated routes, and where each key was declared. */
import type { Grant } from '#policies/intent/index.ts';
import { type Edge, sortedUnique } from './peer.ts';

const callerName = ({ caller }: Grant): string =>
  caller.kind === 'workload' ? `${caller.namespace}/${caller.serviceAccount}` : caller.kind;

const calleeName = ({ callee }: Grant): string =>
  callee.kind === 'workload' ? `${callee.namespace}/${callee.workload}` : callee.host;

const targetName = ({ http, port, protocol }: Grant): string =>
  http === null ? `${protocol} ${port}` : `${http.method} ${http.path}`;

/** One line a gRPC method that its contract annotates with a route: `POST /trades -> /trading.execution.v1.ExecutionService/SubmitTrade`. */
export function routeLines(grants: readonly Grant[]): string {
  const lines = grants.flatMap(({ route, http }) =>
    route === undefined || http === null ? [] : [`${route} -> ${http.path}`],
  );
  return lines.length === 0 ? 'none' : sortedUnique(lines).join('\n');
}

/** One line a grant with the places of both keys: `services/order/service.ts:28 + policies/intent/execution.ts:9: trading/order -> POST /…`. */
export function sourceLines(grants: readonly Grant[]): string {
  return placeLines(grants, targetName);
}

/** One line a connection, likewise: `…/service.ts:28 + …/execution.ts:9: trading/order -> trading/execution:50053`. */
export function connectionLines(edges: readonly Edge[]): string {
  const grants = edges.flatMap((edge) => edge.grants);
  return placeLines(grants, (grant) => `${calleeName(grant)}:${grant.port}`);
}

function placeLines(grants: readonly Grant[], targetOf: (grant: Grant) => string): string {
  // No selector and no identity names the kubelet: no rule speaks of its probes.
  const ruled = grants.filter(({ caller }) => caller.kind !== 'node');
  const lines = ruled.map((grant) => {
    const places = [grant.source, grant.admittedAt].filter((place) => place !== undefined).join(' + ');
    return `${places}: ${callerName(grant)} -> ${targetOf(grant)}`;
  });
  return lines.length === 0 ? 'none' : sortedUnique(lines).join('\n');
}
