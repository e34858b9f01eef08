import type { CallDeclaration, ServiceDeclaration } from '#services/runtime/declaration.ts';
import { portNames } from '../../constructs/mesh-workload.ts';
import { compareText, serviceHost } from '../../constructs/peer.ts';
import type { Mount, Probe, Program } from '../../constructs/program.ts';
import type { Environment } from '../../environments/index.ts';

/** A callee as the caller's environment names it. */
interface Upstream {
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
}

const passwordFolder = '/var/run/secrets/meshwright/database';

/** The workload and port that a call goes to, undefined for hosts outside and for databases, which have variables of their own. */
function tryFindUpstream(call: CallDeclaration, catalog: readonly ServiceDeclaration[]): Upstream | undefined {
  const { target } = call;
  for (const { name, namespace, contracts } of catalog) {
    for (const contract of contracts) {
      const isCallee =
        (target.kind === 'method' &&
          contract.kind === 'grpc' &&
          contract.services.some(({ typeName }) => typeName === target.method.service)) ||
        (target.kind === 'route' && contract.kind === 'http' && target.callee === name);
      if (isCallee) return { name, namespace, port: contract.port };
    }
  }
  return undefined;
}

function upstreamVariables(
  declaration: ServiceDeclaration,
  catalog: readonly ServiceDeclaration[],
): [string, string][] {
  return declaration.calls
    .flatMap((call) => tryFindUpstream(call, catalog) ?? [])
    .map(({ name, namespace, port }) => [
      `UPSTREAM_${name.toUpperCase().replaceAll('-', '_')}`,
      `${serviceHost(namespace, name)}:${port}`,
    ]);
}

const databaseCaFolder = '/var/run/secrets/meshwright/database-ca';

/** The database's address, and the file with its root where the service itself speaks TLS to it. */
function databasePlace(
  { database }: Environment,
  catalog: readonly ServiceDeclaration[],
): Readonly<Record<string, string>> {
  if (database.kind === 'external') {
    const { host, port } = database;
    return { DATABASE_HOST: host, DATABASE_PORT: String(port), DATABASE_CA_FILE: `${databaseCaFolder}/ca.crt` };
  }
  const server = catalog.find(({ name }) => name === 'postgres');
  const port = server?.contracts[0]?.port;
  if (server === undefined || port === undefined) return {};
  return { DATABASE_HOST: serviceHost(server.namespace, server.name), DATABASE_PORT: String(port) };
}

function databaseVariables(
  { database }: ServiceDeclaration,
  environment: Environment,
  catalog: readonly ServiceDeclaration[],
): Readonly<Record<string, string>> {
  const place = databasePlace(environment, catalog);
  if (database === undefined || place['DATABASE_HOST'] === undefined) return {};
  return {
    ...place,
    DATABASE_NAME: environment.database.name,
    DATABASE_USER: database.schema,
    DATABASE_PASSWORD_FILE: `${passwordFolder}/password`,
  };
}

function mountsOf({ name, database }: ServiceDeclaration, environment: Environment): readonly Mount[] {
  const scratch: Mount = { kind: 'scratch', name: 'tmp', path: '/tmp', sizeLimit: '64Mi' };
  if (database === undefined) return [scratch];
  const password: Mount = {
    kind: 'secret',
    name: 'database-password',
    path: passwordFolder,
    secretName: `${name}-database`,
  };
  if (environment.database.kind === 'inCluster') return [scratch, password];
  const { caSecret } = environment.database;
  return [scratch, password, { kind: 'secret', name: 'database-ca', path: databaseCaFolder, secretName: caSecret }];
}

/** Where the service itself sends its spans, undefined when nobody collects any. */
function tryFindCollector({ collector }: Environment, catalog: readonly ServiceDeclaration[]): string | undefined {
  if (collector.kind === 'existing')
    return `http://${serviceHost(collector.namespace, collector.service)}:${collector.httpPort}`;
  const jaeger = catalog.find(({ name }) => name === 'jaeger');
  return jaeger && `http://${serviceHost(jaeger.namespace, jaeger.name)}:4318`;
}

/** Ready when the service says so; alive while it accepts connections, so that a lost database restarts nobody. */
function probesOf(declaration: ServiceDeclaration): { readonly readiness: Probe; readonly liveness: Probe } {
  const contract = declaration.contracts[0];
  const port = contract?.port ?? 0;
  const readiness: Probe =
    contract?.kind === 'http' ? { kind: 'http', port, path: '/healthz' } : { kind: 'grpc', port };
  return { readiness, liveness: { kind: 'tcp', port } };
}

/** The heap's part of a memory limit (`256Mi`): five eighths, the rest is for buffers and the engine itself. */
function heapMebibytes(limit: string): number {
  return Math.floor(Number(limit.slice(0, -2)) * (limit.endsWith('Gi') ? 1024 : 1) * 0.625);
}

/** How a service of this repository runs in a pod: cleartext to its own sidecar, addresses and files from its environment. */
export function serviceProgram(
  declaration: ServiceDeclaration,
  environment: Environment,
  catalog: readonly ServiceDeclaration[],
): Program {
  const port = declaration.contracts[0]?.port ?? 0;
  const collector = tryFindCollector(environment, catalog);
  const variables: [string, string][] = [
    ['LISTEN', `0.0.0.0:${port}`],
    ['LOG_LEVEL', 'info'],
    ['DRAIN_MS', String(environment.drainMs)],
    // A service follows its caller's decision; this is for what it starts by itself.
    ['TRACE_SAMPLE_RATIO', String(environment.tracingPercentage / 100)],
    ['NODE_OPTIONS', `--max-old-space-size=${heapMebibytes(environment.resources.service.limits.memory)}`],
    ...upstreamVariables(declaration, catalog),
    ...Object.entries(databaseVariables(declaration, environment, catalog)),
  ];
  if (collector !== undefined) variables.push(['OTEL_EXPORTER_OTLP_ENDPOINT', collector]);
  return {
    containerName: declaration.name,
    image: `${environment.images.registry}/${declaration.name}:${environment.images.tag}`,
    command: ['node', '/app/main.js'],
    environment: Object.fromEntries(variables.sort(([left], [right]) => compareText(left, right))),
    ports: portNames(declaration.contracts).map(({ name, number }) => ({ name, number })),
    mounts: mountsOf(declaration, environment),
    ...probesOf(declaration),
    resources: environment.resources.service,
    uid: 10_001,
    graceSeconds: Math.ceil(environment.drainMs / 1000) + 25,
  };
}
