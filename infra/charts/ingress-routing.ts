import { Construct } from 'constructs';
import { renderObject } from '../constructs/istio-object.ts';
import type { MeshWorkload } from '../constructs/mesh-workload.ts';
import { publicRoutes } from '../constructs/virtual-service.ts';
import type { Environment } from '../environments/index.ts';

/**
 * istiod hands a certificate to a gateway only if the gateway's own account may list Secrets of its namespace, which
 * therefore holds nothing but that certificate. Source: pilot/pkg/credentials/kube, `Authorize`.
 */
function readsCertificates(
  scope: Construct,
  account: { readonly name: string; readonly serviceAccount: string; readonly namespace: string },
): void {
  const name = `${account.name}-certificates`;
  renderObject(scope, 'certificates', {
    kind: 'Role',
    metadata: { name },
    body: { rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] }] },
  });
  renderObject(scope, 'certificates-binding', {
    kind: 'RoleBinding',
    metadata: { name },
    body: {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name: account.serviceAccount, namespace: account.namespace }],
    },
  });
}

/** The public door: one HTTPS listener for one host, and exactly the declared routes behind it. */
export class IngressRouting extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: { readonly ingress: MeshWorkload; readonly environment: Environment },
  ) {
    super(scope, id);
    const { ingress, environment } = props;
    const { host, credentialName } = environment.ingress;
    const { name, namespace, contracts, serviceAccount } = ingress.declaration;
    readsCertificates(this, { name, serviceAccount, namespace });
    const servers = contracts.map(({ port }) => ({
      port: { name: 'https', number: port, protocol: 'HTTPS' },
      hosts: [host],
      tls: { mode: 'SIMPLE', credentialName, minProtocolVersion: 'TLSV1_3' },
    }));
    renderObject(this, 'gateway', {
      kind: 'Gateway',
      metadata: { name },
      body: { spec: { selector: ingress.peer.labels, servers } },
    });
    publicRoutes(this, 'routes', {
      name,
      host,
      gateway: `${namespace}/${name}`,
      grants: () => ingress.outboundGrants('http'),
    });
  }
}
