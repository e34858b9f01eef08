/** Reads from one cluster, through `@kubernetes/client-node`. Nothing here writes. */
import { PassThrough } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  type CoreV1Event,
  CustomObjectsApi,
  Exec,
  HttpMethod,
  KubeConfig,
  Log,
  RequestContext,
  type V1Deployment,
  type V1Node,
  type V1Pod,
  type V1Secret,
  type V1StatefulSet,
} from '@kubernetes/client-node';
import { fetch } from 'undici';
import { ClusterError } from './cluster-error.ts';

/** A controller of pods: a Deployment, StatefulSet or DaemonSet reduced to what waiting needs. */
export type Controller = V1Deployment | V1StatefulSet;

/** Reads from one cluster. */
export class ClusterAccess {
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly #apps: AppsV1Api;
  readonly #custom: CustomObjectsApi;

  /** Errors: ClusterError when the kubeconfig has no such context. */
  constructor(context: string) {
    this.config = new KubeConfig();
    this.config.loadFromDefault();
    if (this.config.getContextObject(context) === null)
      throw new ClusterError(`the kubeconfig has no context \`${context}\``, ['run `make up`']);
    this.config.setCurrentContext(context);
    this.core = this.config.makeApiClient(CoreV1Api);
    this.#apps = this.config.makeApiClient(AppsV1Api);
    this.#custom = this.config.makeApiClient(CustomObjectsApi);
  }

  /** The pods of one namespace, or of all when it is undefined. */
  async pods(namespace?: string): Promise<readonly V1Pod[]> {
    const list =
      namespace === undefined
        ? await this.core.listPodForAllNamespaces()
        : await this.core.listNamespacedPod({ namespace });
    return list.items;
  }

  /** The nodes of the cluster. */
  async nodes(): Promise<readonly V1Node[]> {
    return (await this.core.listNode()).items;
  }

  /** A Deployment or StatefulSet, undefined when there is none. */
  tryFindController(
    kind: 'Deployment' | 'StatefulSet',
    namespace: string,
    name: string,
  ): Promise<Controller | undefined> {
    return kind === 'Deployment'
      ? orUndefined(this.#apps.readNamespacedDeployment({ namespace, name }))
      : orUndefined(this.#apps.readNamespacedStatefulSet({ namespace, name }));
  }

  /** A Secret's entries in the clear, undefined when there is none. */
  async tryFindSecret(namespace: string, name: string): Promise<ReadonlyMap<string, string> | undefined> {
    const secret: V1Secret | undefined = await orUndefined(this.core.readNamespacedSecret({ namespace, name }));
    if (secret === undefined) return undefined;
    const entries = Object.entries(secret.data ?? {});
    return new Map(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  }

  /** A ConfigMap's entries, undefined when there is none. */
  async tryFindConfiguration(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = await orUndefined(this.core.readNamespacedConfigMap({ namespace, name }));
    return found?.data;
  }

  /** Every object of a custom kind in the cluster. */
  async customObjects(group: string, plural: string): Promise<readonly unknown[]> {
    const list = (await this.#custom.listCustomObjectForAllNamespaces({
      group,
      version: 'v1',
      resourcePlural: plural,
    })) as {
      readonly items?: readonly unknown[];
    };
    return list.items ?? [];
  }

  /** Warnings about one object, oldest first. */
  async warningsAbout(namespace: string, name: string): Promise<readonly CoreV1Event[]> {
    const fieldSelector = `involvedObject.name=${name},type=Warning`;
    return (await this.core.listNamespacedEvent({ namespace, fieldSelector })).items;
  }

  /** The last lines that a container wrote, of the run before when `previous`. */
  async lastLines(
    { namespace, pod, container }: { readonly namespace: string; readonly pod: string; readonly container: string },
    { lines, previous }: { readonly lines: number; readonly previous: boolean },
  ): Promise<readonly string[]> {
    const sink = new PassThrough();
    const all = readAll(sink);
    await new Log(this.config).log(namespace, pod, container, sink, { tailLines: lines, previous });
    return (await all).split('\n').filter((line) => line !== '');
  }

  /** Runs a command in a container and gives what it wrote. Errors: rejects when it does not end with 0. */
  async exec(
    { namespace, pod, container }: { readonly namespace: string; readonly pod: string; readonly container: string },
    command: readonly string[],
  ): Promise<string> {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const texts = Promise.all([readAll(out), readAll(err)]);
    const { promise, resolve } = Promise.withResolvers<{ readonly status?: string; readonly message?: string }>();
    await new Exec(this.config).exec(namespace, pod, container, [...command], out, err, null, false, resolve);
    const { status, message } = await promise;
    out.end();
    err.end();
    const [stdout, stderr] = await texts;
    if (status !== 'Success') throw new ClusterError(`\`${command.join(' ')}\` in ${pod}: ${message}`, [stderr]);
    return stdout;
  }

  /** What the kubelet of the only node measured about its pods. */
  async nodeSummary(): Promise<unknown> {
    const [node] = await this.nodes();
    return this.#rawJson(`/api/v1/nodes/${node?.metadata?.name ?? ''}/proxy/stats/summary`);
  }

  /** The generated client escapes the slashes of a proxied path. */
  async #rawJson(path: string): Promise<unknown> {
    const server = this.config.getCurrentCluster()?.server ?? '';
    const request = new RequestContext(`${server}${path}`, HttpMethod.GET);
    await this.config.applySecurityAuthentication(request);
    const dispatcher = request.getDispatcher();
    const answer = await fetch(`${server}${path}`, {
      headers: request.getHeaders(),
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    if (answer.status !== 200) throw new ClusterError(`${path}: HTTP ${answer.status}`, [await answer.text()]);
    return answer.json();
  }
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiException && error.code === 404) return undefined;
    throw error;
  }
}
