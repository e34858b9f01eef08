/** SPIRE's agent on each node: it attests processes and serves their certificates over SDS. */
import type { Environment, SpireIdentity, SpireInstallation } from '../../environments/index.ts';
import { imageReference, spireAgentImage } from '../../environments/versions.ts';
import {
  agentAccount,
  bundleConfigMap,
  nodeNamespace,
  partLabels,
  serverAccount,
  serverNamespace,
  socketFileOf,
  socketFolder,
} from './names.ts';
import { access, account, hostFolder, probe, restricted, type SpireObject } from './object.ts';

type Rendered = Extract<SpireInstallation, { kind: 'rendered' }>;

const labels = partLabels(agentAccount.name);
const metadata = { name: agentAccount.name, namespace: nodeNamespace, labels };
const publicFolder = '/tmp/spire-agent/public';

/** The names that Istio's proxies ask for. With federation the proxies get the roots of all trust domains as `ROOTCA`. */
function sdsNames(hasFederation: boolean): string {
  const [own, every] = hasFederation ? ['null', 'ROOTCA'] : ['ROOTCA', 'ALL'];
  return `default_svid_name = "default" default_bundle_name = "${own}" default_all_bundles_name = "${every}"`;
}

function configuration(environment: Environment, identity: SpireIdentity, installation: Rendered): string {
  const { trustDomain, federation } = environment;
  const kubelet =
    installation.kubelet === 'unverified'
      ? 'skip_kubelet_verification = true'
      : 'kubelet_ca_path = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt" node_name_env = "NODE_NAME"';
  return `agent {
  data_dir = "/var/lib/spire"
  log_level = "info"
  server_address = "${serverAccount.name}.${serverNamespace}.svc.cluster.local"
  server_port = "8081"
  socket_path = "${publicFolder}/${socketFileOf(identity)}"
  trust_bundle_path = "/run/spire/bundle/bundle.crt"
  trust_domain = "${trustDomain}"
  sds { ${sdsNames(federation.length > 0)} }
}

plugins {
  KeyManager "memory" {
    plugin_data {}
  }
  NodeAttestor "k8s_psat" {
    plugin_data { cluster = "${installation.clusterName}" }
  }
  WorkloadAttestor "k8s" {
    plugin_data { ${kubelet} }
  }
}

health_checks {
  listener_enabled = true
  bind_address = "127.0.0.1"
  bind_port = "9982"
  live_path = "/live"
  ready_path = "/ready"
}
`;
}

/** The agent's objects. It sees the node's processes and its network, because attesting them is its work. */
export function spireAgent(
  environment: Environment,
  identity: SpireIdentity,
  installation: Rendered,
): { readonly rights: readonly SpireObject[]; readonly workload: readonly SpireObject[] } {
  const data = { 'agent.conf': configuration(environment, identity, installation) };
  const askKubelet = { apiGroups: [''], resources: ['pods', 'nodes', 'nodes/proxy'], verbs: ['get'] };
  return {
    rights: [
      account(agentAccount),
      ...access('spire-agent', agentAccount, { rules: [askKubelet] }),
      // Without data: the server fills it in, and applying this again takes nothing away.
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: bundleConfigMap, namespace: nodeNamespace, labels } },
    ],
    workload: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
      {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata,
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod(installation) } },
      },
    ],
  };
}

function pod({ resources }: Rendered): Readonly<Record<string, unknown>> {
  const token = { path: 'spire-agent', audience: 'spire-server', expirationSeconds: 7200 };
  return {
    serviceAccountName: agentAccount.name,
    automountServiceAccountToken: true,
    hostPID: true,
    hostNetwork: true,
    dnsPolicy: 'ClusterFirstWithHostNet',
    tolerations: [{ operator: 'Exists' }],
    priorityClassName: 'system-node-critical',
    containers: [
      {
        name: 'spire-agent',
        image: imageReference(spireAgentImage),
        imagePullPolicy: 'IfNotPresent',
        args: ['-config', '/run/spire/config/agent.conf'],
        env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
        livenessProbe: hostProbe('/live', 30),
        readinessProbe: hostProbe('/ready', 5),
        resources: resources.agent,
        // It reads other users' processes and writes its socket into a folder of the node.
        securityContext: { ...restricted, runAsNonRoot: false, runAsUser: 0, runAsGroup: 0 },
        volumeMounts: [
          { name: 'configuration', mountPath: '/run/spire/config', readOnly: true },
          { name: 'bundle', mountPath: '/run/spire/bundle', readOnly: true },
          { name: 'token', mountPath: '/var/run/secrets/tokens', readOnly: true },
          { name: 'sockets', mountPath: publicFolder },
          { name: 'data', mountPath: '/var/lib/spire' },
        ],
      },
    ],
    volumes: [
      { name: 'configuration', configMap: { name: metadata.name } },
      { name: 'bundle', configMap: { name: bundleConfigMap } },
      { name: 'token', projected: { sources: [{ serviceAccountToken: token }] } },
      hostFolder('sockets', socketFolder, 'DirectoryOrCreate'),
      { name: 'data', emptyDir: {} },
    ],
  };
}

/** The pod has the node's network: its health is asked for on loopback, which is closed to everybody else. */
function hostProbe(path: string, periodSeconds: number): Readonly<Record<string, unknown>> {
  const { httpGet: _named, ...timing } = probe(path, 'health', periodSeconds);
  return { httpGet: { host: '127.0.0.1', port: 9982, path }, ...timing };
}
