/**
 * What the platform itself needs, as declared edges: nothing is opened as a side effect of a construct.
 * Istio's own ports: 15012 istiod (XDS, CA), 15017 its webhooks, 15020 merged metrics and rewritten probes, 15021 health of a gateway.
 */
import { declaredAt, type ServiceDeclaration } from '../../services/runtime/declaration.ts';
import type { Callee, Caller, ClusterPod, Grant } from './grant.ts';

const owner = 'team-platform';

const pod = (namespace: string, name: string, labels: ClusterPod['labels']): ClusterPod => ({
  namespace,
  workload: name,
  serviceAccount: name,
  labels,
});

/** What the cluster runs beside us, with the labels that its installations give: those that others select it by. */
export const clusterPods: readonly ClusterPod[] = [
  pod('istio-system', 'istiod', { app: 'istiod' }),
  pod('kube-system', 'coredns', { 'k8s-app': 'kube-dns' }),
  pod('observability', 'prometheus', { 'app.kubernetes.io/name': 'prometheus' }),
];

const prometheus: Caller = { kind: 'workload', namespace: 'observability', serviceAccount: 'prometheus' };
const istiod: Callee = { kind: 'workload', namespace: 'istio-system', workload: 'istiod' };
const dns: Callee = { kind: 'workload', namespace: 'kube-system', workload: 'coredns' };
const otlpExport = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

const callerOf = (service: ServiceDeclaration): Caller => ({
  kind: 'workload',
  namespace: service.namespace,
  serviceAccount: service.serviceAccount,
});
const calleeOf = (service: ServiceDeclaration): Callee => ({
  kind: 'workload',
  namespace: service.namespace,
  workload: service.name,
});

function flow(
  caller: Caller,
  callee: Callee,
  shape: Pick<Grant, 'protocol' | 'port' | 'http' | 'guardedBy'>,
  reason: string,
): Grant {
  return { caller, callee, ...shape, user: null, reason, owner, source: declaredAt(1) };
}

function flowsOf(service: ServiceDeclaration): readonly Grant[] {
  const caller = callerOf(service);
  const callee = calleeOf(service);
  const tcp = (port: number) => ({ protocol: 'tcp', port, http: null }) as const;
  // No sidecar intercepts its status port: neither identity nor path is looked at there, only the pod that connects.
  const status = { ...tcp(15020), guardedBy: 'network-policy' } as const;
  return [
    flow({ kind: 'node' }, callee, status, 'kubelet probes, rewritten to the status port'),
    flow(prometheus, callee, status, 'metrics are scraped from the status port'),
    flow(caller, istiod, tcp(15012), 'configuration and certificates of the proxy'),
    flow(caller, dns, { protocol: 'udp', port: 53, http: null }, 'names are resolved'),
    flow(caller, dns, tcp(53), 'names are resolved, long answers'),
  ];
}

function tracesOf(service: ServiceDeclaration, collector: ServiceDeclaration): readonly Grant[] {
  const caller = callerOf(service);
  const grpc = { protocol: 'grpc', port: 4317, http: { method: 'POST', path: otlpExport } } as const;
  const http = { protocol: 'http', port: 4318, http: { method: 'POST', path: '/v1/traces' } } as const;
  const proxy = flow(caller, calleeOf(collector), grpc, 'the proxy exports its spans');
  if (service.kind === 'platform') return [proxy];
  return [proxy, flow(caller, calleeOf(collector), http, 'the application exports its spans')];
}

/** The platform's own edges for a catalog: ingress, probes, scrapes, DNS, control plane, trace export. */
export function platformFlows(catalog: readonly ServiceDeclaration[]): readonly Grant[] {
  const flows = catalog.flatMap(flowsOf);
  const collector = catalog.find((service) => service.name === 'jaeger');
  if (collector !== undefined) {
    for (const service of catalog) if (service !== collector) flows.push(...tracesOf(service, collector));
  }
  const webhooks = { protocol: 'tcp', port: 15017, http: null } as const;
  flows.push(
    flow({ kind: 'internet' }, istiod, webhooks, 'the API server calls webhooks, from addresses nobody knows'),
  );
  for (const service of catalog.filter((candidate) => candidate.name === 'ingress')) {
    for (const contract of service.contracts) {
      if (contract.kind !== 'http') continue;
      for (const { method, path } of contract.routes) {
        const shape = { protocol: 'http', port: contract.port, http: { method, path } } as const;
        flows.push(
          flow({ kind: 'internet' }, calleeOf(service), shape, 'clients reach the platform here and nowhere else'),
        );
      }
    }
  }
  return flows;
}

/** Every namespace of ours, and that of the control plane: nothing in them runs as root or talks to the API server. */
export function confinedNamespaces(catalog: readonly ServiceDeclaration[]): readonly string[] {
  return [...new Set(['istio-system', ...catalog.map(({ namespace }) => namespace)])].toSorted();
}
