import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { catalog } from '#services/catalog.ts';
import { calleeOf, upstreamVariable } from '#services/runtime/configuration.ts';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import type { Enforcement, OutboundPort, SidecarConfiguration } from './sidecar-configuration.ts';
import { localTrustDomain, spiffeId } from './spiffe-id.ts';

/** The folders of one run; everything in `run` goes when the mesh stops, `state` stays. */
export interface MeshFolders {
  /** Short: UNIX sockets live here. */
  readonly run: string;
  readonly state: string;
  readonly logs: string;
  readonly keys: string;
  readonly compileCache: string;
  /** The rendered environment, `dist/kind`. */
  readonly dist: string;
}

/** What one workload of the catalog needs in the local mesh. */
export interface WorkloadPlan {
  readonly declaration: ServiceDeclaration;
  readonly spiffeId: string;
  readonly sidecar: SidecarConfiguration;
  /** The program behind the sidecar, null where there is none of ours. */
  readonly service: { readonly script: string; readonly env: Readonly<Record<string, string>> } | null;
}

/** What a plan depends on besides the catalog. */
export interface PlanOptions {
  readonly folders: MeshFolders;
  readonly address: string;
  /** OTLP/HTTP base URL for services. */
  readonly telemetry: string;
  /** Where the database server is: its UNIX socket, or `host:port`. */
  readonly databaseServer: string;
  readonly databaseName: string;
  readonly enforcementOf: (workload: string) => Enforcement;
}

const repository = fileURLToPath(new URL('../../', import.meta.url));
const databasePort = 5432;

/** The collector's sockets, which stand behind jaeger's ports. */
export const collectorSockets = (run: string) => ({
  http: join(run, 'collector.sock'),
  grpc: join(run, 'collector-grpc.sock'),
});

/** Plans a sidecar, and a program where it is ours, for every workload of the catalog. */
export function planMesh(options: PlanOptions): readonly WorkloadPlan[] {
  return catalog.map((declaration) => {
    const { namespace, serviceAccount } = declaration;
    return {
      declaration,
      spiffeId: spiffeId(localTrustDomain, namespace, serviceAccount),
      sidecar: sidecarOf(declaration, options),
      service: declaration.kind === 'service' ? serviceOf(declaration, options) : null,
    };
  });
}

/** The file of access-log lines of a workload's sidecar. */
export function accessLogOf(folders: MeshFolders, workload: string): string {
  return join(folders.logs, `${workload}.access.log`);
}

function sidecarOf(declaration: ServiceDeclaration, options: PlanOptions): SidecarConfiguration {
  const { name, namespace } = declaration;
  const { run, dist } = options.folders;
  const isEdge = name === 'ingress';
  return {
    workload: { namespace, name },
    manifests: dist,
    identity: join(run, name, 'identity'),
    address: options.address,
    inbound: declaration.contracts.map(({ port }) => ({
      port,
      application: applicationOf(declaration, port, options),
    })),
    outbound: isEdge ? [] : upstreamsOf(declaration, options).map(({ outbound }) => outbound),
    accessLog: accessLogOf(options.folders, name),
    admin: join(run, name, 'admin.sock'),
    collector: collectorSockets(run).http,
    edge: isEdge ? { certificate: join(run, 'edge.crt'), privateKey: join(run, 'edge.key') } : null,
    enforcement: options.enforcementOf(name),
  };
}

function applicationOf(declaration: ServiceDeclaration, port: number, options: PlanOptions): string | null {
  const { run } = options.folders;
  switch (declaration.name) {
    case 'ingress':
      return null;
    case 'postgres':
      return options.databaseServer;
    case 'jaeger':
      return port === 4317 ? collectorSockets(run).grpc : collectorSockets(run).http;
    default:
      return join(run, declaration.name, 'app.sock');
  }
}

interface Upstream {
  readonly callee: string;
  readonly outbound: OutboundPort;
}

function upstreamsOf(declaration: ServiceDeclaration, { folders }: PlanOptions): readonly Upstream[] {
  const folder = join(folders.run, declaration.name);
  const callees = new Set(
    declaration.calls.flatMap(({ target }) => {
      if (target.kind === 'method') return [calleeOf(target.method.service)];
      return target.kind === 'external' ? [] : [target.callee];
    }),
  );
  return [...callees].map((callee) => {
    const { namespace, port } = portOf(callee);
    const socket = callee === 'postgres' ? join(folder, `.s.PGSQL.${databasePort}`) : join(folder, `to-${callee}.sock`);
    return { callee, outbound: { host: `${callee}.${namespace}.svc.cluster.local`, port, socket } };
  });
}

function portOf(callee: string): { readonly namespace: string; readonly port: number } {
  const found = catalog.find(({ name }) => name === callee);
  const port = found?.contracts[0]?.port;
  if (found === undefined || port === undefined) throw new Error(`callee \`${callee}\` is not in the catalog`);
  return { namespace: found.namespace, port };
}

function serviceOf(declaration: ServiceDeclaration, options: PlanOptions): WorkloadPlan['service'] {
  const { name, database } = declaration;
  const { run, keys } = options.folders;
  const script = join(repository, 'services', name, 'main.ts');
  if (!existsSync(script)) throw new Error(`service \`${name}\` has no program: expected ${script}`);
  const upstreams = upstreamsOf(declaration, options).filter(({ callee }) => callee !== 'postgres');
  const state: Record<string, string> =
    database === undefined
      ? {}
      : {
          DATABASE_HOST: join(run, name),
          DATABASE_PORT: String(databasePort),
          DATABASE_NAME: options.databaseName,
          DATABASE_USER: database.schema,
          DATABASE_PASSWORD_FILE: join(keys, `${database.schema}.password`),
        };
  return {
    script,
    env: {
      LISTEN: `unix:${join(run, name, 'app.sock')}`,
      ...Object.fromEntries(
        upstreams.map(({ callee, outbound }) => [upstreamVariable(callee), `unix:${outbound.socket}`]),
      ),
      ...state,
      OTEL_EXPORTER_OTLP_ENDPOINT: options.telemetry,
    },
  };
}
