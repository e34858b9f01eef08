/** The installation of Istio as `istioctl install -f` reads it; one typed configuration for the mesh and its pieces. */
import { serviceHost } from '../constructs/peer.ts';
import type { Environment } from '../environments/index.ts';
import { istioHub, istioVersion } from '../environments/versions.ts';
import { injectionTemplates } from './spire/injection.ts';

/** The name under which Telemetry refers to the collector of traces. */
export const tracingProvider = 'jaeger-otlp';

/** The IstioOperator object of one environment. */
export function istioOperator(environment: Environment): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'install.istio.io/v1alpha1',
    kind: 'IstioOperator',
    metadata: { name: 'meshwright', namespace: environment.rootNamespace },
    spec: {
      profile: 'minimal',
      hub: istioHub,
      tag: istioVersion,
      namespace: environment.rootNamespace,
      meshConfig: meshConfig(environment),
      components: components(),
      values: values(environment),
    },
  };
}

/** Where the proxies send their spans. */
function collectorOf({ collector }: Environment): { readonly service: string; readonly port: number } {
  return collector.kind === 'inCluster'
    ? { service: serviceHost('observability', 'jaeger'), port: 4317 }
    : { service: serviceHost(collector.namespace, collector.service), port: collector.grpcPort };
}

/** Roots of other trust domains, without which their certificates would be refused in the handshake. */
function federatedRoots({ federation }: Environment) {
  if (federation.length === 0) return {};
  return {
    caCertificates: federation.map(({ trustDomain, bundleEndpoint }) => ({
      spiffeBundleUrl: bundleEndpoint,
      trustDomains: [trustDomain],
    })),
  };
}

/** How istiod tells this cluster from the others of the mesh. */
function extentValues({ extent }: Environment) {
  if (extent.kind === 'oneCluster') return {};
  const { meshId, clusterName, network } = extent;
  return { meshID: meshId, multiCluster: { clusterName }, network };
}

function meshConfig(environment: Environment) {
  const { rootNamespace, trustDomain } = environment;
  return {
    rootNamespace,
    trustDomain,
    outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
    // Grants are exact paths under ALLOW, where decoding would only admit more spellings.
    pathNormalization: { normalization: 'MERGE_SLASHES' },
    meshMTLS: { minProtocolVersion: 'TLSV1_3' },
    enablePrometheusMerge: true,
    accessLogFile: '/dev/stdout',
    accessLogEncoding: 'JSON',
    defaultConfig: { holdApplicationUntilProxyStarts: true },
    extensionProviders: [{ name: tracingProvider, opentelemetry: collectorOf(environment) }],
    ...federatedRoots(environment),
    defaultProviders: { tracing: [tracingProvider] },
  };
}

/** The ingress gateway is a Deployment of our own manifests; istioctl installs none. */
function components() {
  return {
    base: { enabled: true },
    cni: { enabled: true, namespace: 'kube-system' },
    pilot: { enabled: true },
    ingressGateways: [{ name: 'istio-ingressgateway', enabled: false }],
    egressGateways: [{ name: 'istio-egressgateway', enabled: false }],
  };
}

function values(environment: Environment) {
  const { identity, istiodReplicas, resources, rootNamespace } = environment;
  return {
    ...(identity.kind === 'spire' ? { sidecarInjectorWebhook: { templates: injectionTemplates(identity) } } : {}),
    global: {
      istioNamespace: rootNamespace,
      ...extentValues(environment),
      variant: 'distroless',
      imagePullPolicy: 'IfNotPresent',
      defaultPodDisruptionBudget: { enabled: istiodReplicas > 1 },
      proxy: { resources: resources.sidecar, logLevel: 'warning' },
    },
    pilot: {
      autoscaleEnabled: false,
      replicaCount: istiodReplicas,
      resources: resources.istiod,
      cni: { enabled: true },
      seccompProfile: { type: 'RuntimeDefault' },
      env: { ENABLE_NATIVE_SIDECARS: 'true', PILOT_JWT_ENABLE_REMOTE_JWKS: 'false', ENABLE_DEBUG_ON_HTTP: 'false' },
    },
    cni: { resources: resources.cni, repair: { enabled: true, repairPods: true, deletePods: false } },
  };
}
