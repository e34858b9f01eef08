import { Construct } from 'constructs';
import type { Grant } from '#policies/intent/index.ts';
import type { Contract, ServiceDeclaration } from '#services/runtime/declaration.ts';
import type { Environment } from '../environments/index.ts';
import { verifiedTokens } from './authentication.ts';
import { callersPolicy } from './authorization-policy.ts';
import { authorizationRules } from './authorization-rules.ts';
import { disruptionBudget, scaling } from './availability.ts';
import { callerLimits } from './destination-rule.ts';
import { routeLines, sourceLines } from './grant-annotations.ts';
import { atSynthesis, renderObject, sourceAnnotation } from './istio-object.ts';
import { networkEdges } from './network-policy.ts';
import { compareText, type Edge, nameLabel, type Peer, type PodPeer, serviceHost } from './peer.ts';
import type { NamedPort, Placement, Program } from './program.ts';
import { reachDeclaredHosts } from './sidecar.ts';
import { meshRoutes } from './virtual-service.ts';
import { Workload } from './workload.ts';
import { shapeComplaints } from './workload-shape.ts';

/** One workload of the catalog in one environment. */
export interface MeshWorkloadProps {
  readonly declaration: ServiceDeclaration;
  readonly environment: Environment;
  /** Public keys of the users' tokens as JSON text. */
  readonly jwks: string;
  readonly program: Program;
  readonly placement: Placement;
  readonly version: string;
  /** `gateway`: the proxy is the program, and routes come from Gateways. @default sidecar */
  readonly proxy?: 'sidecar' | 'gateway';
  /** How the Service is reachable from outside the cluster. @default - not at all */
  readonly exposure?: Environment['ingress']['exposure'];
}

/** What Istio must take a port for; it wins over the port's name. */
const appProtocols = { grpc: 'grpc', http: 'http', tcp: 'tcp' } as const;

/** Names the ports of a workload after their protocol; two of one protocol are told apart by number. */
export function portNames(
  contracts: readonly Contract[],
): readonly (NamedPort & { readonly kind: Contract['kind'] })[] {
  return contracts.map(({ kind, port }) => {
    const isAlone = contracts.filter((other) => other.kind === kind).length === 1;
    return { name: isAlone ? kind : `${kind}-${port}`, number: port, kind };
  });
}

/**
 * A workload with everything that makes it part of the mesh: identity, who may call it, whom it may call, tokens,
 * routes, limits, and its pods. Edges are added by `allowCallsFrom` and `allowCallsTo`; policies are rendered from them
 * at synthesis.
 */
export class MeshWorkload extends Construct {
  readonly declaration: ServiceDeclaration;
  readonly peer: PodPeer;
  readonly #props: MeshWorkloadProps;
  readonly #inbound: Edge[] = [];
  readonly #outbound: Edge[] = [];
  /** Edges from callers whose own sidecars route. */
  readonly #routed: Edge[] = [];

  constructor(scope: Construct, id: string, props: MeshWorkloadProps) {
    super(scope, id);
    this.#props = props;
    this.declaration = props.declaration;
    const { name, namespace } = props.declaration;
    this.peer = { kind: 'pods', namespace, labels: { [nameLabel]: name }, host: serviceHost(namespace, name) };
    this.node.addValidation({ validate: () => shapeComplaints(props) });
    this.#addIdentity();
    this.#addPolicies();
    this.#addService();
    this.#addPods();
  }

  /** Admits `caller` to what the grants say: identity, routes and network alike. */
  allowCallsFrom(caller: MeshWorkload | Peer, grants: readonly Grant[]): void {
    const isWorkload = caller instanceof MeshWorkload;
    const edge: Edge = { caller: isWorkload ? caller.peer : caller, callee: this.peer, grants };
    this.#inbound.push(edge);
    if (isWorkload) caller.#outbound.push(edge);
    if (isWorkload && this.#isCalledBy(edge)) {
      this.#addLimits();
      if (caller.#props.proxy !== 'gateway') this.#addRoutes(edge);
    }
    if (grants.some(({ user }) => user !== null)) this.#addTokens();
  }

  /** Lets this workload call something that is no workload of the catalog: istiod, DNS, a host outside. */
  allowCallsTo(callee: Peer, grants: readonly Grant[]): void {
    this.#outbound.push({ caller: this.peer, callee, grants });
    if (callee.kind === 'external') this.#addExternalHost(callee.host, grants);
  }

  /** The grants of this workload by the DNS name of the callee, in order; what an ingress gateway routes. */
  outboundGrants(protocol: Grant['protocol']): ReadonlyMap<string, readonly Grant[]> {
    const hosts = new Map<string, readonly Grant[]>();
    for (const { callee, grants } of this.#outbound) {
      const spoken = grants.filter((grant) => grant.protocol === protocol);
      if (callee.kind === 'pods' && spoken.length > 0) hosts.set(callee.host, spoken);
    }
    return new Map([...hosts].sort(([left], [right]) => compareText(left, right)));
  }

  #addIdentity(): void {
    renderObject(this, 'account', {
      kind: 'ServiceAccount',
      metadata: { name: this.declaration.serviceAccount },
      body: { automountServiceAccountToken: false },
    });
  }

  #addPolicies(): void {
    const { name } = this.declaration;
    const selector = this.peer.labels;
    const { trustDomain } = this.#props.environment;
    // Where NetworkPolicy alone guards a port, no proxy is asked: a rule about it would be idle.
    const grants = () =>
      this.#inbound.flatMap((edge) => edge.grants).filter(({ guardedBy }) => guardedBy === undefined);
    callersPolicy(this, 'callers', {
      name: `${name}-callers`,
      selector,
      annotations: {
        'meshwright.dev/routes': atSynthesis(() => routeLines(grants())),
        [sourceAnnotation]: atSynthesis(() => sourceLines(grants())),
      },
      rules: () => authorizationRules(grants(), trustDomain),
    });
    reachDeclaredHosts(this, 'reach', { name, selector, outbound: () => this.#outbound });
    networkEdges(this, 'network', {
      name,
      selector,
      inbound: () => this.#inbound,
      outbound: () => this.#outbound,
    });
  }

  #addTokens(): void {
    if (this.node.tryFindChild('tokens') !== undefined) return;
    const { environment, jwks } = this.#props;
    const { issuer, audiences } = environment.users;
    const name = `${this.declaration.name}-users`;
    verifiedTokens(new Construct(this, 'tokens'), 'users', {
      name,
      selector: this.peer.labels,
      issuer,
      audiences,
      jwks,
      grants: () => this.#inbound.flatMap(({ grants }) => grants).filter(({ user }) => user !== null),
    });
  }

  /** True iff an edge goes to the contract, not only to the proxy's own ports. */
  #isCalledBy({ grants }: Edge): boolean {
    return grants.some((grant) => this.declaration.contracts.some(({ port }) => port === grant.port));
  }

  #addLimits(): void {
    if (this.node.tryFindChild('limits') !== undefined) return;
    const isTcp = this.declaration.contracts.every(({ kind }) => kind === 'tcp');
    callerLimits(new Construct(this, 'limits'), 'callers', {
      name: this.declaration.name,
      host: this.peer.host,
      protocol: isTcp ? 'tcp' : 'http',
      visibleIn: () => this.#namespacesOf(this.#inbound.filter((edge) => this.#isCalledBy(edge))),
    });
  }

  #namespacesOf(edges: readonly Edge[]): readonly string[] {
    return edges
      .flatMap(({ caller }) => (caller.kind === 'pods' ? [caller.namespace] : []))
      .filter((namespace) => namespace !== this.declaration.namespace);
  }

  #addRoutes(edge: Edge): void {
    const ports = this.declaration.contracts.filter(({ kind }) => kind !== 'tcp').map(({ port }) => port);
    if (ports.length === 0) return;
    this.#routed.push(edge);
    if (this.node.tryFindChild('routes') !== undefined) return;
    const { name } = this.declaration;
    meshRoutes(new Construct(this, 'routes'), 'mesh', {
      name,
      host: this.peer.host,
      ports,
      grants: () => this.#routed.flatMap(({ grants }) => grants).filter(({ port }) => ports.includes(port)),
      visibleIn: () => this.#namespacesOf(this.#routed),
    });
  }

  #addExternalHost(host: string, grants: readonly Grant[]): void {
    if (this.node.tryFindChild(`external-${host}`) !== undefined) return;
    renderObject(this, `external-${host}`, {
      kind: 'ServiceEntry',
      metadata: { name: `${this.declaration.name}-${host.replaceAll('.', '-')}` },
      body: {
        spec: {
          hosts: [host],
          exportTo: ['.'],
          location: 'MESH_EXTERNAL',
          resolution: 'DNS',
          // The application speaks TLS to the host itself: the proxy sees the server name only, and of a protocol that
          // begins in the clear (PostgreSQL) not even that.
          ports: grants.map(({ port, protocol }) =>
            protocol === 'tcp'
              ? { name: `tcp-${port}`, number: port, protocol: 'TCP' }
              : { name: `tls-${port}`, number: port, protocol: 'TLS' },
          ),
        },
      },
    });
  }

  #addService(): void {
    const { exposure, proxy } = this.#props;
    const ports = portNames(this.declaration.contracts).map(({ name, number, kind }) => ({
      name: proxy === 'gateway' ? 'https' : name,
      port: number,
      targetPort: number,
      protocol: 'TCP',
      appProtocol: proxy === 'gateway' ? 'https' : appProtocols[kind],
      ...(exposure?.kind === 'nodePort' ? { nodePort: exposure.nodePort } : {}),
    }));
    const types = { nodePort: 'NodePort', loadBalancer: 'LoadBalancer' } as const;
    renderObject(this, 'service', {
      kind: 'Service',
      metadata: { name: this.declaration.name, labels: this.peer.labels },
      body: {
        spec: {
          type: exposure === undefined ? 'ClusterIP' : types[exposure.kind],
          // Clients' own addresses reach the proxy: the edge limits rates by them.
          ...(exposure === undefined ? {} : { externalTrafficPolicy: 'Local' }),
          selector: this.peer.labels,
          ports,
        },
      },
    });
  }

  #addPods(): void {
    const { program, placement, version } = this.#props;
    const { name, serviceAccount } = this.declaration;
    const selector = this.peer.labels;
    new Workload(this, 'pods', { name, serviceAccount, selector, version, program, placement });
    disruptionBudget(this, 'budget', { name, selector });
    if (placement.kind === 'scaled') scaling(this, 'scaling', { name, ...placement });
  }
}
