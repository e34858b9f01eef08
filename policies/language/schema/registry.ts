import * as kubernetes from './kubernetes.ts';
import * as networking from './networking.ts';
import * as security from './security.ts';
import type { Shape } from './shape.ts';
import * as spire from './spire.ts';

/** A kind whose schema this language carries. */
export interface KnownKind {
  readonly group: string;
  readonly kind: string;
  readonly versions: readonly string[];
  readonly shape: Shape;
}

const group = (name: string, versions: readonly string[], kinds: Readonly<Record<string, Shape>>): KnownKind[] =>
  Object.entries(kinds).map(([kind, shape]) => ({ group: name, kind, versions, shape }));

/** Every kind that can be checked; the core group is the empty string. */
export const KNOWN_KINDS: readonly KnownKind[] = [
  ...group('security.istio.io', ['v1', 'v1beta1'], {
    AuthorizationPolicy: security.authorizationPolicy,
    PeerAuthentication: security.peerAuthentication,
    RequestAuthentication: security.requestAuthentication,
  }),
  ...group('networking.istio.io', ['v1', 'v1beta1', 'v1alpha3'], {
    DestinationRule: networking.destinationRule,
    Gateway: networking.gateway,
    ServiceEntry: networking.serviceEntry,
    Sidecar: networking.sidecar,
    VirtualService: networking.virtualService,
  }),
  ...group('telemetry.istio.io', ['v1', 'v1alpha1'], { Telemetry: networking.telemetry }),
  ...group('spire.spiffe.io', ['v1alpha1'], {
    ClusterFederatedTrustDomain: spire.clusterFederatedTrustDomain,
    ClusterSPIFFEID: spire.clusterSpiffeId,
    ClusterStaticEntry: spire.clusterStaticEntry,
  }),
  ...group('networking.k8s.io', ['v1'], { NetworkPolicy: kubernetes.networkPolicy }),
  ...group('apps', ['v1'], {
    DaemonSet: kubernetes.workload,
    Deployment: kubernetes.workload,
    ReplicaSet: kubernetes.workload,
    StatefulSet: kubernetes.workload,
  }),
  ...group('batch', ['v1'], { CronJob: kubernetes.cronJob, Job: kubernetes.job }),
  ...group('', ['v1'], {
    ConfigMap: kubernetes.configMap,
    Namespace: kubernetes.metadataOnly,
    Pod: kubernetes.pod,
    Secret: kubernetes.metadataOnly,
    Service: kubernetes.service,
    ServiceAccount: kubernetes.serviceAccount,
  }),
];
