/**
 * Seeded fleets of services for the benchmarks: shape W2, fan-out 6.2 on average, callees drawn by a Zipf law, one to
 * four methods an edge. Four objects a service (Deployment, Service, ServiceAccount, AuthorizationPolicy), fifty
 * services a namespace, STRICT mesh-wide and a default deny in the root namespace.
 */
import { Draw } from '../support/draw.ts';

/** A fleet as files would hold it. */
export interface Fleet {
  readonly yaml: string;
  /** The JSON of `intent.json`. */
  readonly intent: string;
  readonly edges: number;
  readonly objects: number;
  readonly largestFanIn: number;
}

interface Edge {
  readonly caller: number;
  readonly methods: number;
}

const PER_NAMESPACE = 50;
const FAN_OUT = 6.2;
const PORT = 8080;
/** The schema takes 512 rules a policy. */
const MOST_RULES = 400;

const namespaceOf = (service: number): string => `n${Math.floor(service / PER_NAMESPACE)}`;
const nameOf = (service: number): string => `service-${service}`;
const pathOf = (service: number, method: number): string => `/fleet.v1.Service${service}/Method${method}`;

/** Makes the fleet of that many services. */
export function newFleet(services: number, seed: number): Fleet {
  const callers = drawEdges(services, uniform(seed));
  const security = 'apiVersion: security.istio.io/v1';
  const documents = [
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: "trustDomain: fleet.local"',
    `${security}\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\nspec:\n  mtls: {mode: STRICT}`,
    `${security}\nkind: AuthorizationPolicy\nmetadata: {name: default-deny, namespace: istio-system}\nspec: {}`,
  ];
  for (let namespace = 0; namespace * PER_NAMESPACE < services; namespace += 1) {
    documents.push(
      `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: n${namespace}\n  labels: {istio-injection: enabled}`,
    );
  }
  const grants: object[] = [];
  for (let service = 0; service < services; service += 1) {
    const edges = callers[service] ?? [];
    documents.push(...workloadOf(service));
    for (let part = 0; part === 0 || part * MOST_RULES < edges.length; part += 1)
      documents.push(policyOf(service, part, edges.slice(part * MOST_RULES, (part + 1) * MOST_RULES)));
    for (const edge of edges) grants.push(...grantsOf(service, edge));
  }
  return {
    yaml: `${documents.join('\n---\n')}\n`,
    intent: JSON.stringify({ version: 1, trustDomain: 'fleet.local', grants, platform: [] }),
    edges: callers.reduce((sum, edges) => sum + edges.length, 0),
    objects: documents.length,
    largestFanIn: Math.max(...callers.map((edges) => edges.length)),
  };
}

/** A stream of numbers in [0, 1). */
function uniform(seed: number): () => number {
  const draw = new Draw(seed);
  return () => draw.integer(2 ** 30) / 2 ** 30;
}

/** The edges by callee. */
function drawEdges(services: number, next: () => number): readonly (readonly Edge[])[] {
  const weights = Array.from({ length: services }, (_, rank) => 1 / (rank + 1) ** 0.65);
  const sums: number[] = [];
  for (const weight of weights) sums.push((sums.at(-1) ?? 0) + weight);
  const total = sums.at(-1) ?? 1;
  const callees = Array.from({ length: services }, () => new Map<number, Edge>());
  for (let caller = 0; caller < services; caller += 1) {
    const wanted = Math.round(FAN_OUT * 2 * next());
    for (let edge = 0; edge < wanted; edge += 1) {
      const rank = search(sums, next() * total);
      const callee = (rank * 7919 + 13) % services;
      if (callee !== caller) callees[callee]?.set(caller, { caller, methods: 1 + Math.floor(next() ** 1.5 * 4) });
    }
  }
  return callees.map((edges) => [...edges.values()]);
}

function search(sums: readonly number[], value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function workloadOf(service: number): readonly string[] {
  const [name, namespace] = [nameOf(service), namespaceOf(service)];
  const metadata = `metadata:\n  name: ${name}\n  namespace: ${namespace}`;
  return [
    `apiVersion: v1\nkind: ServiceAccount\n${metadata}`,
    `apiVersion: v1\nkind: Service\n${metadata}\nspec:\n  selector:\n    app: ${name}\n  ports:\n    - name: grpc\n      port: ${PORT}\n      appProtocol: grpc`,
    `apiVersion: apps/v1\nkind: Deployment\n${metadata}\nspec:\n  selector:\n    matchLabels:\n      app: ${name}\n  template:\n    metadata:\n      labels:\n        app: ${name}\n    spec:\n      serviceAccountName: ${name}\n      containers:\n        - name: app\n          image: app:1\n          ports:\n            - containerPort: ${PORT}`,
  ];
}

function policyOf(service: number, part: number, edges: readonly Edge[]): string {
  const rules = edges.map(({ caller, methods }) => {
    const paths = Array.from({ length: methods }, (_, method) => `\n              - ${pathOf(service, method)}`).join(
      '',
    );
    return `\n    - from:\n        - source:\n            principals:\n              - fleet.local/ns/${namespaceOf(caller)}/sa/${nameOf(caller)}\n      to:\n        - operation:\n            methods:\n              - POST\n            paths:${paths}\n            ports:\n              - '${PORT}'`;
  });
  const body = rules.length === 0 ? ' []' : rules.join('');
  return `apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n  name: ${nameOf(service)}-${part}\n  namespace: ${namespaceOf(service)}\nspec:\n  action: ALLOW\n  selector:\n    matchLabels:\n      app: ${nameOf(service)}\n  rules:${body}`;
}

function grantsOf(service: number, { caller, methods }: Edge): readonly object[] {
  return Array.from({ length: methods }, (_, method) => ({
    caller: { kind: 'workload', namespace: namespaceOf(caller), serviceAccount: nameOf(caller) },
    callee: { kind: 'workload', namespace: namespaceOf(service), workload: nameOf(service) },
    protocol: 'grpc',
    port: PORT,
    http: { method: 'POST', path: pathOf(service, method) },
    user: null,
    reason: 'drawn',
    owner: 'fleet',
  }));
}
