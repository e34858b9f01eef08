import { request } from 'undici';
import { readDocuments } from '#policies/language/document.ts';
import type { ApiServer } from './api-server.ts';
import type { Binaries } from './binaries.ts';
import { describe, type KubernetesClient, type KubernetesObject } from './kubernetes-client.ts';
import { freePorts, output, type Processes, until } from './processes.ts';

const settings = {
  PILOT_ENABLE_METADATA_EXCHANGE: 'false',
  PILOT_ENABLE_ALPN_FILTER: 'false',
  ENABLE_CA_SERVER: 'false',
  INJECT_ENABLED: 'false',
  VALIDATION_WEBHOOK_CONFIG_NAME: '',
  INJECTION_WEBHOOK_CONFIG_NAME: '',
  PILOT_ENABLE_GATEWAY_API: 'false',
  PILOT_ENABLE_AMBIENT: 'false',
  PILOT_DEBOUNCE_AFTER: '20ms',
  PILOT_DEBOUNCE_MAX: '200ms',
  UNSAFE_ENABLE_ADMIN_ENDPOINTS: 'true',
  POD_NAMESPACE: 'istio-system',
  POD_NAME: 'istiod-0',
  REVISION: 'default',
};

/** The namespace of marker policies; no case may use it. */
const markers = 'meshwright-markers';

/** Applies Istio's CustomResourceDefinitions and waits until the server serves them. */
async function applyDefinitions(client: KubernetesClient, istioctl: string): Promise<void> {
  const { stdout } = await output(istioctl, ['manifest', 'generate', '--set', 'profile=minimal']);
  const objects = readDocuments('istio', stdout).documents.map(({ value }) => value as KubernetesObject);
  const definitions = objects.filter((object) => object?.kind === 'CustomResourceDefinition');
  for (const definition of definitions) {
    const { status, body } = await client.create(definition);
    if (status >= 300) throw new Error(`${describe(definition)}: refused: ${JSON.stringify(body)}`);
  }
  await until('the policy kinds served', async () => {
    const { status } = await client.send('GET', '/apis/security.istio.io/v1/authorizationpolicies');
    return status === 200;
  });
}

/** A namespace object. */
export const namespaceNamed = (name: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
});

/** A running istiod that reads the API server. */
export class ControlPlane {
  /** `host:port` of the discovery service, without TLS. */
  readonly discovery: string;
  readonly #debug: string;
  readonly #client: KubernetesClient;
  #marker = 0;

  private constructor(client: KubernetesClient, discovery: string, debug: string) {
    this.#client = client;
    this.discovery = discovery;
    this.#debug = debug;
  }

  /** Installs Istio's kinds and starts istiod; ready when its caches are synchronized. */
  static async start(binaries: Binaries, processes: Processes, server: ApiServer): Promise<ControlPlane> {
    await applyDefinitions(server.client, binaries.istioctl);
    for (const name of ['istio-system', markers]) await server.client.put(namespaceNamed(name));
    const [grpc, http, monitoring] = await freePorts(3);
    const args = [
      ...['discovery', '--kubeconfig', server.kubeconfig, '--grpcAddr', `127.0.0.1:${grpc}`],
      ...['--httpAddr', `127.0.0.1:${http}`, '--httpsAddr', '', '--secureGRPCAddr', ''],
      ...['--monitoringAddr', `127.0.0.1:${monitoring}`, '--ctrlz_port', '0', '--meshConfig', 'none'],
      ...['--networksConfig', 'none', '--domain', 'cluster.local', '--namespace', 'istio-system'],
      ...['--kubernetesApiQPS', '1000', '--kubernetesApiBurst', '2000'],
    ];
    processes.start('istiod', binaries['pilot-discovery'], args, settings);
    const plane = new ControlPlane(server.client, `127.0.0.1:${grpc}`, `http://127.0.0.1:${http}`);
    await until('istiod ready', async () => {
      try {
        return (await request(`${plane.#debug}/ready`)).statusCode === 200;
      } catch {
        return false;
      }
    });
    return plane;
  }

  async #read(page: string): Promise<string> {
    const response = await request(`${this.#debug}/debug/${page}`);
    return response.body.text();
  }

  /**
   * Waits until the current push was built from exactly `policies` and `mesh`: the store lists them with these
   * versions, and a marker that was created only then has reached the push.
   */
  async converge(
    policies: readonly KubernetesObject[],
    mesh: MeshShown,
    isApplied: (kind: string) => boolean = isPolicy,
  ): Promise<void> {
    const expected = policies.map(version).sort().join('\n');
    await until('the applied policies in istiod', async () => {
      const listed = JSON.parse(await this.#read('configz')) as readonly KubernetesObject[];
      const shown = listed.filter(({ kind, metadata }) => isApplied(kind) && metadata.namespace !== markers);
      return shown.map(version).sort().join('\n') === expected;
    });
    await until('the mesh settings in istiod', async () => mesh(JSON.parse(await this.#read('mesh'))));
    this.#marker += 1;
    const marker = {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: `marker-${this.#marker}`, namespace: markers },
      spec: { selector: { matchLabels: { marker: 'none' } } },
    };
    await this.#client.put(marker);
    await until('a push after the policies', async () =>
      (await this.#read('authorizationz')).includes(`"marker-${this.#marker}"`),
    );
    await this.#client.remove(marker);
  }
}

/** True iff the mesh settings that istiod shows are the ones that were applied. */
export type MeshShown = (shown: Readonly<Record<string, unknown>>) => boolean;

/** True iff istiod's listeners depend on this kind beside workloads. */
export const isPolicy = (kind: string): boolean =>
  ['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication'].includes(kind);

const version = ({ kind, metadata }: KubernetesObject): string =>
  `${kind} ${metadata.namespace}/${metadata.name} ${metadata.resourceVersion}`;
