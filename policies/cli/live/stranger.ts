/** Pods that nobody declared, started for a survey and removed behind it. */
import { workloadIdentity } from '../../analysis/identity.ts';
import type { Pod } from '../../analysis/request.ts';
import { podWorkload } from '../../analysis/world.ts';
import { type Json, messageOf } from './api.ts';
import { type Caller, tryRunningPod } from './caller.ts';
import type { Connection } from './connect.ts';
import { probeContainer } from './ephemeral.ts';
import type { LiveMesh } from './read-live-mesh.ts';

/** What starting such pods needs besides. */
export const STRANGER_RIGHTS: readonly string[] = ['create, get and delete pods in the namespaces that requests name'];

/** A stranger that runs, as a caller; `remove` ends it. */
export interface Stranger {
  readonly caller: Caller;
  readonly remove: () => Promise<void>;
}

const startMs = 90_000;
const pollMs = 500;

/** Starts a pod as a request describes it, and waits until it runs; a sentence says why it cannot. */
export async function startStranger(
  connection: Connection,
  { mesh }: Pick<LiveMesh, 'mesh'>,
  { pod, image }: { readonly pod: Pod; readonly image: string },
): Promise<Stranger | string> {
  const { api } = connection;
  const collection = `/api/v1/namespaces/${pod.namespace}/pods`;
  const created = await api.send({ method: 'POST', path: collection, body: manifest(pod, image) });
  if (created.status >= 300) return `no pod may be started in \`${pod.namespace}\`: ${messageOf(created.body)}`;
  const name = nameOf(created.body);
  const path = `${collection}/${name}`;
  const remove = async () => {
    await api.send({ method: 'DELETE', path, body: { gracePeriodSeconds: 0 } });
  };
  const workload = podWorkload(pod);
  const container = probeContainer(image);
  for (const until = Date.now() + startMs; Date.now() < until; ) {
    const { body } = await api.send({ path });
    const running = typeof body === 'string' ? undefined : tryRunningPod(body);
    if (running?.containers.includes(container.name) === true) {
      const from = { namespace: pod.namespace, pod: name, container: container.name };
      return { caller: { workload, identity: workloadIdentity(mesh, workload), pod: running, from }, remove };
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  await remove();
  return `the pod that was started in \`${pod.namespace}\` was not ready in time`;
}

function nameOf(body: Json | string): string {
  const metadata = typeof body === 'string' ? undefined : (body['metadata'] as Json | undefined);
  return String(metadata?.['name'] ?? '');
}

/** A pod under the strictest Pod Security Standard, with no token for the API server. */
function manifest({ namespace, labels, sidecar }: Pod, image: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      generateName: 'meshwright-stranger-',
      labels: { ...labels, ...(sidecar === 'asNamespaceSays' ? {} : { 'sidecar.istio.io/inject': 'false' }) },
    },
    spec: {
      automountServiceAccountToken: false,
      // Of the pod, since an injected proxy says nothing of its own.
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      containers: [probeContainer(image)],
    },
  };
}
