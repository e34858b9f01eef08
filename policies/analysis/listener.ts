/** What listens on a workload's port: sidecar, gateway or nothing of the mesh, with its protocol and mTLS mode. */
import type {
  ApplicationProtocol,
  Mesh,
  PeerAuthentication,
  PeerMode,
  Service,
  ServicePort,
  Workload,
} from '../language/mesh.ts';
import { isAmbient } from './ambient/capture.ts';
import { applicable, byAge, holdsLabels, isGateway } from './attachment.ts';
import { injectionOf } from './injection.ts';
import { interceptionOf } from './interception.ts';
import { inNamespace } from './namespaced.ts';
import { type PortServer, serversOn } from './routing/servers.ts';

/** The resolved inbound side of one port. */
export type Listener =
  | { readonly kind: 'sidecar'; readonly protocol: PortProtocol; readonly mode: Exclude<PeerMode, 'UNSET'> }
  | {
      readonly kind: 'gateway';
      readonly protocol: 'http' | 'tcp';
      readonly identity: 'none' | 'clientCertificate' | 'mesh';
    }
  /** ztunnel knows layer 4 only, on every port; it has no mode DISABLE. */
  | { readonly kind: 'ztunnel'; readonly protocol: 'tcp'; readonly mode: 'STRICT' | 'PERMISSIVE' }
  /**
   * No proxy in front: neither peers, tokens nor rules are checked. `whose`: the port leads to the proxy itself (its
   * status, health, metrics), or past it to the application.
   */
  | { readonly kind: 'unguarded'; readonly whose: 'proxy' | 'application'; readonly because: string };

/** `http` and `tcp` are declared; `auto` is sniffed. */
export type PortProtocol = 'http' | 'tcp' | 'auto';

/** Resolves what listens on `port` of `workload`. */
export function resolveListener(mesh: Mesh, workload: Workload, port: number): Listener {
  if (isGateway(mesh, workload)) {
    const servers = serversOn(mesh, workload, port);
    if (servers.length > 0) return mostOpen(servers.map(gatewayListener));
    return {
      kind: 'unguarded',
      whose: 'proxy',
      because: `no Gateway server listens on port ${port}, and a gateway does not intercept other ports`,
    };
  }
  if (isAmbient(mesh, workload)) {
    const mode = peerMode(mesh, workload, port) === 'STRICT' ? 'STRICT' : 'PERMISSIVE';
    return { kind: 'ztunnel', protocol: 'tcp', mode };
  }
  if (injectionOf(mesh, workload) === 'off')
    return { kind: 'unguarded', whose: 'application', because: 'the workload has no sidecar' };
  const interception = interceptionOf(workload, port);
  if (interception.kind === 'passedBy')
    return { kind: 'unguarded', whose: interception.whose, because: interception.because };
  return { kind: 'sidecar', protocol: protocolOf(mesh, workload, port), mode: peerMode(mesh, workload, port) };
}

/** What one server of a gateway asks of connections. Source: istio `buildGatewayListeners`. */
export function gatewayListener({ server: { tlsMode }, speaks }: PortServer): Listener {
  if (speaks === 'autoPassthrough')
    return {
      kind: 'unguarded',
      whose: 'application',
      because: 'a server of mode AUTO_PASSTHROUGH passes connections on, by SNI, and asks no policy',
    };
  const isHttp = speaks === 'http' || speaks === 'https';
  const mutual = tlsMode === 'MUTUAL' || tlsMode === 'OPTIONAL_MUTUAL';
  const identity =
    speaks === 'http' ? 'none' : tlsMode === 'ISTIO_MUTUAL' ? 'mesh' : mutual ? 'clientCertificate' : 'none';
  return { kind: 'gateway', protocol: isHttp ? 'http' : 'tcp', identity };
}

/**
 * Of servers that differ the one that asks least of its callers, and understands HTTP: who has no request at hand, which
 * chooses the server by its SNI, is told the worst.
 */
function mostOpen(listeners: readonly Listener[]): Listener {
  const order = ['none', 'clientCertificate', 'mesh'];
  const rank = (listener: Listener) =>
    listener.kind === 'gateway' ? 1 + 2 * order.indexOf(listener.identity) + (listener.protocol === 'http' ? 0 : 1) : 0;
  return listeners.reduce((best, next) => (rank(next) < rank(best) ? next : best));
}

/** The Service ports that lead to a container port, the oldest Service first. */
export function servicePorts(
  mesh: Mesh,
  workload: Workload,
  port: number,
): readonly { readonly service: Service; readonly servicePort: ServicePort }[] {
  return inNamespace(mesh.services, workload.namespace)
    .filter((service) => isSelected(service, workload))
    .toSorted(byAge)
    .flatMap((service) => service.ports.map((servicePort) => ({ service, servicePort })))
    .filter(({ servicePort }) => servicePort.transport === 'TCP' && targetNumber(servicePort, workload) === port);
}

function isSelected(service: Service, workload: Workload): boolean {
  return service.selector.kind === 'labels' && holdsLabels(workload.labels, service.selector.labels);
}

/** The container port that a Service port leads to, undefined where a name is not found. */
export function targetNumber(servicePort: ServicePort, workload: Workload): number | undefined {
  const target = servicePort.target;
  if (target.kind === 'number') return target.number;
  return workload.ports.find((port) => port.name === target.name && port.protocol === servicePort.transport)?.number;
}

function protocolOf(mesh: Mesh, workload: Workload, port: number): PortProtocol {
  const declared = servicePorts(mesh, workload, port)[0]?.servicePort.protocol ?? 'auto';
  return CHAINS[declared];
}

/** The chain that each declared protocol gets. */
export const CHAINS: Readonly<Record<ApplicationProtocol, PortProtocol>> = {
  http: 'http',
  http2: 'http',
  grpc: 'http',
  'grpc-web': 'http',
  tcp: 'tcp',
  auto: 'auto',
};

/**
 * The mTLS mode of one port: PERMISSIVE, then mesh, then namespace, then workload, each only if set; of several
 * policies of one level only the oldest counts. Source: semantics.md 4; istio `authn.ComposePeerAuthentication`.
 */
function peerMode(mesh: Mesh, workload: Workload, port: number): Exclude<PeerMode, 'UNSET'> {
  return peerModeOf(mesh, workload, port).mode;
}

/** The mTLS mode of one port with the policy that sets it; null where none does. */
export function peerModeOf(
  mesh: Mesh,
  workload: Workload,
  port: number,
): { readonly mode: Exclude<PeerMode, 'UNSET'>; readonly policy: PeerAuthentication | null } {
  const root = mesh.config.rootNamespace;
  const policies = applicable(mesh.peerAuthentications, mesh, workload).toSorted(byAge);
  const oldest = (claims: (policy: PeerAuthentication) => boolean) => policies.find(claims);
  const whole = (policy: PeerAuthentication) => policy.attachment.kind === 'wholeNamespace';
  const meshWide = oldest((policy) => whole(policy) && policy.namespace === root);
  const namespaceWide = oldest((policy) => whole(policy) && policy.namespace !== root);
  const own = oldest((policy) => policy.attachment.kind === 'selector' && policy.namespace !== root);
  const portMode = own?.portModes.find((entry) => entry.port === port)?.mode;
  if (portMode !== undefined && portMode !== 'UNSET') return { mode: portMode, policy: own ?? null };
  for (const policy of [own, namespaceWide, meshWide])
    if (policy !== undefined && policy.mode !== 'UNSET') return { mode: policy.mode, policy };
  return { mode: 'PERMISSIVE', policy: null };
}
