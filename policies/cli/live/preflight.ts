/**
 * What must be true of a cluster before manifests are applied to it. Every check is made, each failure carries its
 * repair, and what the API server cannot tell is said to be unknown rather than taken for good.
 */
import { readDocuments } from '../../language/document.ts';
import type { MeshConfig } from '../../language/mesh.ts';
import { parseMesh } from '../../language/parse.ts';
import { printYaml } from '../../language/print.ts';
import type { Json } from './api.ts';
import type { Connection } from './connect.ts';
import { accessChecks } from './preflight-access.ts';
import { type Check, check, type Wanted } from './preflight-check.ts';
import { installationChecks } from './preflight-installation.ts';

/** Makes every check. Errors: `ApiUnreachable`. */
export async function preflight(connection: Connection, wanted: Wanted): Promise<readonly Check[]> {
  return [
    ...(await installationChecks(connection, wanted)),
    ...(await settingsChecks(connection, wanted)),
    ...(await accessChecks(connection, wanted)),
  ];
}

async function settingsChecks({ api }: Connection, wanted: Wanted): Promise<readonly Check[]> {
  const { rootNamespace } = wanted;
  const path = `/api/v1/namespaces/${rootNamespace}/configmaps/istio`;
  const { status, body } = await api.send({ path });
  if (status !== 200 || typeof body === 'string') {
    const help =
      status === 403 ? `allow \`get\` on configmaps in ${rootNamespace}` : 'install Istio, or give --root-namespace';
    return [
      check(
        'mesh/settings',
        status === 403 ? 'unknown' : 'fails',
        `no mesh settings in ${rootNamespace}: HTTP ${status}`,
        help,
      ),
    ];
  }
  const reading = readDocuments('ConfigMap/istio', printYaml({ apiVersion: 'v1', kind: 'ConfigMap', ...body }));
  const mesh = parseMesh(reading.documents);
  if (!mesh.ok)
    return [check('mesh/settings', 'fails', `the mesh settings cannot be read: ${mesh.problems[0]?.message}`)];
  return compareSettings(mesh.value.config, wanted);
}

/** Each setting that verdicts depend on, as the manifests need it. */
function compareSettings(found: MeshConfig, { config, documents }: Wanted): readonly Check[] {
  const same = (code: string, what: string, [wanted, got]: readonly [string, string], help: string): Check =>
    check(code, wanted === got ? 'holds' : 'fails', `${what}: expected ${wanted}, got ${got}`, help);
  const providers = found.extensionProviders.map(({ name }) => name);
  const missing = config.extensionProviders.map(({ name }) => name).filter((name) => !providers.includes(name));
  const tracing = documents.some(({ value }) => (value as Json)['kind'] === 'Telemetry');
  return [
    same(
      'mesh/trust-domain',
      'trust domain',
      [config.trustDomain, found.trustDomain],
      'every principal names it: set meshConfig.trustDomain before workloads start, or render for the domain that is there',
    ),
    same(
      'mesh/root-namespace',
      'root namespace',
      [config.rootNamespace, found.rootNamespace],
      'mesh-wide policies stand in it: set meshConfig.rootNamespace, or render for the one that is there',
    ),
    same(
      'mesh/path-normalization',
      'path normalization',
      [config.pathNormalization, found.pathNormalization],
      'set meshConfig.pathNormalization.normalization: verdicts on paths were proved under it',
    ),
    same(
      'mesh/outbound-policy',
      'outbound traffic policy',
      [config.outboundTrafficPolicy, found.outboundTrafficPolicy],
      'set meshConfig.outboundTrafficPolicy.mode: the egress scopes rely on it',
    ),
    check(
      'mesh/providers',
      missing.length === 0 ? 'holds' : 'fails',
      `extension providers: ${missing.length === 0 ? 'all there' : `missing ${missing.join(', ')}`}`,
      `add them to meshConfig.extensionProviders${tracing ? '; without the tracing provider proxies send no spans' : ''}`,
    ),
  ];
}
