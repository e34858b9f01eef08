/** What an environment changes about the declarations: workloads that the cluster or somebody else runs instead of us. */
import type { Caller, Grant, Intent } from '#policies/intent/index.ts';
import type { CallDeclaration, ServiceDeclaration } from '#services/runtime/declaration.ts';
import type { Environment, FederatedDomain } from './environments/index.ts';

/** The two keys of every grant, as one environment sees them. */
export interface Declarations<Admission> {
  readonly catalog: readonly ServiceDeclaration[];
  readonly admissions: readonly Admission[];
}

/** Stock workloads that something outside takes the place of, by name. */
function replacedBy({ database, collector }: Environment): readonly string[] {
  return [...(database.kind === 'external' ? ['postgres'] : []), ...(collector.kind === 'existing' ? ['jaeger'] : [])];
}

/** Leaves out what others run, and lets the services call it where it is. */
export function inSurroundings<Admission extends { readonly callee: string }>(
  environment: Environment,
  { catalog, admissions }: Declarations<Admission>,
): Declarations<Admission> {
  const replaced = replacedBy(environment);
  if (replaced.length === 0) return { catalog, admissions };
  return {
    catalog: catalog
      .filter(({ name }) => !replaced.includes(name))
      .map((service) => ({ ...service, calls: service.calls.map((call) => redirected(call, environment)) })),
    admissions: admissions.filter(({ callee }) => !replaced.includes(callee)),
  };
}

function redirected(call: CallDeclaration, { database }: Environment): CallDeclaration {
  const { target } = call;
  if (database.kind !== 'external' || target.kind !== 'port' || target.callee !== 'postgres') return call;
  return { ...call, target: { kind: 'external', host: database.host, port: database.port } };
}

const callerOf = ({ namespace, serviceAccount }: ServiceDeclaration): Caller => ({
  kind: 'workload',
  namespace,
  serviceAccount,
});

/** Spans go to a collector that is no workload of ours: to its proxies' port from proxies, to the other from services. */
function collectorFlows({ collector, name }: Environment, catalog: readonly ServiceDeclaration[]): readonly Grant[] {
  if (collector.kind === 'inCluster') return [];
  const { namespace, service, grpcPort, httpPort } = collector;
  const flow = (caller: ServiceDeclaration, port: number, reason: string): Grant => ({
    caller: callerOf(caller),
    callee: { kind: 'workload', namespace, workload: service },
    protocol: 'tcp',
    port,
    http: null,
    user: null,
    reason,
    owner: 'team-platform',
    source: `infra/environments/${name}.ts`,
  });
  return catalog.flatMap((declaration) => [
    flow(declaration, grpcPort, 'the proxy exports its spans'),
    ...(declaration.kind === 'service' ? [flow(declaration, httpPort, 'the application exports its spans')] : []),
  ]);
}

/** What one other trust domain may call, as grants to principals of that domain. Errors: throws for a callee or method that the catalog has not. */
function federatedGrants(
  { trustDomain, admits }: FederatedDomain,
  catalog: readonly ServiceDeclaration[],
  source: string,
): readonly Grant[] {
  return admits.flatMap(({ namespace, serviceAccount, callee, methods, reason, owner, expires }) => {
    const declaration = catalog.find(({ name }) => name === callee);
    if (declaration === undefined)
      throw new Error(`${source}: no workload \`${callee}\` to admit \`${trustDomain}\` to`);
    return methods.map((method): Grant => {
      const contract = declaration.contracts.find(
        (each) => each.kind === 'grpc' && each.services.some(({ typeName }) => typeName === method.service),
      );
      if (contract === undefined) throw new Error(`${source}: \`${callee}\` has no method \`${method.path}\``);
      return {
        caller: { kind: 'workload', trustDomain, namespace, serviceAccount },
        callee: { kind: 'workload', namespace: declaration.namespace, workload: callee },
        protocol: 'grpc',
        port: contract.port,
        http: { method: 'POST', path: method.path },
        user: null,
        reason,
        owner,
        ...(expires === undefined ? {} : { expires }),
        source,
      };
    });
  });
}

/** The intent with what the surroundings add: another protocol to a database outside, the collector, foreign callers. */
export function surroundedIntent(
  intent: Intent,
  environment: Environment,
  catalog: readonly ServiceDeclaration[],
): Intent {
  const { database, federation, name } = environment;
  const source = `infra/environments/${name}.ts`;
  const grants = intent.grants.map((grant): Grant => {
    const isDatabase =
      database.kind === 'external' && grant.callee.kind === 'external' && grant.callee.host === database.host;
    return isDatabase ? { ...grant, protocol: 'tcp' } : grant;
  });
  return {
    ...intent,
    grants: [...grants, ...federation.flatMap((domain) => federatedGrants(domain, catalog, source))],
    platform: [...intent.platform, ...collectorFlows(environment, catalog)],
  };
}
