import { type KubernetesClient, type KubernetesObject, namespaceOf } from './kubernetes-client.ts';

interface Template {
  readonly metadata?: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> };
  readonly spec: Readonly<Record<string, unknown>>;
}

interface WorkloadSpec {
  readonly template: Template;
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
}

/** The pod that a Deployment or StatefulSet would make, on a node that does not exist; claims become empty volumes. */
export function podOf(workload: KubernetesObject): KubernetesObject {
  const { template, volumeClaimTemplates = [] } = workload['spec'] as WorkloadSpec;
  const own = (template.spec['volumes'] as readonly object[] | undefined) ?? [];
  const volumes = [...own, ...volumeClaimTemplates.map(({ metadata }) => ({ name: metadata.name, emptyDir: {} }))];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, name: workload.metadata.name, namespace: namespaceOf(workload) },
    spec: { ...template.spec, volumes, nodeName: 'node' },
  };
}

/** Creates a pod and reports it as running and ready under `ip`. */
export async function createPod(client: KubernetesClient, pod: KubernetesObject, ip: string): Promise<void> {
  await client.put(pod);
  await client.patchStatus(pod, {
    phase: 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    hostIP: ip,
    conditions: [{ type: 'Ready', status: 'True' }],
  });
}
