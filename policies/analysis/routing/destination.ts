/** Where a route's destination leads: to the ports of which workloads. Source: istio `route.GetDestinationCluster`. */
import type { Mesh, Service, Workload } from '../../language/mesh.ts';
import { holdsLabels } from '../attachment.ts';
import { targetNumber } from '../listener.ts';
import { inNamespace } from '../namespaced.ts';
import { hostOf, isHostPattern, rulesFor } from '../outbound.ts';

/** A destination as routes and mirrors write it. */
export interface DestinationName {
  readonly host: string;
  readonly port: number | null;
  readonly subset: string | null;
}

/** What a destination stands for. */
export type Target =
  /** The pods of a Service; none where the manifests hold no pods of it. */
  | { readonly kind: 'service'; readonly service: Service; readonly port: number; readonly places: readonly Place[] }
  /** A host of a ServiceEntry. */
  | { readonly kind: 'outside'; readonly host: string; readonly port: number }
  /** A host that the manifests do not know: somebody else may have it. */
  | { readonly kind: 'unknown'; readonly host: string; readonly port: number }
  /** Nothing: the proxy answers 503 itself. */
  | { readonly kind: 'nowhere'; readonly because: string };

/** One port of one workload. */
export interface Place {
  readonly workload: Workload;
  readonly port: number;
}

/** The full name of a host: a short name is meant in the namespace of whoever writes it. */
export function fullName(host: string, namespace: string): string {
  const isShort = host !== '*' && !host.includes('.') && !host.includes(':');
  return isShort ? hostOf({ name: host, namespace }) : host;
}

/** Resolves a destination that an object of `namespace` names at a gateway's server of the port `serverPort`. */
export function resolveDestination(
  mesh: Mesh,
  gateway: Workload,
  { host: written, port: stated, subset }: DestinationName,
  from: { readonly namespace: string; readonly serverPort: number },
): Target {
  const host = fullName(written, from.namespace);
  const service = serviceOf(mesh, host);
  if (service === undefined) return outsideOrUnknown(mesh, host, stated ?? from.serverPort);
  const only = service.ports.length === 1 ? service.ports[0]?.number : undefined;
  const number = stated ?? only ?? from.serverPort;
  const servicePort = service.ports.find((known) => known.number === number && known.transport === 'TCP');
  if (servicePort === undefined) return { kind: 'nowhere', because: `Service \`${host}\` has no port ${number}` };
  const labels = subset === null ? {} : subsetLabels(mesh, gateway, { service, subset });
  if (labels === undefined)
    return { kind: 'nowhere', because: `no DestinationRule gives \`${host}\` a subset \`${subset}\`` };
  const places = podsOf(mesh, service)
    .filter((workload) => holdsLabels(workload.labels, labels))
    .flatMap((workload) => {
      const port = targetNumber(servicePort, workload);
      return port === undefined ? [] : [{ workload, port }];
    });
  return { kind: 'service', service, port: number, places };
}

function serviceOf(mesh: Mesh, host: string): Service | undefined {
  const [name = '', namespace = ''] = host.split('.');
  return inNamespace(mesh.services, namespace).find((service) => service.name === name && hostOf(service) === host);
}

function podsOf(mesh: Mesh, { namespace, selector }: Service): readonly Workload[] {
  if (selector.kind === 'none') return [];
  return inNamespace(mesh.workloads, namespace).filter(({ labels }) => holdsLabels(labels, selector.labels));
}

function outsideOrUnknown(mesh: Mesh, host: string, port: number): Target {
  const entry = mesh.serviceEntries.find(({ hosts }) => hosts.some((known) => isHostPattern(known, host)));
  if (entry === undefined) return { kind: 'unknown', host, port };
  return entry.ports.some((known) => known.number === port)
    ? { kind: 'outside', host, port }
    : { kind: 'nowhere', because: `ServiceEntry \`${entry.namespace}/${entry.name}\` has no port ${port}` };
}

/** The labels of a subset; undefined where no DestinationRule that the gateway sees names it. */
function subsetLabels(
  mesh: Mesh,
  gateway: Workload,
  { service, subset }: { readonly service: Service; readonly subset: string },
): Readonly<Record<string, string>> | undefined {
  const rules = rulesFor(mesh, gateway, service);
  return rules.flatMap(({ subsets }) => subsets).find(({ name }) => name === subset)?.labels;
}
