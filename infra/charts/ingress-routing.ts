import { Construct } from 'constructs';
import { renderObject } from '../constructs/istio-object.ts';
import type { MeshWorkload } from '../constructs/mesh-workload.ts';
import { publicRoutes } from '../constructs/virtual-service.ts';
import type { Environment } from '../environments/index.ts';

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
    const { name, namespace, contracts } = ingress.declaration;
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
