/** Builds the whole platform of one environment: a chart a namespace, a workload for each declaration, an edge a pair. */
import { App } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Callee, Caller, Grant, Intent } from '#policies/intent/index.ts';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import { renderObject } from '../constructs/istio-object.ts';
import { MeshWorkload, type MeshWorkloadProps } from '../constructs/mesh-workload.ts';
import { compareText, nameLabel, type Peer, serviceHost, sortedUnique } from '../constructs/peer.ts';
import type { Placement, Program } from '../constructs/program.ts';
import type { Environment } from '../environments/index.ts';
import { jaegerImage, postgresImage } from '../environments/versions.ts';
import { IngressRouting } from './ingress-routing.ts';
import { ClusterChart, NamespaceChart } from './namespace-chart.ts';
import { ingressProgram } from './programs/ingress-program.ts';
import { jaegerConfiguration, jaegerProgram, jaegerSettings } from './programs/jaeger-program.ts';
import { postgresProgram } from './programs/postgres-program.ts';
import { serviceProgram } from './programs/service-program.ts';
import { RootChart } from './root-chart.ts';
import { withIssuer } from './spire/injection.ts';

/** What a platform is built from. */
export interface PlatformProps {
  readonly environment: Environment;
  readonly catalog: readonly ServiceDeclaration[];
  readonly intent: Intent;
  /** Public keys of the users' tokens as JSON text. */
  readonly jwks: string;
}

/** Stock programs of the catalog by name: what they run, and their version. */
const platformPrograms: Readonly<
  Record<string, { readonly program: (environment: Environment) => Program; readonly version: string | null }>
> = {
  ingress: { program: ingressProgram, version: null },
  jaeger: { program: jaegerProgram, version: jaegerImage.tag },
  postgres: { program: postgresProgram, version: postgresImage.tag },
};

/** Pods that belong to the cluster, not to the catalog, by namespace and name as intent writes them. */
const clusterPeers: Readonly<Record<string, Peer>> = {
  'istio-system/istiod': {
    kind: 'pods',
    namespace: 'istio-system',
    labels: { app: 'istiod' },
    host: serviceHost('istio-system', 'istiod'),
  },
  'kube-system/coredns': {
    kind: 'pods',
    namespace: 'kube-system',
    labels: { 'k8s-app': 'kube-dns' },
    host: serviceHost('kube-system', 'kube-dns'),
  },
};

/** The names of the platform programs that synthesis knows how to run. */
export const knownPlatformPrograms: readonly string[] = Object.keys(platformPrograms);

/** Builds the construct tree; nothing is rendered before `manifestFiles` asks. */
export function buildPlatform(props: PlatformProps): App {
  const { environment, catalog, intent } = props;
  const app = new App();
  const cluster = new ClusterChart(app, 'cluster');
  cluster.addNamespace(environment.rootNamespace, 'disabled');
  const sorted = [...catalog].sort((left, right) => compareText(left.name, right.name));
  const charts = new Map<string, NamespaceChart>();
  for (const namespace of sortedUnique(sorted.map((each) => each.namespace))) {
    cluster.addNamespace(namespace, 'enabled');
    charts.set(namespace, new NamespaceChart(app, namespace));
  }
  const workloads = new Map<string, MeshWorkload>();
  for (const declaration of sorted) {
    const chart = charts.get(declaration.namespace);
    if (chart === undefined) throw new Error(`no chart for namespace \`${declaration.namespace}\``);
    workloads.set(declaration.name, addWorkload(chart, declaration, props));
  }
  new RootChart(
    app,
    environment,
    [...workloads.values()].map(({ peer }) => peer),
  );
  connect(workloads, [...intent.grants, ...intent.platform], environment);
  return app;
}

function placementOf({ scaling, name }: ServiceDeclaration, { replicas }: Environment): Placement {
  if (name === 'postgres') return { kind: 'singleWithVolume' };
  return scaling === 'singleton' ? { kind: 'single' } : replicas;
}

function addWorkload(scope: Construct, declaration: ServiceDeclaration, props: PlatformProps): MeshWorkload {
  const { environment, catalog, jwks } = props;
  const stock = declaration.kind === 'platform' ? platformPrograms[declaration.name] : undefined;
  const program = stock?.program(environment) ?? serviceProgram(declaration, environment, catalog);
  const proxy = declaration.name === 'ingress' ? 'gateway' : 'sidecar';
  const common: MeshWorkloadProps = {
    declaration,
    environment,
    jwks,
    program: withIssuer(program, proxy, environment.identity),
    proxy,
    placement: placementOf(declaration, environment),
    version: stock === undefined ? environment.images.tag : (stock.version ?? environment.images.tag),
  };
  if (proxy === 'gateway') {
    const { exposure } = environment.ingress;
    const ingress = new MeshWorkload(scope, declaration.name, { ...common, exposure });
    new IngressRouting(scope, 'routing', { ingress, environment });
    return ingress;
  }
  if (declaration.name === 'jaeger') addFile(scope, jaegerConfiguration, 'config.yaml', jaegerSettings());
  return new MeshWorkload(scope, declaration.name, common);
}

function addFile(scope: Construct, name: string, file: string, text: string): void {
  renderObject(scope, name, { kind: 'ConfigMap', metadata: { name }, body: { data: { [file]: text } } });
}

/** Adds one edge for each pair of caller and callee. */
function connect(
  workloads: ReadonlyMap<string, MeshWorkload>,
  grants: readonly Grant[],
  environment: Environment,
): void {
  const pairs = new Map<string, Grant[]>();
  for (const grant of grants) {
    const key = JSON.stringify([grant.caller, grant.callee]);
    pairs.set(key, [...(pairs.get(key) ?? []), grant]);
  }
  for (const [, pair] of [...pairs].sort(([left], [right]) => compareText(left, right))) {
    const [first] = pair;
    if (first === undefined) continue;
    const caller = callerEnd(first.caller, workloads, environment);
    const callee = calleeEnd(first.callee, workloads, environment);
    if (callee instanceof MeshWorkload) callee.allowCallsFrom(caller, pair);
    else if (caller instanceof MeshWorkload) caller.allowCallsTo(callee, pair);
    if (caller instanceof MeshWorkload && callee instanceof MeshWorkload)
      connectClusters(caller, callee, pair, environment);
  }
}

/** The same pair across clusters of one mesh: the same identities, from and to the pods of the other clusters. */
function connectClusters(
  caller: MeshWorkload,
  callee: MeshWorkload,
  grants: readonly Grant[],
  { extent }: Environment,
): void {
  if (extent.kind === 'oneCluster') return;
  for (const { podRanges } of extent.peers) {
    callee.allowCallsFrom({ kind: 'ranges', addresses: podRanges }, grants);
    caller.allowCallsTo({ kind: 'ranges', addresses: podRanges }, grants);
  }
}

function callerEnd(
  caller: Caller,
  workloads: ReadonlyMap<string, MeshWorkload>,
  { federation }: Environment,
): MeshWorkload | Peer {
  if (caller.kind !== 'workload') return { kind: caller.kind };
  const { trustDomain, namespace, serviceAccount } = caller;
  // The same account of another trust domain is somebody else, and its pods are in another cluster.
  const domain = federation.find((each) => each.trustDomain === trustDomain);
  if (domain !== undefined) return { kind: 'ranges', addresses: domain.callerRanges };
  for (const workload of workloads.values()) {
    const { declaration } = workload;
    if (declaration.namespace === namespace && declaration.serviceAccount === serviceAccount) return workload;
  }
  // Not of the catalog (the metrics scraper): its pods carry the name of its service account.
  return {
    kind: 'pods',
    namespace,
    labels: { [nameLabel]: serviceAccount },
    host: serviceHost(namespace, serviceAccount),
  };
}

function calleeEnd(
  callee: Callee,
  workloads: ReadonlyMap<string, MeshWorkload>,
  { database }: Environment,
): MeshWorkload | Peer {
  if (callee.kind === 'external') {
    const isDatabase = database.kind === 'external' && callee.host === database.host;
    return { kind: 'external', host: callee.host, ...(isDatabase ? { addresses: database.addresses } : {}) };
  }
  const { namespace, workload } = callee;
  return (
    workloads.get(workload) ??
    clusterPeers[`${namespace}/${workload}`] ?? {
      kind: 'pods',
      namespace,
      labels: { [nameLabel]: workload },
      host: serviceHost(namespace, workload),
    }
  );
}
