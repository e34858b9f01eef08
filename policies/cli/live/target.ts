/** What can be called: every method of every Service port of the mesh's workloads, and some that must never work. */
import { applicable, isGateway } from '../../analysis/attachment.ts';
import type { Grant, Intent, User } from '../../analysis/compare/intent.ts';
import { injectionOf } from '../../analysis/injection.ts';
import { servicePorts } from '../../analysis/listener.ts';
import { hostOf } from '../../analysis/outbound.ts';
import { portsOf } from '../../analysis/workload-ports.ts';
import type { AuthorizationPolicy, Clause } from '../../language/authorization.ts';
import type { ApplicationProtocol, Mesh, Workload } from '../../language/mesh.ts';

/** A method and a path. */
export interface HttpOperation {
  readonly method: string;
  readonly path: string;
}

/** One method of one port of one workload, as callers reach it: by its Service. */
export interface Target {
  readonly namespace: string;
  readonly workload: string;
  /** Container port: what policies name. */
  readonly port: number;
  readonly protocol: 'grpc' | 'http' | 'tcp';
  /** Fully qualified name of the Service, and its port: what callers connect to. */
  readonly host: string;
  readonly servicePort: number;
  /** Null for raw bytes. */
  readonly http: HttpOperation | null;
  /** The user that the intent asks for here, null when it asks for none. */
  readonly user: User | null;
}

const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';

/** A concrete path of a template: `/orders/{client_order_id}` gives `/orders/probe`. */
export const concretePath = (template: string): string => template.replaceAll(/\{[^}]*\}/g, 'probe');

/**
 * Every target of the mesh: the methods that the intent and the ALLOW policies name, those of `operations` (a contract
 * knows more than policies do), and on each port one that nobody knows, reflection, and a path without leading slash.
 */
export function targetsOf(
  mesh: Mesh,
  intent: Intent | null,
  operations: (workload: Workload, port: number) => readonly HttpOperation[] = () => [],
): readonly Target[] {
  return mesh.workloads.flatMap((workload): readonly Target[] => {
    if (injectionOf(mesh, workload) !== 'on' || isGateway(mesh, workload)) return [];
    return portsOf(mesh, workload).flatMap((port): readonly Target[] => {
      const way = servicePorts(mesh, workload, port)[0];
      if (way === undefined) return [];
      const grants = (intent?.grants ?? []).filter((grant) => isAt(grant, workload, port));
      const { namespace, name } = workload;
      const host = hostOf(way.service);
      const protocol = protocolOf(way.servicePort.protocol, grants);
      const at = { namespace, workload: name, port, protocol, host, servicePort: way.servicePort.number };
      if (protocol === 'tcp') return [{ ...at, http: null, user: null }];
      const named = [
        ...grants.flatMap(({ http }) => http ?? []),
        ...policyOperations(mesh, workload),
        ...operations(workload, port),
      ];
      return distinct(named, protocol).map((http) => ({ ...at, http, user: userOf(grants, http) }));
    });
  });
}

const isAt = ({ callee, port }: Grant, workload: Workload, at: number): boolean =>
  callee.kind === 'workload' &&
  callee.namespace === workload.namespace &&
  callee.workload === workload.name &&
  port === at;

const protocols: Readonly<Record<ApplicationProtocol, Target['protocol'] | null>> = {
  grpc: 'grpc',
  'grpc-web': 'grpc',
  http: 'http',
  http2: 'http',
  tcp: 'tcp',
  auto: null,
};

const protocolOf = (declared: ApplicationProtocol, grants: readonly Grant[]): Target['protocol'] => {
  const granted = grants[0]?.protocol;
  return protocols[declared] ?? (granted === undefined || granted === 'udp' ? 'http' : granted);
};

function userOf(grants: readonly Grant[], { method, path }: HttpOperation): User | null {
  const grant = grants.find(({ http }) => http?.method === method && concretePath(http.path) === path);
  return grant?.user ?? null;
}

/** Exact methods and paths in the ALLOW policies of a workload. */
function policyOperations(mesh: Mesh, workload: Workload): readonly HttpOperation[] {
  return applicable(mesh.authorizationPolicies, mesh, workload)
    .filter(({ action }) => action.kind === 'ALLOW')
    .flatMap(operationsOf);
}

function operationsOf(policy: AuthorizationPolicy): readonly HttpOperation[] {
  const operations = policy.rules.flatMap(({ parts }) => parts.filter(({ kind }) => kind === 'to'));
  return operations.flatMap(({ alternatives }) =>
    alternatives.flatMap((clauses) => {
      const ports = clauses.find((clause) => clause.on === 'port');
      if (ports?.values.some((port) => port === 15_020)) return [];
      const methods = exactValues(clauses, 'method');
      const paths = exactValues(clauses, 'path').filter((path) => path.startsWith('/'));
      return paths.flatMap((path) => (methods.length === 0 ? ['POST'] : methods).map((method) => ({ method, path })));
    }),
  );
}

function exactValues(clauses: readonly Clause[], on: 'method' | 'path'): readonly string[] {
  return clauses.flatMap((clause) =>
    clause.on === on ? clause.values.flatMap((value) => (value.kind === 'exact' ? [value.value] : [])) : [],
  );
}

/** The operations once each with concrete paths, sorted, then those that must never work. */
function distinct(named: readonly HttpOperation[], protocol: 'grpc' | 'http'): readonly HttpOperation[] {
  const known = new Map<string, HttpOperation>();
  for (const { method, path } of named) {
    const concrete = concretePath(path);
    known.set(`${concrete} ${method}`, { method, path: concrete });
  }
  const sorted = [...known].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, operation]) => operation);
  if (protocol === 'http') return [...sorted, { method: 'GET', path: '/unknown' }];
  const [first] = sorted;
  const service = first?.path.split('/')[1] ?? 'unknown.Service';
  const odd = [`/${service}/NoSuchMethod`, reflection, ...(first === undefined ? [] : [first.path.slice(1)])];
  return [...sorted, ...odd.map((path) => ({ method: 'POST', path }))];
}

/** The name of a target in every report: `execution POST /…/SubmitTrade`, `postgres tcp 5432`. */
export const targetName = ({ workload, http, port }: Target): string =>
  http === null ? `${workload} tcp ${port}` : `${workload} ${http.method} ${http.path}`;
