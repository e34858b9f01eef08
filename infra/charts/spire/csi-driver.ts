/** The SPIFFE CSI driver on each node: it mounts the folder with the agent's socket into the pods that ask for it. */
import type { SpireInstallation } from '../../environments/index.ts';
import { csiRegistrarImage, imageReference, spiffeCsiDriverImage } from '../../environments/versions.ts';
import { csiDriver, nodeNamespace, partLabels, socketFolder } from './names.ts';
import { account, hostFolder, type SpireObject } from './object.ts';

const subject = { name: 'spiffe-csi-driver', namespace: nodeNamespace };
const labels = partLabels(subject.name);
const kubelet = '/var/lib/kubelet';

/** Announces the driver to the cluster: socket folders for single pods, owned by nobody but the agent. */
export const csiDriverObject: SpireObject = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIDriver',
  metadata: { name: csiDriver },
  spec: {
    attachRequired: false,
    podInfoOnMount: true,
    fsGroupPolicy: 'None',
    volumeLifecycleModes: ['Ephemeral'],
  },
};

/** The driver's account and DaemonSet. */
export function spiffeCsiDriver({ resources }: Extract<SpireInstallation, { kind: 'rendered' }>): {
  readonly rights: readonly SpireObject[];
  readonly workload: readonly SpireObject[];
} {
  const template = { metadata: { labels }, spec: pod(resources.driver) };
  return {
    rights: [account(subject)],
    workload: [
      {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { ...subject, labels },
        spec: { selector: { matchLabels: labels }, template },
      },
    ],
  };
}

function pod(resources: unknown): Readonly<Record<string, unknown>> {
  const own = { name: 'csi-socket', mountPath: '/spiffe-csi' };
  return {
    serviceAccountName: subject.name,
    automountServiceAccountToken: false,
    tolerations: [{ operator: 'Exists' }],
    priorityClassName: 'system-node-critical',
    containers: [
      {
        name: 'spiffe-csi-driver',
        image: imageReference(spiffeCsiDriverImage),
        imagePullPolicy: 'IfNotPresent',
        args: ['-workload-api-socket-dir', '/spire-agent-socket', '-csi-socket-path', '/spiffe-csi/csi.sock'],
        env: [{ name: 'MY_NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
        resources,
        // It mounts into other pods: that is what `privileged` and the two-way propagation are for.
        securityContext: { privileged: true, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        volumeMounts: [
          own,
          { name: 'sockets', mountPath: '/spire-agent-socket', readOnly: true },
          { name: 'pods', mountPath: `${kubelet}/pods`, mountPropagation: 'Bidirectional' },
        ],
      },
      {
        name: 'node-driver-registrar',
        image: imageReference(csiRegistrarImage),
        imagePullPolicy: 'IfNotPresent',
        args: [
          '-csi-address',
          '/spiffe-csi/csi.sock',
          '-kubelet-registration-path',
          `${kubelet}/plugins/${csiDriver}/csi.sock`,
        ],
        resources,
        securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        volumeMounts: [own, { name: 'registration', mountPath: '/registration' }],
      },
    ],
    volumes: [
      hostFolder('sockets', socketFolder, 'DirectoryOrCreate'),
      hostFolder('csi-socket', `${kubelet}/plugins/${csiDriver}`, 'DirectoryOrCreate'),
      hostFolder('pods', `${kubelet}/pods`, 'Directory'),
      hostFolder('registration', `${kubelet}/plugins_registry`, 'Directory'),
    ],
  };
}
