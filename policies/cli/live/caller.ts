/** Who can be called from: the running pods of the mesh's workloads, and the containers in them that hold the program. */
import { holdsLabels } from '../../analysis/attachment.ts';
import type { Workload } from '../../language/mesh.ts';
import type { Json } from './api.ts';
import type { Connection } from './connect.ts';
import type { ContainerReference } from './exec.ts';

/** A running pod of a workload. */
export interface RunningPod {
  readonly namespace: string;
  readonly name: string;
  readonly ip: string;
  /** Containers that run, ephemeral ones included, the proxy excluded. */
  readonly containers: readonly string[];
  /** Whether a proxy runs in it. */
  readonly proxied: boolean;
}

/** A workload that is called from. */
export interface Caller {
  readonly workload: Workload;
  readonly identity: string;
  readonly pod: RunningPod;
  readonly from: ContainerReference;
}

const proxyName = 'istio-proxy';

const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);
const record = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});

/** A running pod with its labels. */
type LabelledPod = RunningPod & { readonly labels: Json };

/** Reads the pods that are ready. Errors: throws when pods may not be listed. */
export async function readPods({ api }: Pick<Connection, 'api'>): Promise<readonly LabelledPod[]> {
  const listing = await api.list('/api/v1/pods');
  if (listing.kind !== 'read') throw new Error(`pods cannot be listed: ${JSON.stringify(listing)}`);
  return listing.items.flatMap((item) => tryRunningPod(item) ?? []);
}

/** The pod that the API server describes, undefined while it is not ready or once it is on its way out. */
export function tryRunningPod(item: Json): LabelledPod | undefined {
  const metadata = record(item['metadata']);
  const status = record(item['status']);
  const ready = list(status['conditions']).some((each) => each['type'] === 'Ready' && each['status'] === 'True');
  if (!ready || metadata['deletionTimestamp'] !== undefined) return undefined;
  const running = ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses'].flatMap((member) =>
    list(status[member])
      .filter((container) => record(container['state'])['running'] !== undefined)
      .map((container) => String(container['name'])),
  );
  return {
    namespace: String(metadata['namespace']),
    name: String(metadata['name']),
    ip: String(status['podIP'] ?? ''),
    containers: running.filter((name) => name !== proxyName),
    proxied: running.includes(proxyName),
    labels: record(metadata['labels']),
  };
}

/** The running pod of a workload, undefined when none is ready. */
export function tryFindPod(workload: Workload, pods: readonly LabelledPod[]): RunningPod | undefined {
  return pods.find(
    ({ namespace, name, labels }) =>
      namespace === workload.namespace &&
      (workload.kind === 'Pod' ? name === workload.name : isOf(labels as Readonly<Record<string, string>>, workload)),
  );
}

const isOf = (labels: Readonly<Record<string, string>>, workload: Workload): boolean =>
  Object.keys(workload.labels).length > 0 && holdsLabels(labels, workload.labels);
