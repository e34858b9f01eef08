/**
 * Ephemeral containers: how pods of other people's images are probed from. One shares the pod's network and so its
 * proxy; it needs a right of its own and stays, ended, until the pod goes.
 */

import { type Json, messageOf } from './api.ts';
import type { RunningPod } from './caller.ts';
import type { Connection } from './connect.ts';
import type { ContainerReference } from './exec.ts';

/** The rights that probing needs, as a person would grant them. */
export const RIGHTS: readonly string[] = [
  'list pods, namespaces, services, serviceaccounts, workloads and policies in all namespaces',
  'get configmaps in the root namespace',
  'get pods/log and create pods/exec in the namespaces of the mesh',
];

/** What `--ephemeral` needs besides. */
export const EPHEMERAL_RIGHTS: readonly string[] = ['patch pods/ephemeralcontainers in the namespaces of the mesh'];

const containerName = 'meshwright-probe';
const startMs = 60_000;
const pollMs = 500;

/** Neither the proxy's user (whose traffic is not intercepted) nor root. */
const user = 10_001;

/** Adds the probe container to a pod and waits until it runs; a sentence says why it cannot. */
export async function addProbeContainer(
  connection: Connection,
  pod: RunningPod,
  image: string,
): Promise<ContainerReference | string> {
  const where = { namespace: pod.namespace, pod: pod.name, container: containerName };
  if (pod.containers.includes(containerName)) return where;
  const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}`;
  const patched = await connection.api.send({
    method: 'PATCH',
    path: `${path}/ephemeralcontainers`,
    contentType: 'application/strategic-merge-patch+json',
    body: { spec: { ephemeralContainers: [probeContainer(image)] } },
  });
  if (patched.status >= 300) return `no ephemeral container may be added: ${messageOf(patched.body)}`;
  for (const until = Date.now() + startMs; Date.now() < until; ) {
    const { body } = await connection.api.send({ path });
    const state = typeof body === 'string' ? undefined : stateOf(body);
    if (state?.['running'] !== undefined) return where;
    const { reason, message } = (state?.['waiting'] ?? state?.['terminated'] ?? {}) as Json;
    if (reason !== undefined && reason !== 'ContainerCreating' && reason !== 'PodInitializing')
      return `the ephemeral container does not start: ${String(reason)}: ${String(message ?? '')}`;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return 'the ephemeral container did not start in time';
}

/** The container that holds the probe program until it is asked. */
export function probeContainer(image: string): { readonly name: string } & Readonly<Record<string, unknown>> {
  return {
    name: containerName,
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '/app/probe.js', '--hold'],
    securityContext: {
      runAsUser: user,
      runAsGroup: user,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}

function stateOf(pod: Json): Json | undefined {
  const { ephemeralContainerStatuses: statuses } = (pod['status'] ?? {}) as Json;
  const found = Array.isArray(statuses) ? statuses.find((each: Json) => each['name'] === containerName) : undefined;
  return found?.['state'] as Json | undefined;
}
