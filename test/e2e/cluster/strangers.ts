/** Pods that nobody declared, made for the time of a run: who must not get in, and who has a right name in a wrong place. */
import type { ClusterObject } from './alterations.ts';

/** The label of every pod of the suite. */
export const strangerLabel = { 'meshwright.dev/e2e': 'stranger' } as const;
/** A namespace with sidecars that has nothing to do with the platform. */
export const foreignNamespace = 'meshwright-e2e';
/** A namespace without sidecars. */
export const plainNamespace = 'meshwright-e2e-plain';

/** One pod: where it runs and under which account. */
export interface Stranger {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly accountExists: boolean;
  /** What it stands for, in reports. */
  readonly meaning: string;
}

/** `ingress` is the identity of a gateway, whose own pod cannot be called from: a pod under its account shows it. */
export const strangers: readonly Stranger[] = [
  {
    name: 'e2e-stranger',
    namespace: 'trading',
    serviceAccount: 'e2e-stranger',
    accountExists: false,
    meaning: 'a pod that nobody declared, among the callees',
  },
  {
    name: 'e2e-foreigner',
    namespace: foreignNamespace,
    serviceAccount: 'e2e-foreigner',
    accountExists: false,
    meaning: 'a pod of a foreign namespace of the mesh',
  },
  {
    name: 'e2e-order-elsewhere',
    namespace: foreignNamespace,
    serviceAccount: 'order',
    accountExists: false,
    meaning: 'the right service account in the wrong namespace',
  },
  {
    name: 'e2e-plaintext',
    namespace: plainNamespace,
    serviceAccount: 'e2e-plaintext',
    accountExists: false,
    meaning: 'a pod without a sidecar',
  },
  {
    name: 'e2e-ingress',
    namespace: 'istio-ingress',
    serviceAccount: 'ingress',
    accountExists: true,
    meaning: "a pod under the ingress gateway's account",
  },
];

/** True iff the pod runs under the account of a workload of the platform: the identity is right, the pod is not. */
export const isStandIn = (name: string): boolean =>
  strangers.some((stranger) => stranger.name === name && stranger.accountExists);

/** Where a default deny would keep a sidecar from its control plane; the namespaces of the suite isolate nobody. */
const isolatedNamespaces = [...new Set(strangers.map(({ namespace }) => namespace))].filter(
  (name) => name !== foreignNamespace && name !== plainNamespace,
);

/** Every object that the strangers need, in the order of creation; `image` holds the probe program. */
export function strangerObjects(image: string, rootNamespace: string): readonly ClusterObject[] {
  return [
    namespace(foreignNamespace, 'enabled'),
    namespace(plainNamespace, 'disabled'),
    ...strangers.filter(({ accountExists }) => !accountExists).map(account),
    ...isolatedNamespaces.map((place) => lifeline(place, rootNamespace)),
    istiodDoor(rootNamespace),
    ...strangers.map((stranger) => pod(stranger, image)),
  ];
}

const namespace = (name: string, injection: 'enabled' | 'disabled'): ClusterObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name,
    labels: { 'istio-injection': injection, 'pod-security.kubernetes.io/enforce': 'restricted' },
  },
});

const account = ({ namespace: place, serviceAccount }: Stranger): ClusterObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: serviceAccount, namespace: place },
});

/** What a sidecar lives on: its control plane and names. Nothing else is opened. */
const lifeline = (place: string, rootNamespace: string): ClusterObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'e2e-lifeline', namespace: place },
  spec: {
    podSelector: { matchLabels: strangerLabel },
    policyTypes: ['Egress', 'Ingress'],
    ingress: [],
    egress: [
      {
        to: [{ namespaceSelector: inNamespace(rootNamespace), podSelector: { matchLabels: { app: 'istiod' } } }],
        ports: [{ port: 15_012, protocol: 'TCP' }],
      },
      {
        to: [
          { namespaceSelector: inNamespace('kube-system'), podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } },
        ],
        ports: [
          { port: 53, protocol: 'UDP' },
          { port: 53, protocol: 'TCP' },
        ],
      },
    ],
  },
});

const istiodDoor = (rootNamespace: string): ClusterObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'e2e-istiod-door', namespace: rootNamespace },
  spec: {
    podSelector: { matchLabels: { app: 'istiod' } },
    policyTypes: ['Ingress'],
    ingress: [
      {
        from: [{ namespaceSelector: {}, podSelector: { matchLabels: strangerLabel } }],
        ports: [{ port: 15_012, protocol: 'TCP' }],
      },
    ],
  },
});

const inNamespace = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });

const pod = ({ name, namespace: place, serviceAccount }: Stranger, image: string): ClusterObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: place, labels: strangerLabel },
  spec: {
    serviceAccountName: serviceAccount,
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    securityContext: { runAsNonRoot: true, runAsUser: 10_001, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'probe',
        image,
        imagePullPolicy: 'IfNotPresent',
        command: ['node', '/app/probe.js', '--hold'],
        resources: { requests: { cpu: '5m', memory: '32Mi' }, limits: { cpu: '500m', memory: '192Mi' } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      },
    ],
  },
});
