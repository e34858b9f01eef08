/** SPIRE's controller manager: a container beside the server, its configuration, rights and webhook. */
import { printYaml } from '#policies/language/print.ts';
import type { Environment, Resources, SpireIdentity } from '../../environments/index.ts';
import { classNameOf, partLabels, serverAccount, serverNamespace } from './names.ts';
import { access, probe, restricted, type SpireObject } from './object.ts';

const name = 'spire-controller-manager';
const fileName = 'controller-manager.yaml';
const group = 'spire.spiffe.io';
const all = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

/** Kinds of SPIRE that the controller manager reconciles. */
const plurals = ['clusterspiffeids', 'clusterfederatedtrustdomains', 'clusterstaticentries'] as const;

/** Volumes that the container mounts. */
export const controllerVolumes: readonly Readonly<Record<string, unknown>>[] = [
  { name: 'controller-configuration', configMap: { name } },
  { name: 'controller-tmp', emptyDir: {} },
];

/** The container; it reaches the server through the server's own socket. */
export function controllerContainer(image: string, resources: Resources): Readonly<Record<string, unknown>> {
  return {
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    args: [`--config=/etc/spire/${fileName}`],
    ports: [
      { name: 'webhook', containerPort: 9443 },
      { name: 'manager-health', containerPort: 8083 },
    ],
    livenessProbe: probe('/healthz', 'manager-health', 30),
    readinessProbe: probe('/readyz', 'manager-health', 5),
    resources,
    securityContext: restricted,
    volumeMounts: [
      { name: 'controller-configuration', mountPath: '/etc/spire', readOnly: true },
      { name: 'controller-tmp', mountPath: '/tmp' },
      { name: 'socket', mountPath: '/tmp/spire-server/private', readOnly: true },
    ],
  };
}

/** The controller manager's own objects. */
export function controllerManager(
  { trustDomain }: Environment,
  identity: SpireIdentity,
  clusterName: string,
): { readonly rights: readonly SpireObject[]; readonly settings: readonly SpireObject[] } {
  const metadata = { name, namespace: serverNamespace, labels: partLabels(name) };
  const configuration = {
    apiVersion: `${group}/v1alpha1`,
    kind: 'ControllerManagerConfig',
    metadata: { name, namespace: serverNamespace },
    metrics: { bindAddress: '0' },
    health: { healthProbeBindAddress: '0.0.0.0:8083' },
    leaderElection: { leaderElect: true, resourceName: 'meshwright.spiffe.io', resourceNamespace: serverNamespace },
    validatingWebhookConfigurationName: webhookName,
    clusterName,
    trustDomain,
    className: classNameOf(identity),
    // An object without a class would be a catch-all that nobody wrote here.
    watchClassless: false,
    ignoreNamespaces: ['kube-system', 'kube-public', serverNamespace],
    spireServerSocketPath: '/tmp/spire-server/private/api.sock',
  };
  return {
    rights: rights(),
    settings: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [fileName]: printYaml(configuration) } },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: {
          selector: partLabels(serverAccount.name),
          ports: [{ name: 'webhook', port: 443, targetPort: 'webhook' }],
        },
      },
      webhook(),
    ],
  };
}

const webhookName = `${name}-webhook`;

function rights(): readonly SpireObject[] {
  const watch = { apiGroups: [''], resources: ['endpoints', 'namespaces', 'nodes', 'pods'], verbs: all.slice(0, 3) };
  const reconcile = { apiGroups: [group], resources: plurals, verbs: all };
  const finish = { apiGroups: [group], resources: plurals.map((each) => `${each}/finalizers`), verbs: ['update'] };
  const report = {
    apiGroups: [group],
    resources: plurals.map((each) => `${each}/status`),
    verbs: ['get', 'patch', 'update'],
  };
  const webhooks = {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['validatingwebhookconfigurations'],
  };
  const findWebhook = { ...webhooks, verbs: ['get', 'list', 'watch'] };
  const certify = { ...webhooks, resourceNames: [webhookName], verbs: ['patch'] };
  const lead = { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: all };
  const tell = { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] };
  return [
    ...access(name, serverAccount, { rules: [watch, reconcile, finish, report, findWebhook, certify] }),
    ...access(`${name}-lease`, serverAccount, { namespace: serverNamespace, rules: [lead, tell] }),
  ];
}

/** The controller manager signs its own serving certificate with SPIRE and writes the root into this object. */
function webhook(): SpireObject {
  const check = (plural: string, kind: string) => ({
    name: `v${kind}.kb.io`,
    admissionReviewVersions: ['v1'],
    clientConfig: { service: { name, namespace: serverNamespace, path: `/validate-spire-spiffe-io-v1alpha1-${kind}` } },
    failurePolicy: 'Fail',
    rules: [{ apiGroups: [group], apiVersions: ['v1alpha1'], operations: ['CREATE', 'UPDATE'], resources: [plural] }],
    sideEffects: 'None',
  });
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: webhookName },
    webhooks: [
      check('clusterspiffeids', 'clusterspiffeid'),
      check('clusterfederatedtrustdomains', 'clusterfederatedtrustdomain'),
    ],
  };
}
