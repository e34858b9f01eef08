/** The cluster under test: reads and writes through the Kubernetes API, and what only the kind node itself can do. */
import { execFile } from 'node:child_process';
import { type PassThrough, Writable } from 'node:stream';
import { promisify } from 'node:util';
import {
  AppsV1Api,
  Exec,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
  type V1Pod,
} from '@kubernetes/client-node';
import { ClusterAccess } from '#infra/cluster/access.ts';

const run = promisify(execFile);
const commandTimeoutMs = 30_000;

/** Where a command runs. */
export interface Place {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** An object of any kind with its specification. */
export type AnyObject = KubernetesObject & { spec?: Record<string, unknown> };

/** One cluster. */
export class Cluster {
  readonly context: string;
  readonly access: ClusterAccess;
  readonly core: ClusterAccess['core'];
  readonly apps: AppsV1Api;
  readonly #objects: KubernetesObjectApi;

  constructor(context: string) {
    this.context = context;
    this.access = new ClusterAccess(context);
    this.core = this.access.core;
    this.apps = this.access.config.makeApiClient(AppsV1Api);
    this.#objects = KubernetesObjectApi.makeApiClient(this.access.config);
  }

  /** The pods of a workload that are not being deleted. */
  async pods(namespace: string, name: string): Promise<readonly V1Pod[]> {
    const labelSelector = `app.kubernetes.io/name=${name}`;
    const { items } = await this.core.listNamespacedPod({ namespace, labelSelector });
    return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  }

  /** True iff the workload has pods, all of them ready. */
  async isReady(namespace: string, name: string): Promise<boolean> {
    const pods = await this.pods(namespace, name);
    return pods.length > 0 && pods.every(isReady);
  }

  /** True iff istiod is there and ready. */
  async isControlPlaneReady(): Promise<boolean> {
    const { items } = await this.core.listNamespacedPod({ namespace: 'istio-system', labelSelector: 'app=istiod' });
    const present = items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
    return present.length > 0 && present.every(isReady);
  }

  /** Ends every pod of a workload without any grace, as a crash of its node would. */
  async kill(namespace: string, name: string): Promise<void> {
    for (const { metadata } of await this.pods(namespace, name))
      await this.core.deleteNamespacedPod({ namespace, name: metadata?.name ?? '', gracePeriodSeconds: 0 });
  }

  /** Sets how many replicas a Deployment has. */
  async scale(namespace: string, name: string, replicas: number): Promise<void> {
    await this.merge({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name } }, { replicas });
  }

  /** The one pod of a workload. Errors: throws when there is none. */
  async place(namespace: string, name: string, container = name): Promise<Place> {
    const [pod] = await this.pods(namespace, name);
    const podName = pod?.metadata?.name;
    if (podName === undefined) throw new Error(`\`${namespace}/${name}\` has no pod`);
    return { namespace, pod: podName, container };
  }

  /** Starts a command in a container and returns while it runs. */
  async stream(
    place: Place,
    command: readonly string[],
    { input, output, ended }: { readonly input: PassThrough; readonly output: Writable; readonly ended: () => void },
  ): Promise<void> {
    const errors = new Writable({ write: (_chunk, _encoding, done) => done() });
    await new Exec(this.access.config).exec(
      place.namespace,
      place.pod,
      place.container,
      [...command],
      output,
      errors,
      input,
      false,
      ended,
    );
  }

  /** Reads an object of any kind. */
  read(reference: {
    apiVersion: string;
    kind: string;
    metadata: { name: string; namespace?: string };
  }): Promise<AnyObject> {
    return this.#objects.read(reference as Parameters<KubernetesObjectApi['read']>[0]);
  }

  /** Makes an object. */
  async create(object: AnyObject): Promise<void> {
    await this.#objects.create(object);
  }

  /** Deletes an object; one that is not there is no error. */
  async remove(object: AnyObject): Promise<void> {
    await this.#objects.delete(object).catch((error: { code?: number }) => {
      if (error.code !== 404) throw error;
    });
  }

  /** Merges members into an object's specification. */
  async merge(object: AnyObject, spec: Record<string, unknown>): Promise<void> {
    const { apiVersion, kind, metadata } = object;
    const patch = { apiVersion, kind, metadata: { name: metadata?.name, namespace: metadata?.namespace }, spec };
    await this.#objects.patch(
      patch as AnyObject,
      undefined,
      undefined,
      'meshwright-faults',
      undefined,
      PatchStrategy.MergePatch,
    );
  }

  /** Runs a command on the kind node, as root. Errors: throws with what it wrote when it fails. */
  async onNode(command: readonly string[], input?: string): Promise<string> {
    const node = `${this.context.replace(/^kind-/, '')}-control-plane`;
    const child = run('docker', ['exec', '-i', node, ...command], { timeout: commandTimeoutMs });
    child.child.stdin?.end(input ?? '');
    return (await child).stdout;
  }
}

/** True iff Kubernetes calls the pod ready. */
export function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

/** Which objects of a kind a fault edits. */
export interface Edited {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Replaces part of an object's specification until the returned function is called, which brings the old part back. */
export async function edited(
  cluster: Cluster,
  { apiVersion, kind, namespace, name }: Edited,
  edit: (spec: Record<string, unknown>) => Record<string, unknown>,
): Promise<() => Promise<void>> {
  const reference = { apiVersion, kind, metadata: { namespace, name } };
  const { spec = {} } = await cluster.read(reference);
  const changes = edit(spec);
  await cluster.merge(reference, changes);
  const before = Object.fromEntries(Object.keys(changes).map((key) => [key, spec[key] ?? null]));
  return () => cluster.merge(reference, before);
}
