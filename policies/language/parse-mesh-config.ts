/** Finds the mesh settings: an IstioOperator, the `istio` ConfigMap, or a bare MeshConfig. Source: istio `meshconfig`. */
import type { ExtensionProvider, MeshConfig, PathNormalization } from './mesh.ts';
import type { Cursor } from './parse-cursor.ts';

/** The settings of a mesh that says nothing. */
export const DEFAULT_MESH_CONFIG: MeshConfig = {
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  certificateTrustDomains: [],
  rootNamespace: 'istio-system',
  pathNormalization: 'BASE',
  outboundTrafficPolicy: 'ALLOW_ANY',
  extensionProviders: [],
};

/** The cursor of the MeshConfig that a document holds, undefined when it holds none. `embedded` parses text inside YAML. */
export function tryFindMeshConfig(
  document: Cursor,
  embedded: (text: string) => Cursor | undefined,
): Cursor | undefined {
  const kind = document.textOf('kind');
  if (kind === 'IstioOperator') return document.get('spec', 'meshConfig');
  if (kind !== 'ConfigMap') return undefined;
  const name = document.get('metadata').textOf('name');
  const data = document.get('data');
  return (name === 'istio' || name.startsWith('istio-')) && data.has('mesh')
    ? embedded(data.textOf('mesh'))
    : undefined;
}

/** Parses a MeshConfig; members that are absent keep their defaults. */
export function parseMeshConfig(config: Cursor): MeshConfig {
  const text = (otherwise: string, ...keys: readonly string[]): string => config.get(...keys).text() || otherwise;
  return {
    trustDomain: text(DEFAULT_MESH_CONFIG.trustDomain, 'trustDomain'),
    trustDomainAliases: config.get('trustDomainAliases').texts(),
    certificateTrustDomains: config
      .get('caCertificates')
      .items()
      .flatMap((ca) => ca.get('trustDomains').texts()),
    rootNamespace: text(DEFAULT_MESH_CONFIG.rootNamespace, 'rootNamespace'),
    pathNormalization: normalization(config.get('pathNormalization', 'normalization').text()),
    outboundTrafficPolicy:
      config.get('outboundTrafficPolicy', 'mode').text() === 'REGISTRY_ONLY' ? 'REGISTRY_ONLY' : 'ALLOW_ANY',
    extensionProviders: config.get('extensionProviders').items().map(provider),
  };
}

function normalization(text: string): PathNormalization {
  return text === 'NONE' || text === 'MERGE_SLASHES' || text === 'DECODE_AND_MERGE_SLASHES' ? text : 'BASE';
}

function provider(entry: Cursor): ExtensionProvider {
  const name = entry.get('name').text();
  if (entry.get('envoyExtAuthzGrpc').isPresent()) return { name, kind: 'authorizationGrpc' };
  return { name, kind: entry.get('envoyExtAuthzHttp').isPresent() ? 'authorizationHttp' : 'other' };
}
