/** Which servers of which Gateways listen on a port of a gateway's pod. Source: istio `model.mergeGateways`. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import type { Gateway, GatewayServer } from '../../language/traffic.ts';
import { byAge, holdsLabels } from '../attachment.ts';
import { inNamespace } from '../namespaced.ts';

/** A server on a port, its hosts as istiod reads them: `ns/host` or `host`. */
export interface PortServer {
  readonly gateway: Gateway;
  readonly server: GatewayServer;
  readonly hosts: readonly string[];
  readonly speaks: ServerSpeech;
}

/** What a server makes of its connections. */
export type ServerSpeech =
  /** HTTP in plaintext. */
  | 'http'
  /** HTTP behind TLS that ends here. */
  | 'https'
  /** Bytes in plaintext. */
  | 'tcp'
  /** Bytes behind TLS that ends here. */
  | 'tls'
  /** TLS that is passed on, by SNI, to where routes say. */
  | 'passthrough'
  /** TLS that is passed on to the Service that the SNI names. */
  | 'autoPassthrough';

/** The Gateways that configure a pod, the oldest first; selectors match in every namespace. */
export function gatewaysOf(mesh: Mesh, workload: Workload): readonly Gateway[] {
  return mesh.gateways.filter((gateway) => holdsLabels(workload.labels, gateway.selector)).toSorted(byCreation);
}

/** Compares as istiod sorts configuration: by age, then name, then namespace. Source: istio `configCompareByCreationTime`. */
export function byCreation(
  left: { readonly createdAt: string; readonly namespace: string; readonly name: string },
  right: { readonly createdAt: string; readonly namespace: string; readonly name: string },
): number {
  const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
  return (
    compare(left.createdAt, right.createdAt) ||
    compare(left.name, right.name) ||
    compare(left.namespace, right.namespace)
  );
}

/** The port of the pod that a server listens on: where a Service of the pod leads from its number, else the number. */
function listeningPort(mesh: Mesh, workload: Workload, number: number): number {
  const services = inNamespace(mesh.services, workload.namespace)
    .filter(({ selector }) => selector.kind === 'labels' && holdsLabels(workload.labels, selector.labels))
    .toSorted(byAge);
  for (const { ports } of services) {
    for (const { number: own, target, transport } of ports) {
      if (own !== number || transport !== 'TCP') continue;
      if (target.kind === 'number') return target.number;
      return workload.ports.find((port) => port.name === target.name && port.protocol === transport)?.number ?? number;
    }
  }
  return number;
}

/** The servers that listen on a port, in the order of their Gateways; those that istiod leaves out are not among them. */
export function serversOn(mesh: Mesh, workload: Workload, port: number): readonly PortServer[] {
  const found: PortServer[] = [];
  const tlsHosts = new Set<string>();
  for (const gateway of gatewaysOf(mesh, workload)) {
    for (const server of gateway.servers) {
      if (listeningPort(mesh, workload, server.port) !== port) continue;
      const next = { gateway, server, hosts: hostsOf(server, gateway.namespace), speaks: speechOf(server) };
      if (server.tlsMode !== null && !claims(tlsHosts, next)) continue;
      if (isMergeable(found, next)) found.push(next);
    }
  }
  return found;
}

/** Takes the server's hosts for its own; false, and nothing taken, where some are another's. */
function claims(known: Set<string>, { hosts, server }: PortServer): boolean {
  const keys = hosts.map((host) => JSON.stringify([host, server.bind]));
  if (keys.some((key) => known.has(key))) return false;
  for (const key of keys) known.add(key);
  return true;
}

/** On one port either plaintext HTTP servers of any protocol, or TLS servers; the first decides. */
function isMergeable(found: readonly PortServer[], next: PortServer): boolean {
  const [first] = found;
  if (first === undefined) return true;
  if (isPlaintext(first)) return first.speaks === 'http' && next.speaks === 'http';
  if (isPlaintext(next)) return false;
  const isSameRoute = (other: PortServer) =>
    other.gateway === next.gateway &&
    other.server.port === next.server.port &&
    other.server.name === next.server.name &&
    other.speaks === 'https';
  return next.speaks !== 'https' || !found.some(isSameRoute);
}

const isPlaintext = ({ speaks }: PortServer): boolean => speaks === 'http' || speaks === 'tcp';

/** `./host` is meant in the Gateway's namespace, `*` before the slash is any namespace. */
function hostsOf({ hosts }: GatewayServer, namespace: string): readonly string[] {
  if (hosts.includes('*/*')) return ['*'];
  return hosts.map((host) => {
    const [scope, name] = host.split('/');
    if (name === undefined) return host;
    return scope === '.' ? `${namespace}/${name}` : scope === '*' ? name : host;
  });
}

/** What a server makes of its connections, by protocol and TLS mode. */
function speechOf({ protocol, tlsMode }: GatewayServer): ServerSpeech {
  if (/^(HTTP|HTTP2|GRPC|GRPC-WEB)$/i.test(protocol)) return 'http';
  if (tlsMode === null) return 'tcp';
  if (tlsMode === 'PASSTHROUGH') return 'passthrough';
  if (tlsMode === 'AUTO_PASSTHROUGH') return 'autoPassthrough';
  return /^HTTPS$/i.test(protocol) ? 'https' : 'tls';
}
