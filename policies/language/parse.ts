/** Parses documents into the model: `parseMesh` is the door. */
import { load } from 'js-yaml';
import type { SourceDocument } from './document.ts';
import type { Mesh, MeshConfig, Unmodelled } from './mesh.ts';
import { isWaypoint, parseWaypoint } from './parse-ambient.ts';
import { parsePeerAuthentication, parseRequestAuthentication } from './parse-authentication.ts';
import { parseAttachment, parseAuthorizationPolicy } from './parse-authorization.ts';
import { Cursor } from './parse-cursor.ts';
import { DEFAULT_MESH_CONFIG, parseMeshConfig, tryFindMeshConfig } from './parse-mesh-config.ts';
import { parseNetworkPolicy } from './parse-network-policy.ts';
import { parseClusterSpiffeId, parseClusterStaticEntry, tryParseIdentityIssuer } from './parse-registration.ts';
import { parseDestinationRule, parseVirtualService } from './parse-routing.ts';
import { parseGateway, parseNamed, parseServiceEntry, parseSidecar } from './parse-traffic.ts';
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
  const identities = documents.map(identity);
  const problems = [...documents.flatMap(validate), ...settings.problems, ...duplicates(documents, identities)].filter(
    (found) => !tolerated.includes(found.code.split('/')[0] ?? ''),
  );
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, value: buildMesh(documents, identities, settings.config) };
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

function identity(document: SourceDocument): string {
  const cursor = new Cursor(document);
  const group = groupOf(cursor);
  const { namespace, name } = parseNamed(cursor);
  return JSON.stringify([group, cursor.get('kind').text(), namespace, name]);
}

function groupOf(document: Cursor): string {
  const version = document.get('apiVersion').text();
  return version.slice(0, Math.max(0, version.lastIndexOf('/')));
}

/** Two different documents of one object: which one the cluster ends up with depends on the order of applying. */
function duplicates(documents: readonly SourceDocument[], identities: readonly string[]): readonly Problem[] {
  const seen = new Map<string, SourceDocument>();
  return documents.flatMap((document, index) => {
    const key = identities[index] ?? '';
    const earlier = seen.get(key);
    seen.set(key, earlier ?? document);
    if (earlier === undefined || JSON.stringify(earlier.value) === JSON.stringify(document.value)) return [];
    const cursor = new Cursor(document);
    const { namespace, name } = parseNamed(cursor);
    const first = `${earlier.file}:${earlier.lineOf([])}`;
    const message = `${cursor.get('kind').text()} \`${namespace}/${name}\`: given twice with different content, first at ${first}`;
    return [problem('document/duplicate', message, cursor.at(), 'keep one of the two')];
  });
}

type Lists = { -readonly [K in Exclude<keyof Mesh, 'config'>]: Mesh[K][number][] };

function buildMesh(documents: readonly SourceDocument[], identities: readonly string[], config: MeshConfig): Mesh {
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
  const seen = new Set<string>();
  for (const [index, document] of documents.entries()) {
    const key = identities[index] ?? '';
    if (!seen.has(key)) addDocument(lists, new Cursor(document), config);
    seen.add(key);
  }
  return { config, ...lists };
}

function addDocument(lists: Lists, document: Cursor, config: MeshConfig): void {
  const group = groupOf(document);
  const kind = document.get('kind').text();
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
      if (isWaypoint(document)) lists.waypoints.push(parseWaypoint(document));
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
    apiVersion: document.get('apiVersion').text(),
    kind: document.get('kind').text(),
    attachment: Object.keys(labels).length > 0 ? { kind: 'selector', labels } : parseAttachment(document.get('spec')),
  };
}
