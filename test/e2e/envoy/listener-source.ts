import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Binaries } from './binaries.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import { type Child, output, type Processes } from './processes.ts';

/** A member of Envoy's configuration in its JSON form. */
export type EnvoyJson = Record<string, unknown>;

interface Answer {
  readonly id: string;
  readonly listener?: EnvoyJson;
  readonly gateway?: GatewayConfiguration;
  readonly error?: string;
}

/** What istiod gives a gateway: listeners, the route configurations that they name, and the names of all clusters. */
export interface GatewayConfiguration {
  readonly listeners: readonly EnvoyJson[];
  readonly routes: readonly EnvoyJson[];
  readonly clusters: readonly string[];
}

const source = new URL('../../support/xds-fetch/', import.meta.url).pathname;

/** Fetches inbound listeners from istiod over ADS, one new stream each, through the Go program `xds-fetch`. */
export class ListenerSource {
  readonly #child: Child;
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  #asked = 0;

  private constructor(child: Child) {
    this.#child = child;
    const lines = child.process.stdout;
    if (lines === null) throw new Error('xds-fetch has no standard output');
    child.process.once('close', () => {
      for (const [id, hear] of this.#waiting) hear({ id, error: 'xds-fetch has ended' });
    });
    createInterface({ input: lines }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** Builds the program below `cache` (Go's own cache makes that a moment the second time) and starts it. */
  static async start(binaries: Binaries, processes: Processes, options: { cache: string; discovery: string }) {
    const program = resolve(options.cache, 'xds-fetch');
    const env = { ...process.env, CGO_ENABLED: '0' };
    await output(binaries.go, ['build', '-trimpath', '-o', program, '.'], { cwd: source, env });
    return new ListenerSource(processes.start('xds-fetch', program, [options.discovery]));
  }

  /** The listener `virtualInbound` of a pod with the address `ip`. Errors: throws what istiod or the stream says. */
  async fetch(pod: KubernetesObject, ip: string): Promise<EnvoyJson> {
    const answer = await this.#ask(pod, ip, { type: 'sidecar', gateway: false });
    if (answer.listener === undefined)
      throw new Error(`${pod.metadata.namespace}/${pod.metadata.name}: ${answer.error}`);
    return answer.listener;
  }

  /** All that a gateway's pod gets. Errors: throws what istiod or the stream says. */
  async fetchGateway(pod: KubernetesObject, ip: string): Promise<GatewayConfiguration> {
    const answer = await this.#ask(pod, ip, { type: 'router', gateway: true });
    if (answer.gateway === undefined || answer.error !== undefined)
      throw new Error(`${pod.metadata.namespace}/${pod.metadata.name}: ${answer.error}`);
    return answer.gateway;
  }

  async #ask(
    pod: KubernetesObject,
    ip: string,
    { type, gateway }: { readonly type: 'sidecar' | 'router'; readonly gateway: boolean },
  ): Promise<Answer> {
    const { name, namespace = 'default', labels = {}, annotations = {} } = pod.metadata;
    this.#asked += 1;
    const id = String(this.#asked);
    const metadata = {
      NAMESPACE: namespace,
      NAME: name,
      LABELS: labels,
      ANNOTATIONS: annotations,
      SERVICE_ACCOUNT: (pod['spec'] as { serviceAccountName?: string }).serviceAccountName ?? 'default',
      CLUSTER_ID: 'Kubernetes',
      ISTIO_VERSION: '1.31.0',
      INTERCEPTION_MODE: 'REDIRECT',
      INSTANCE_IPS: ip,
      MESH_ID: 'mesh',
    };
    const node = `${type}~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#child.process.stdin?.write(`${JSON.stringify({ id, node, metadata, gateway })}\n`);
    return answered;
  }
}
