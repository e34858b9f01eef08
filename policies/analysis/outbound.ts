/** The caller's sidecar: which hosts it knows, and with what it connects. Source: semantics.md 5 and 10. */
import type { Mesh, Service, Workload } from '../language/mesh.ts';
import type { ClientTlsMode, DestinationRule, EgressHost, Sidecar, WorkloadSelection } from '../language/traffic.ts';
import { HBONE, isAmbient } from './ambient/capture.ts';
import { byAge, holdsLabels } from './attachment.ts';
import type { Transport } from './connection.ts';
import { workloadIdentity } from './identity.ts';
import { injectionOf } from './injection.ts';
import { leavesAround } from './interception.ts';
import { type Listener, servicePorts } from './listener.ts';

/** What the caller's sidecar does with a call. */
export type Departure =
  | {
      readonly kind: 'sends';
      readonly transport: Transport;
      /** Whether the sidecar knows the host, lets an unknown one pass, or is not passed at all. */
      readonly by: 'knownHost' | 'unknownHost' | 'noSidecar';
      /** The port of the connection itself: HBONE carries every port of a pod on one. */
      readonly port: number;
    }
  | { readonly kind: 'blocked'; readonly host: string };

/** The fully qualified host of a Service. */
export function hostOf(service: Pick<Service, 'name' | 'namespace'>): string {
  return `${service.name}.${service.namespace}.svc.cluster.local`;
}

/** Decides what leaves `source` for `port` of `target`. */
export function depart(
  mesh: Mesh,
  source: Workload,
  target: { readonly workload: Workload; readonly port: number; readonly listener: Listener },
): Departure {
  const plaintext = (by: 'unknownHost' | 'noSidecar'): Departure => ({
    kind: 'sends',
    transport: { kind: 'plaintext' },
    by,
    port: target.port,
  });
  if (isAmbient(mesh, source)) return departFromZtunnel(mesh, source, target);
  if (injectionOf(mesh, source) === 'off') return plaintext('noSidecar');
  const ways = servicePorts(mesh, target.workload, target.port);
  if (leavesAround(source, ways[0]?.servicePort.number ?? target.port)) return plaintext('noSidecar');
  const sidecar = sidecarOf(mesh, source);
  const known = ways.filter(({ service, servicePort }) => imports(sidecar, source, service, servicePort.number));
  const way = known[0];
  if (way === undefined) {
    const mode = sidecar?.outboundMode ?? mesh.config.outboundTrafficPolicy;
    if (mode === 'ALLOW_ANY') return plaintext('unknownHost');
    return {
      kind: 'blocked',
      host: ways[0] === undefined ? `port ${target.port} of no Service` : hostOf(ways[0].service),
    };
  }
  const transport = transportOf(mesh, source, {
    ...target,
    service: way.service,
    servicePort: way.servicePort.number,
  });
  return { kind: 'sends', by: 'knownHost', transport, port: wirePort(transport, target) };
}

/**
 * ztunnel speaks HBONE to every pod that has a proxy of the mesh, plaintext to all others: it reads neither Sidecar
 * resources, REGISTRY_ONLY nor DestinationRules. Towards a sidecar it takes the mode that the port accepts.
 * Source: semantics.md 12; ztunnel `proxy/outbound.rs` (`build_request`).
 */
function departFromZtunnel(
  mesh: Mesh,
  source: Workload,
  { port, listener }: { readonly port: number; readonly listener: Listener },
): Departure {
  const speaksHbone = listener.kind === 'ztunnel' || (listener.kind === 'sidecar' && listener.mode !== 'DISABLE');
  if (!speaksHbone) return { kind: 'sends', transport: { kind: 'plaintext' }, by: 'noSidecar', port };
  return { kind: 'sends', transport: mtlsOf(mesh, source), by: 'noSidecar', port: HBONE };
}

/** The port that a call of anybody but ztunnel goes to. */
export function wirePort(
  transport: Transport,
  { port, listener }: { readonly port: number; readonly listener: Listener },
): number {
  return listener.kind === 'ztunnel' && transport.kind === 'mtls' ? HBONE : port;
}

function mtlsOf(mesh: Mesh, workload: Workload): Transport {
  return { kind: 'mtls', identities: [workloadIdentity(mesh, workload)] };
}

/** The Sidecar resource of a workload: one that selects it, else its namespace's, else the root namespace's. */
export function sidecarOf(mesh: Mesh, workload: Workload): Sidecar | undefined {
  const sorted = mesh.sidecars.toSorted(byAge);
  const whole = (sidecar: Sidecar) => sidecar.selection.kind === 'wholeNamespace';
  return (
    sorted.find(
      (sidecar) => sidecar.namespace === workload.namespace && !whole(sidecar) && isFor(sidecar.selection, workload),
    ) ??
    sorted.find((sidecar) => sidecar.namespace === workload.namespace && whole(sidecar)) ??
    sorted.find((sidecar) => sidecar.namespace === mesh.config.rootNamespace && whole(sidecar))
  );
}

function isFor(selection: WorkloadSelection, workload: Workload): boolean {
  return selection.kind === 'wholeNamespace' || holdsLabels(workload.labels, selection.labels);
}

/** True iff the sidecar's registry holds the Service on that Service port. */
export function imports(sidecar: Sidecar | undefined, source: Workload, service: Service, port: number): boolean {
  if (sidecar === undefined || sidecar.egress.kind === 'unset') return true;
  return sidecar.egress.listeners.some(
    (listener) =>
      (listener.port === null || listener.port === port) &&
      listener.hosts.some((host) => isHost(host, hostOf(service), { own: source.namespace, of: service.namespace })),
  );
}

function isHost(entry: EgressHost, host: string, namespaces: { readonly own: string; readonly of: string }): boolean {
  const inNamespace = {
    own: namespaces.own === namespaces.of,
    all: true,
    none: false,
    named: entry.namespace.kind === 'named' && entry.namespace.name === namespaces.of,
  }[entry.namespace.kind];
  return inNamespace && isHostPattern(entry.host, host);
}

/** True iff a host of Istio's registry notation (`*`, `*.x`, or exact) covers `host`. */
export function isHostPattern(pattern: string, host: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : pattern === host;
}

interface Way {
  readonly workload: Workload;
  readonly listener: Listener;
  readonly service: Service;
  readonly servicePort: number;
}

/** A DestinationRule's word, else auto-mTLS: mesh mTLS exactly towards endpoints that have a sidecar and accept it. */
function transportOf(mesh: Mesh, source: Workload, way: Way): Transport {
  const mtls = mtlsOf(mesh, source);
  const mode = clientTlsMode(mesh, source, way);
  if (mode === 'DISABLE') return { kind: 'plaintext' };
  if (mode === 'ISTIO_MUTUAL') return mtls;
  if (mode !== null) return { kind: 'foreignTls' };
  if (way.listener.kind === 'ztunnel') return mtls;
  const accepts = way.listener.kind === 'sidecar' && way.listener.mode !== 'DISABLE' && !way.service.headless;
  return accepts ? mtls : { kind: 'plaintext' };
}

/** Port settings replace those of the destination. */
function clientTlsMode(mesh: Mesh, source: Workload, way: Way): ClientTlsMode | null {
  const [rule] = rulesFor(mesh, source, way.service);
  if (rule === undefined) return null;
  return (rule.portPolicies.find((entry) => entry.port === way.servicePort)?.policy ?? rule.policy).tls;
}

/**
 * The DestinationRules of a Service that a caller goes by, the one that decides first. Lookup: client namespace, service
 * namespace, root namespace; a rule for the very host goes before one for a pattern.
 */
export function rulesFor(mesh: Mesh, source: Workload, service: Service): readonly DestinationRule[] {
  const host = hostOf(service);
  for (const namespace of [source.namespace, service.namespace, mesh.config.rootNamespace]) {
    const candidates = mesh.destinationRules.filter(
      (rule) => rule.namespace === namespace && isFor(rule.selection, source),
    );
    const exact = candidates.filter((candidate) => fullHost(candidate) === host);
    if (exact.length > 0) return exact;
    const patterns = candidates.filter((candidate) => isHostPattern(fullHost(candidate), host));
    if (patterns.length > 0) return patterns;
  }
  return [];
}

/** A short host is meant in the rule's own namespace. */
function fullHost(rule: DestinationRule): string {
  if (rule.host.includes('.') || rule.host.startsWith('*')) return rule.host;
  return hostOf({ name: rule.host, namespace: rule.namespace });
}
