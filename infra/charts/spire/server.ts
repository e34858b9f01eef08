/** SPIRE's server with its controller manager: one pod that signs, and that turns registrations into entries. */
import type { Environment, SpireInstallation } from '../../environments/index.ts';
import { imageReference, spireControllerImage, spireServerImage } from '../../environments/versions.ts';
import { controllerContainer, controllerVolumes } from './controller.ts';
import { agentAccount, bundleConfigMap, nodeNamespace, partLabels, serverAccount, serverNamespace } from './names.ts';
import { access, account, probe, restricted, type SpireObject } from './object.ts';

type Rendered = Extract<SpireInstallation, { kind: 'rendered' }>;

const dataFolder = '/run/spire/data';
const upstreamFolder = '/run/spire/upstream';
const labels = partLabels(serverAccount.name);
const metadata = { name: serverAccount.name, namespace: serverNamespace, labels };

/** The server's configuration in its own language. */
function configuration({ trustDomain, federation }: Environment, installation: Rendered, leafLifetime: string): string {
  const { authority, clusterName } = installation;
  const bundleEndpoint =
    federation.length === 0 ? '' : '  federation {\n    bundle_endpoint { address = "0.0.0.0" port = 8443 }\n  }\n';
  const upstream =
    authority.kind === 'selfSigned'
      ? ''
      : `  UpstreamAuthority "disk" {
    plugin_data {
      cert_file_path = "${upstreamFolder}/tls.crt"
      key_file_path = "${upstreamFolder}/tls.key"
      bundle_file_path = "${upstreamFolder}/bundle.crt"
    }
  }
`;
  return `server {
  bind_address = "0.0.0.0"
  bind_port = "8081"
  trust_domain = "${trustDomain}"
  data_dir = "${dataFolder}"
  log_level = "info"
  ca_key_type = "ec-p256"
  ca_ttl = "${authority.lifetime}"
  ca_subject { country = [] organization = ["SPIRE"] common_name = "${trustDomain}" }
  default_x509_svid_ttl = "${leafLifetime}"
${bundleEndpoint}}

plugins {
  DataStore "sql" {
    plugin_data { database_type = "sqlite3" connection_string = "${dataFolder}/datastore.sqlite3" }
  }
  KeyManager "disk" {
    plugin_data { keys_path = "${dataFolder}/keys.json" }
  }
  NodeAttestor "k8s_psat" {
    plugin_data {
      clusters = {
        "${clusterName}" = { service_account_allow_list = ["${agentAccount.namespace}:${agentAccount.name}"] }
      }
    }
  }
  Notifier "k8sbundle" {
    plugin_data { namespace = "${nodeNamespace}" config_map = "${bundleConfigMap}" }
  }
${upstream}}

health_checks {
  listener_enabled = true
  bind_address = "0.0.0.0"
  bind_port = "8080"
  live_path = "/live"
  ready_path = "/ready"
}
`;
}

function serverContainer({ authority, resources }: Rendered): Readonly<Record<string, unknown>> {
  const mounts = [
    { name: 'configuration', mountPath: '/run/spire/config', readOnly: true },
    { name: 'data', mountPath: dataFolder },
    { name: 'socket', mountPath: '/tmp/spire-server/private' },
    ...(authority.kind === 'upstream' ? [{ name: 'upstream', mountPath: upstreamFolder, readOnly: true }] : []),
  ];
  return {
    name: 'spire-server',
    image: imageReference(spireServerImage),
    imagePullPolicy: 'IfNotPresent',
    args: ['-config', '/run/spire/config/server.conf'],
    ports: [
      { name: 'grpc', containerPort: 8081 },
      { name: 'health', containerPort: 8080 },
    ],
    livenessProbe: probe('/live', 'health', 30),
    readinessProbe: probe('/ready', 'health', 5),
    resources: resources.server,
    securityContext: restricted,
    volumeMounts: mounts,
  };
}

/** The server's objects: account, rights, configuration, Service and StatefulSet. */
export function spireServer(
  environment: Environment,
  installation: Rendered,
  leafLifetime: string,
): { readonly rights: readonly SpireObject[]; readonly workload: readonly SpireObject[] } {
  const upstream =
    installation.authority.kind === 'upstream'
      ? [{ name: 'upstream', secret: { secretName: installation.authority.secretName, defaultMode: 0o440 } }]
      : [];
  const volumes = [
    { name: 'configuration', configMap: { name: metadata.name } },
    { name: 'socket', emptyDir: {} },
    ...controllerVolumes,
    ...upstream,
  ];
  const pod = {
    serviceAccountName: serverAccount.name,
    automountServiceAccountToken: true,
    securityContext: { runAsUser: 10_001, runAsGroup: 10_001, fsGroup: 10_001 },
    containers: [
      serverContainer(installation),
      controllerContainer(imageReference(spireControllerImage), installation.resources.server),
    ],
    volumes,
  };
  const ports = [{ name: 'grpc', port: 8081, targetPort: 'grpc' }];
  const data = { 'server.conf': configuration(environment, installation, leafLifetime) };
  return {
    rights: [account(serverAccount), ...serverRights()],
    workload: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
      { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports } },
      {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata,
        spec: {
          // The entries are in SQLite: a second server needs a database of its own.
          replicas: 1,
          serviceName: metadata.name,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: pod },
          volumeClaimTemplates: [
            {
              metadata: { name: 'data' },
              spec: {
                accessModes: ['ReadWriteOnce'],
                resources: { requests: { storage: installation.storage } },
              },
            },
          ],
        },
      },
    ],
  };
}

/** Verifying agents' tokens, finding their nodes and pods, and publishing the roots. */
function serverRights(): readonly SpireObject[] {
  const review = { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['get', 'create'] };
  const lookUp = { apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['get', 'list'] };
  const publish = {
    apiGroups: [''],
    resources: ['configmaps'],
    resourceNames: [bundleConfigMap],
    verbs: ['get', 'patch'],
  };
  return [
    ...access('spire-server', serverAccount, { rules: [review, lookUp] }),
    ...access('spire-bundle', serverAccount, { namespace: nodeNamespace, rules: [publish] }),
  ];
}
