/**
 * The objects of a live cluster as YAML texts, one a file, so that a proof about a cluster starts from text as every
 * other: the parser, the schemas and the analysis are the same.
 */
import { readDocuments, type SourceDocument } from '../../language/document.ts';
import { printYaml } from '../../language/print.ts';
import { type Problem, problem } from '../../language/problem.ts';
import type { Json } from './api.ts';
import type { Connection } from './connect.ts';

/** One kind that a verdict depends on. */
interface LiveKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly scope: 'namespaced' | 'cluster';
}

const kinds = (apiVersion: string, plurals: Readonly<Record<string, string>>): readonly LiveKind[] =>
  Object.entries(plurals).map(([kind, plural]) => ({ apiVersion, kind, plural, scope: 'namespaced' }));

const namespaceKind: LiveKind = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', scope: 'cluster' };

/** Kinds without which no verdict is possible, built in and therefore always there. */
const builtIn: readonly LiveKind[] = [
  ...kinds('v1', { ServiceAccount: 'serviceaccounts', Service: 'services', Pod: 'pods' }),
  ...kinds('apps/v1', {
    Deployment: 'deployments',
    StatefulSet: 'statefulsets',
    DaemonSet: 'daemonsets',
    ReplicaSet: 'replicasets',
  }),
  ...kinds('batch/v1', { CronJob: 'cronjobs', Job: 'jobs' }),
  ...kinds('networking.k8s.io/v1', { NetworkPolicy: 'networkpolicies' }),
];

/** Kinds whose CRD may be missing: then there are no such objects. */
const custom: readonly LiveKind[] = [
  ...kinds('security.istio.io/v1', {
    AuthorizationPolicy: 'authorizationpolicies',
    PeerAuthentication: 'peerauthentications',
    RequestAuthentication: 'requestauthentications',
  }),
  ...kinds('networking.istio.io/v1', {
    DestinationRule: 'destinationrules',
    Gateway: 'gateways',
    ServiceEntry: 'serviceentries',
    Sidecar: 'sidecars',
    VirtualService: 'virtualservices',
  }),
  ...kinds('networking.istio.io/v1alpha3', { EnvoyFilter: 'envoyfilters' }),
  ...kinds('telemetry.istio.io/v1', { Telemetry: 'telemetries' }),
  ...kinds('extensions.istio.io/v1alpha1', { WasmPlugin: 'wasmplugins' }),
];

/** What was read of a cluster. */
export interface LiveReading {
  readonly documents: readonly SourceDocument[];
  /** What could not be read: then nothing is proved. */
  readonly problems: readonly Problem[];
  /** Kinds that the cluster does not serve. */
  readonly absent: readonly string[];
  /** Namespaces whose workloads take no part in the mesh and were left out. */
  readonly leftOut: readonly string[];
}

/** Which part of a cluster is read. */
export interface LiveScope {
  /** @default istio-system */
  readonly rootNamespace?: string;
  /** Namespaces that count though no sidecar is injected there, such as those of an intent. @default - none */
  readonly also?: readonly string[];
}

/**
 * Reads everything that verdicts depend on: the namespaces of the mesh, the root namespace with its settings, and what
 * `scope` adds. Objects of all other namespaces are left out and their namespaces named.
 * Errors: `live/forbidden`, `live/unreadable`, each naming the kind; those of `readDocuments`. `ApiUnreachable` is thrown.
 */
export async function readLive(connection: Connection, scope: LiveScope = {}): Promise<LiveReading> {
  const root = scope.rootNamespace ?? 'istio-system';
  const problems: Problem[] = [];
  const absent: string[] = [];
  const objects: Json[] = [];
  const read = async (kind: LiveKind): Promise<readonly Json[]> => {
    const listing = await connection.api.list(pathOf(kind));
    if (listing.kind === 'read') return listing.items.map((item) => identified(kind, item));
    if (listing.kind === 'absent' && custom.includes(kind)) absent.push(`${kind.kind}.${kind.apiVersion}`);
    else problems.push(unreadable(connection, kind, listing));
    return [];
  };
  const namespaces = await read(namespaceKind);
  const chosen = namespaces.filter((each) => isOfMesh(each, [root, ...(scope.also ?? [])]));
  const names = new Set(chosen.map((each) => String(metadataOf(each)['name'])));
  objects.push(...chosen);
  for (const kind of [...builtIn, ...custom]) {
    const items = await read(kind);
    objects.push(...items.filter((item) => belongs(item, { names, root })));
  }
  const settings = await connection.api.send({ path: `/api/v1/namespaces/${root}/configmaps/istio` });
  if (settings.status === 200 && typeof settings.body !== 'string')
    objects.push(identified({ apiVersion: 'v1', kind: 'ConfigMap' }, settings.body));
  else problems.push(noSettings(connection, root, settings.status));
  const readings = objects.map((object) => readDocuments(fileOf(connection.context, object), printYaml(bare(object))));
  const leftOut = namespaces.map((each) => String(metadataOf(each)['name'])).filter((name) => !names.has(name));
  return {
    documents: readings.flatMap(({ documents }) => documents),
    problems: [...problems, ...readings.flatMap((reading) => reading.problems)],
    absent,
    leftOut,
  };
}

const pathOf = ({ apiVersion, plural }: LiveKind): string =>
  `${apiVersion.includes('/') ? '/apis' : '/api'}/${apiVersion}/${plural}`;

/** Items of a list leave out what the list says. */
const identified = ({ apiVersion, kind }: Pick<LiveKind, 'apiVersion' | 'kind'>, item: Json): Json => ({
  apiVersion,
  kind,
  ...item,
});

const metadataOf = (object: Json): Json => (object['metadata'] ?? {}) as Json;

function isOfMesh(namespace: Json, always: readonly string[]): boolean {
  const metadata = metadataOf(namespace);
  const labels = (metadata['labels'] ?? {}) as Json;
  return (
    always.includes(String(metadata['name'])) ||
    labels['istio-injection'] === 'enabled' ||
    labels['istio.io/rev'] !== undefined
  );
}

/** Pods and ReplicaSets of a controller are seen as the controller; the control plane itself is no callee of the mesh. */
function belongs(item: Json, { names, root }: { readonly names: ReadonlySet<string>; readonly root: string }): boolean {
  const metadata = metadataOf(item);
  const namespace = String(metadata['namespace']);
  if (!names.has(namespace)) return false;
  const owned = Array.isArray(metadata['ownerReferences']) && metadata['ownerReferences'].length > 0;
  const runsPods = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'CronJob', 'Job', 'Pod'].includes(
    String(item['kind']),
  );
  if (!runsPods) return true;
  return !owned && namespace !== root;
}

/** The object without what the API server adds to it. */
function bare(object: Json): Json {
  const { status: _status, ...kept } = object;
  const { managedFields: _fields, ...metadata } = metadataOf(object);
  return { ...kept, metadata };
}

/** The name of an object in every report. Shape: `context/kind-meshwright/AuthorizationPolicy/trading/order`. */
function fileOf(context: string, object: Json): string {
  const { namespace, name } = metadataOf(object);
  const place = namespace === undefined ? [] : [String(namespace)];
  return ['context', context, String(object['kind']), ...place, String(name)].join('/');
}

function unreadable(
  { context }: Connection,
  { kind, apiVersion, plural }: LiveKind,
  listing:
    | { readonly kind: 'absent' }
    | { readonly kind: 'refused'; readonly status: number; readonly message: string },
): Problem {
  const at = { file: `context/${context}/${kind}`, path: '', line: 1 };
  if (listing.kind === 'absent')
    return problem('live/unreadable', `the cluster serves no ${plural} of ${apiVersion}`, at, 'see the server version');
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '""';
  const help = `allow \`list\` on ${plural} (API group ${group}) in all namespaces`;
  return listing.status === 403
    ? problem('live/forbidden', `${plural} may not be read: ${listing.message}`, at, help)
    : problem('live/unreadable', `${plural} cannot be read: HTTP ${listing.status}: ${listing.message}`, at);
}

function noSettings({ context }: Connection, root: string, status: number): Problem {
  const at = { file: `context/${context}/ConfigMap/${root}/istio`, path: '', line: 1 };
  return status === 403
    ? problem('live/forbidden', 'the mesh settings may not be read', at, `allow \`get\` on configmaps in \`${root}\``)
    : problem('live/unreadable', `the mesh settings are not there: HTTP ${status}`, at, 'is Istio installed?');
}
