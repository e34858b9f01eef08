/** Memory and CPU of the platform by part, as the kubelet measures its pods. */

/** One line of the account. */
export interface Part {
  readonly name: string;
  readonly containers: number;
  readonly memoryMiB: number;
  readonly cpuMillicores: number;
}

interface ContainerSummary {
  readonly name: string;
  readonly memory?: { readonly workingSetBytes?: number };
  readonly cpu?: { readonly usageNanoCores?: number };
}

interface NodeSummary {
  readonly node?: {
    readonly memory?: { readonly workingSetBytes?: number };
    readonly cpu?: { readonly usageNanoCores?: number };
  };
  readonly pods?: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers?: readonly ContainerSummary[];
  }[];
}

const mebibyte = 1024 * 1024;

/** To which part a container belongs. */
function partOf({ namespace, name }: { readonly namespace: string; readonly name: string }, container: string): string {
  if (container === 'istio-proxy') return 'proxies';
  if (name.startsWith('istiod') || name.startsWith('istio-cni')) return 'Istio control plane';
  if (namespace === 'kube-system' || namespace === 'local-path-storage') return 'Kubernetes control plane';
  if (namespace === 'data') return 'PostgreSQL';
  if (namespace === 'observability') return 'Jaeger';
  if (namespace === 'edge' || namespace === 'trading') return 'services';
  return 'others';
}

/** What the node uses beside its pods: kubelet, container runtime, page cache, and etcd's files, which are in memory. */
function restOfNode({ node }: NodeSummary, pods: readonly Part[]): readonly Part[] {
  if (node?.memory?.workingSetBytes === undefined) return [];
  const memoryMiB = node.memory.workingSetBytes / mebibyte - pods.reduce((sum, part) => sum + part.memoryMiB, 0);
  const used = (node.cpu?.usageNanoCores ?? 0) / 1e6 - pods.reduce((sum, part) => sum + part.cpuMillicores, 0);
  return [{ name: 'node beside its pods', containers: 0, memoryMiB, cpuMillicores: Math.max(0, used) }];
}

/** Sums the kubelet's summary up by part, the largest first, the node itself last. */
export function usageByPart(summary: unknown): readonly Part[] {
  const parts = new Map<string, Part>();
  for (const { podRef, containers = [] } of (summary as NodeSummary).pods ?? []) {
    for (const { name: container, memory, cpu } of containers) {
      const name = partOf(podRef, container);
      const before = parts.get(name) ?? { name, containers: 0, memoryMiB: 0, cpuMillicores: 0 };
      parts.set(name, {
        name,
        containers: before.containers + 1,
        memoryMiB: before.memoryMiB + (memory?.workingSetBytes ?? 0) / mebibyte,
        cpuMillicores: before.cpuMillicores + (cpu?.usageNanoCores ?? 0) / 1e6,
      });
    }
  }
  const pods = [...parts.values()].sort((left, right) => right.memoryMiB - left.memoryMiB);
  return [...pods, ...restOfNode(summary as NodeSummary, pods)];
}

/** One line a part, and their sum. */
export function printUsage(parts: readonly Part[]): readonly string[] {
  const sum = parts.reduce(
    (all, part) => ({
      name: 'whole platform',
      containers: all.containers + part.containers,
      memoryMiB: all.memoryMiB + part.memoryMiB,
      cpuMillicores: all.cpuMillicores + part.cpuMillicores,
    }),
    { name: 'whole platform', containers: 0, memoryMiB: 0, cpuMillicores: 0 },
  );
  return [...parts, sum].map(
    ({ name, containers, memoryMiB, cpuMillicores }) =>
      `${name.padEnd(26)} ${String(containers).padStart(3)} containers ${memoryMiB.toFixed(0).padStart(6)} MiB ${cpuMillicores.toFixed(0).padStart(6)} m`,
  );
}
