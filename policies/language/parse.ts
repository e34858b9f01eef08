/** Parses documents into the model: `parseMesh` is the door. */
import { load } from 'js-yaml';
import type { SourceDocument } from './document.ts';
import type { Mesh, MeshConfig, Unmodelled } from './mesh.ts';
import { isWaypoint, isWaypointClass, parseWaypoint } from './parse-ambient.ts';
import { parsePeerAuthentication, parseRequestAuthentication } from './parse-authentication.ts';
import { parseAttachment, parseAuthorizationPolicy } from './parse-authorization.ts';
import { Cursor } from './parse-cursor.ts';
import { DEFAULT_MESH_CONFIG, parseMeshConfig, tryFindMeshConfig } from './parse-mesh-config.ts';
import { parseNetworkPolicy } from './parse-network-policy.ts';
import { parseClusterSpiffeId, parseClusterStaticEntry, tryParseIdentityIssuer } from './parse-registration.ts';
import { parseDestinationRule, parseVirtualService } from './parse-routing.ts';
import { parseServiceEntry } from './parse-service-entry.ts';
import { parseGateway, parseNamed, parseSidecar } from './parse-traffic.ts';
import { parseNamespaceDocument, parseService, parseWorkload, WORKLOAD_KINDS } from './parse-workload.ts';
import { type Problem, problem, type Result } from './problem.ts';
import { KUBECTL_SCHEMA } from './scalar.ts';
import { validate } from './validate.ts';

/** How `parseMesh` reads its documents. */
export interface ParseOptions {
  /**
   * A text with the mesh settings: a MeshConfig, an IstioOperator, or the `istio` ConfigMap.
   * @default - the settings that the documents hold, else Istio's defaults
   */
  readonly meshConfig?: { readonly file: string; readonly text: string };
  /**
   * Areas of problem codes (`webhook`) that do not make the input invalid, to see what istiod makes of such documents.
   * @default - none
   */
  readonly tolerate?: readonly string[];
}

/**
 * Parses the documents of a mesh, whoever wrote them.
 * Errors: the codes of `validate`, `mesh-config/syntax`, `document/duplicate`; all at once.
 */
export function parseMesh(documents: readonly SourceDocument[], options: ParseOptions = {}): Result<Mesh> {
  const tolerated = options.tolerate ?? [];
  const settings = readMeshConfig(documents, options);
  const objects = documents.map(objectOf);
  const problems = [...documents.flatMap(validate), ...settings.problems, ...duplicates(objects)].filter(
    (found) => !tolerated.includes(found.code.split('/')[0] ?? ''),
  );
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, value: buildMesh(objects, settings.config) };
}

function readMeshConfig(
  documents: readonly SourceDocument[],
  options: ParseOptions,
): { readonly config: MeshConfig; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const embeddedIn =
    (document: Pick<SourceDocument, 'file' | 'lineOf'>) =>
    (text: string): Cursor | undefined => {
      try {
        return new Cursor({
          file: document.file,
          value: load(text, { schema: KUBECTL_SCHEMA }),
          lineOf: () => document.lineOf(['data', 'mesh']),
        });
      } catch (cause) {
        const at = { file: document.file, path: 'data.mesh', line: document.lineOf(['data', 'mesh']) };
        problems.push(problem('mesh-config/syntax', `mesh settings: broken YAML: ${reason(cause)}`, at));
        return undefined;
      }
    };
  const given = options.meshConfig;
  if (given !== undefined) {
    const file = { file: given.file, lineOf: () => 1 };
    const root = embeddedIn(file)(given.text);
    const found = root === undefined ? undefined : (tryFindMeshConfig(root, embeddedIn(file)) ?? root);
    return { config: found === undefined ? DEFAULT_MESH_CONFIG : parseMeshConfig(found), problems };
  }
  for (const document of documents) {
    const found = tryFindMeshConfig(new Cursor(document), embeddedIn(document));
    if (found !== undefined) return { config: parseMeshConfig(found), problems };
  }
  return { config: DEFAULT_MESH_CONFIG, problems };
}

function reason(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
}

/** A document and what the cluster knows its object by. */
interface ClusterObject {
  readonly document: SourceDocument;
  readonly root: Cursor;
  readonly group: string;
  readonly kind: string;
  /** Equal iff it is the same object. */
  readonly identity: string;
}

function objectOf(document: SourceDocument): ClusterObject {
  const root = new Cursor(document);
  const version = root.textOf('apiVersion');
  const group = version.slice(0, Math.max(0, version.lastIndexOf('/')));
  const kind = root.textOf('kind');
  const metadata = root.get('metadata');
  const identity = JSON.stringify([group, kind, metadata.textOf('namespace', 'default'), metadata.textOf('name')]);
  return { document, root, group, kind, identity };
}

/** Two different documents of one object: which one the cluster ends up with depends on the order of applying. */
function duplicates(objects: readonly ClusterObject[]): readonly Problem[] {
  const seen = new Map<string, SourceDocument>();
  const problems: Problem[] = [];
  for (const { document, root, kind, identity } of objects) {
    const earlier = seen.get(identity);
    if (earlier === undefined) seen.set(identity, document);
    else if (JSON.stringify(earlier.value) !== JSON.stringify(document.value)) {
      const { namespace, name } = parseNamed(root);
      const first = `${earlier.file}:${earlier.lineOf([])}`;
      const message = `${kind} \`${namespace}/${name}\`: given twice with different content, first at ${first}`;
      problems.push(problem('document/duplicate', message, root.at(), 'keep one of the two'));
    }
  }
  return problems;
}

type Lists = { -readonly [K in Exclude<keyof Mesh, 'config'>]: Mesh[K][number][] };

function buildMesh(objects: readonly ClusterObject[], config: MeshConfig): Mesh {
  const lists: Lists = {
    namespaces: [],
    serviceAccounts: [],
    workloads: [],
    services: [],
    authorizationPolicies: [],
    peerAuthentications: [],
    requestAuthentications: [],
    networkPolicies: [],
    sidecars: [],
    virtualServices: [],
    destinationRules: [],
    serviceEntries: [],
    gateways: [],
    waypoints: [],
    registrations: [],
    identityIssuers: [],
    unmodelled: [],
  };
  const waypointClass = objects.find(({ kind, root }) => kind === 'GatewayClass' && isWaypointClass(root))?.root;
  const seen = new Set<string>();
  for (const object of objects) {
    if (!seen.has(object.identity)) addObject(lists, object, { config, waypointClass });
    seen.add(object.identity);
  }
  return { config, ...lists };
}

interface Surroundings {
  readonly config: MeshConfig;
  /** The GatewayClass of waypoints, where it is among the documents. */
  readonly waypointClass: Cursor | undefined;
}

function addObject(
  lists: Lists,
  { root: document, group, kind }: ClusterObject,
  { config, waypointClass }: Surroundings,
): void {
  const template = Object.hasOwn(WORKLOAD_KINDS, kind) ? WORKLOAD_KINDS[kind] : undefined;
  if (template !== undefined && (group === 'apps' || group === 'batch' || group === '')) {
    lists.workloads.push(parseWorkload(document, template));
    return;
  }
  switch (`${group}/${kind}`) {
    case '/Namespace':
      lists.namespaces.push(parseNamespaceDocument(document));
      break;
    case '/ServiceAccount':
      lists.serviceAccounts.push({
        ...parseNamed(document),
        mountsToken: document.get('automountServiceAccountToken').value !== false,
      });
      break;
    case '/Service':
      lists.services.push(parseService(document));
      break;
    case 'security.istio.io/AuthorizationPolicy':
      lists.authorizationPolicies.push(parseAuthorizationPolicy(document, config));
      break;
    case 'security.istio.io/PeerAuthentication':
      lists.peerAuthentications.push(parsePeerAuthentication(document));
      break;
    case 'security.istio.io/RequestAuthentication':
      lists.requestAuthentications.push(parseRequestAuthentication(document));
      break;
    case 'networking.k8s.io/NetworkPolicy':
      lists.networkPolicies.push(parseNetworkPolicy(document));
      break;
    case 'networking.istio.io/Sidecar':
      lists.sidecars.push(parseSidecar(document));
      break;
    case 'networking.istio.io/VirtualService':
      lists.virtualServices.push(parseVirtualService(document));
      break;
    case 'networking.istio.io/DestinationRule':
      lists.destinationRules.push(parseDestinationRule(document));
      break;
    case 'networking.istio.io/ServiceEntry':
      lists.serviceEntries.push(parseServiceEntry(document));
      break;
    case 'networking.istio.io/Gateway':
      lists.gateways.push(parseGateway(document));
      break;
    case 'gateway.networking.k8s.io/Gateway':
      if (isWaypoint(document)) lists.waypoints.push(parseWaypoint(document, waypointClass));
      else lists.unmodelled.push(parseUnmodelled(document));
      break;
    case 'spire.spiffe.io/ClusterSPIFFEID':
      lists.registrations.push(parseClusterSpiffeId(document));
      break;
    case 'spire.spiffe.io/ClusterStaticEntry':
      lists.registrations.push(parseClusterStaticEntry(document));
      break;
    case '/ConfigMap': {
      const issuer = tryParseIdentityIssuer(document);
      if (issuer === undefined) lists.unmodelled.push(parseUnmodelled(document));
      else lists.identityIssuers.push(issuer);
      break;
    }
    default:
      lists.unmodelled.push(parseUnmodelled(document));
      break;
  }
}

/** EnvoyFilters select with `workloadSelector.labels`, WasmPlugins like policies. */
function parseUnmodelled(document: Cursor): Unmodelled {
  const labels = document.get('spec', 'workloadSelector', 'labels').labels();
  return {
    ...parseNamed(document),
    apiVersion: document.textOf('apiVersion'),
    kind: document.textOf('kind'),
    attachment: Object.keys(labels).length > 0 ? { kind: 'selector', labels } : parseAttachment(document.get('spec')),
  };
}
