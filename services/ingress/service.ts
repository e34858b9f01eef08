import { gatewayRoutes } from '../gateway/service.ts';
import { callRoute, type ServiceDeclaration } from '../runtime/declaration.ts';

const owner = 'team-platform';

/** The Istio ingress gateway: it ends TLS from the internet and passes the gateway's routes on. */
export const ingress: ServiceDeclaration = {
  name: 'ingress',
  namespace: 'istio-ingress',
  serviceAccount: 'ingress',
  kind: 'platform',
  owner,
  contracts: [{ kind: 'http', port: 8443, routes: gatewayRoutes }],
  scaling: 'stateless',
  calls: gatewayRoutes.map((route) =>
    callRoute('gateway', route, {
      timeoutMs: 600_000,
      owner,
      reason: 'clients reach the edge through the ingress gateway only',
    }),
  ),
};
