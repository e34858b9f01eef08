import { holdsLabels } from '#policies/analysis/attachment.ts';
import { hostOf, imports, isHostPattern, sidecarOf } from '#policies/analysis/outbound.ts';
import type { ApplicationProtocol, Mesh, Service, ServicePort, Workload } from '#policies/language/mesh.ts';
import type { TrafficPolicy } from '#policies/language/traffic.ts';
import { spiffeId } from './spiffe-id.ts';

/** The far end of an outbound call as the caller's registry knows it. */
export type Callee =
  | {
      readonly kind: 'known';
      readonly host: string;
      /** The Service port, by which routes and policies name it. */
      readonly port: number;
      readonly containerPort: number;
      readonly protocol: ApplicationProtocol;
      /** The SPIFFE IDs of the workloads behind the Service: the callee must show one of them. */
      readonly identities: readonly string[];
      readonly policy: TrafficPolicy | undefined;
    }
  | { readonly kind: 'blocked'; readonly because: string };

/** Looks a host and Service port up for `source`: unknown ones and those that its Sidecar does not import are blocked. */
export function findCallee(mesh: Mesh, source: Workload, host: string, port: number): Callee {
  const service = mesh.services.find((candidate) => hostOf(candidate) === host);
  const servicePort = service?.ports.find((candidate) => candidate.number === port);
  if (service === undefined || servicePort === undefined) {
    return { kind: 'blocked', because: `no Service of the mesh is \`${host}:${port}\`` };
  }
  if (!imports(sidecarOf(mesh, source), source, service, port)) {
    return {
      kind: 'blocked',
      because: `the Sidecar of \`${source.namespace}/${source.name}\` does not import \`${host}:${port}\``,
    };
  }
  const workloads = mesh.workloads.filter((workload) => isBehind(service, workload));
  const target = workloads.map((workload) => targetOf(servicePort, workload)).find((found) => found !== undefined);
  if (target === undefined) return { kind: 'blocked', because: `no workload is behind \`${host}:${port}\`` };
  return {
    kind: 'known',
    host,
    port,
    containerPort: target,
    protocol: servicePort.protocol,
    identities: workloads.map(({ namespace, serviceAccount }) =>
      spiffeId(mesh.config.trustDomain, namespace, serviceAccount),
    ),
    policy: trafficPolicy(mesh, source, { service, port }),
  };
}

/** The protocol of a container port, by the first Service that leads to it. */
export function protocolOfPort(mesh: Mesh, workload: Workload, containerPort: number): ApplicationProtocol {
  for (const service of mesh.services.filter((candidate) => isBehind(candidate, workload))) {
    const port = service.ports.find((candidate) => targetOf(candidate, workload) === containerPort);
    if (port !== undefined) return port.protocol;
  }
  return 'auto';
}

function isBehind(service: Service, workload: Workload): boolean {
  return (
    service.namespace === workload.namespace &&
    service.selector.kind === 'labels' &&
    holdsLabels(workload.labels, service.selector.labels)
  );
}

function targetOf(port: ServicePort, workload: Workload): number | undefined {
  const target = port.target;
  if (target.kind === 'number') return target.number;
  return workload.ports.find((candidate) => candidate.name === target.name)?.number;
}

function trafficPolicy(
  mesh: Mesh,
  source: Workload,
  way: { readonly service: Service; readonly port: number },
): TrafficPolicy | undefined {
  const host = hostOf(way.service);
  for (const namespace of [source.namespace, way.service.namespace, mesh.config.rootNamespace]) {
    const rule = mesh.destinationRules.find(
      (candidate) =>
        candidate.namespace === namespace && (candidate.host === host || isHostPattern(candidate.host, host)),
    );
    if (rule !== undefined) {
      return rule.portPolicies.find((entry) => entry.port === way.port)?.policy ?? rule.policy;
    }
  }
  return undefined;
}
