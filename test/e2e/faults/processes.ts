/** Processes of pods, as the kind node sees them: a crash is a signal 9 to the process, with no warning to anybody. */
import type { V1Pod } from '@kubernetes/client-node';
import type { Cluster } from './cluster.ts';
import { until } from './stage.ts';

/** Runs a shell script on the node with `pids`: the pod's processes whose name begins with `comm`. Errors: throws when there is none. */
async function inPod(cluster: Cluster, pod: V1Pod, comm: string, script: string): Promise<string> {
  const uid = (pod.metadata?.uid ?? '').replaceAll('-', '.');
  const find = `for p in $(grep -lE "pod${uid}" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3); do case "$(cat /proc/$p/comm 2>/dev/null)" in ${comm}*) pids="$pids $p" ;; esac; done;`;
  return cluster.onNode([
    'sh',
    '-c',
    `${find} [ -n "$pids" ] || { echo "no process ${comm}" >&2; exit 1; }; ${script}`,
  ]);
}

/** Kills the program of a workload in all its pods; kubelet starts it again. `comm` is the beginning of its name: `node`. */
export async function crash(cluster: Cluster, namespace: string, name: string, comm: string): Promise<void> {
  for (const pod of await cluster.pods(namespace, name)) await inPod(cluster, pod, comm, 'kill -9 $pids');
}

/** Runs a script in the network namespace of a workload's pod, on the node. */
export async function inNetworkOf(
  cluster: Cluster,
  place: { namespace: string; name: string; comm: string },
  script: string,
): Promise<void> {
  for (const pod of await cluster.pods(place.namespace, place.name))
    await inPod(cluster, pod, place.comm, `set -- $pids; nsenter -t $1 -n sh -c '${script}'`);
}

/**
 * Gives a workload a pod that has not crashed before: kubelet waits longer after every crash of the same container,
 * which would be measured instead of the platform.
 */
export async function freshPod(cluster: Cluster, namespace: string, name: string): Promise<void> {
  const pods = await cluster.pods(namespace, name);
  const crashed = pods.filter(({ status }) => status?.containerStatuses?.some(({ restartCount }) => restartCount > 0));
  for (const { metadata } of crashed) await cluster.core.deleteNamespacedPod({ namespace, name: metadata?.name ?? '' });
  const gone = new Set(crashed.map(({ metadata }) => metadata?.uid));
  const renewed = await until(async () => {
    const present = await cluster.pods(namespace, name);
    return present.every(({ metadata }) => !gone.has(metadata?.uid)) && (await cluster.isReady(namespace, name));
  }, 90_000);
  if (!renewed) throw new Error(`\`${namespace}/${name}\` is not ready`);
}
