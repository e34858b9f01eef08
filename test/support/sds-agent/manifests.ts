/** The stand-in in the place of SPIRE's server, agent and CSI driver, as a folder that `SPIRE_MANIFESTS` may name. */
import { driverName } from './csi-driver.ts';

/** One Kubernetes object. */
type Manifest = Readonly<Record<string, unknown>>;

/** What the stand-in is to be. */
export interface StandInSettings {
  readonly image: string;
  readonly trustDomain: string;
  readonly socketFile: string;
  readonly authorityLifetime: string;
  /** The rendered ClusterSPIFFEIDs as JSON text. */
  readonly registrations: string;
  /** Root outside, in a Secret of the stand-in's namespace with `ca-cert.pem` and `ca-key.pem`. @default - a root of its own */
  readonly upstreamSecret?: string;
}

/** Where SPIRE's agent runs, and so the stand-in. */
export const standInNamespace = 'spire-system';

/** Its name; also the label of its pods. */
export const standInName = 'spire-stand-in';

const kubelet = '/var/lib/kubelet';
const state = `${kubelet}/plugins/${driverName}`;
const upstream = '/run/upstream';
const labels = { 'app.kubernetes.io/name': standInName, 'app.kubernetes.io/part-of': 'spire' };
const metadata = { name: standInName, namespace: standInNamespace, labels };

/** The registrations and the DaemonSet. */
export function standInManifests(settings: StandInSettings): readonly Manifest[] {
  const { registrations } = settings;
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'registrations.json': registrations } },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod(settings) } },
    },
  ];
}

function pod({ image, trustDomain, socketFile, authorityLifetime, upstreamSecret }: StandInSettings): Manifest {
  const values = {
    STATE: state,
    KUBELET: kubelet,
    TRUST_DOMAIN: trustDomain,
    SOCKET_FILE: socketFile,
    AUTHORITY_NAME: 'SPIRE stand-in',
    AUTHORITY_LIFETIME: authorityLifetime,
    REGISTRATIONS: '/etc/stand-in/registrations.json',
    UPSTREAM: upstreamSecret === undefined ? '' : upstream,
  };
  const hasUpstream = upstreamSecret !== undefined;
  return {
    automountServiceAccountToken: false,
    tolerations: [{ operator: 'Exists' }],
    terminationGracePeriodSeconds: 5,
    containers: [
      {
        name: standInName,
        image,
        imagePullPolicy: 'IfNotPresent',
        command: ['node', '/app/main.js'],
        env: [
          ...Object.entries(values).map(([name, value]) => ({ name, value })),
          { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        ],
        resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { cpu: '1', memory: '256Mi' } },
        readinessProbe: {
          exec: { command: ['node', '/app/main.js', 'status'] },
          periodSeconds: 10,
          timeoutSeconds: 10,
        },
        // The kubelet's folders belong to root.
        securityContext: { runAsUser: 0, runAsGroup: 0, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
        volumeMounts: [
          { name: 'kubelet', mountPath: kubelet },
          { name: 'registrations', mountPath: '/etc/stand-in', readOnly: true },
          ...(hasUpstream ? [{ name: 'upstream', mountPath: upstream, readOnly: true }] : []),
        ],
      },
    ],
    volumes: [
      { name: 'kubelet', hostPath: { path: kubelet, type: 'Directory' } },
      { name: 'registrations', configMap: { name: standInName } },
      ...(hasUpstream ? [{ name: 'upstream', secret: { secretName: upstreamSecret } }] : []),
    ],
  };
}
