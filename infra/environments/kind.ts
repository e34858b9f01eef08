import type { Environment } from './environment.ts';

const small = { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '500m', memory: '256Mi' } };

/** One node on a laptop: smallest requests, one replica each, every request traced. The local mesh runs this one. */
export const kind: Environment = {
  name: 'kind',
  trustDomain: 'trading.local',
  identity: { kind: 'istio' },
  federation: [],
  rootNamespace: 'istio-system',
  users: {
    issuer: 'https://idp.trading.local',
    audiences: ['trading'],
    jwksFile: '.meshwright/keys/jwks.json',
  },
  ingress: {
    host: 'api.trading.local',
    credentialName: 'ingress-tls',
    // kind-config.yaml maps this port of the node to 8443 of the host.
    exposure: { kind: 'nodePort', nodePort: 30443 },
  },
  images: { registry: 'localhost/meshwright', tag: '0.1.0' },
  replicas: { kind: 'fixed', replicas: 1 },
  resources: {
    service: { requests: { cpu: '20m', memory: '128Mi' }, limits: { cpu: '1', memory: '256Mi' } },
    postgres: { requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '1', memory: '512Mi' } },
    jaeger: { requests: { cpu: '50m', memory: '256Mi' }, limits: { cpu: '1', memory: '512Mi' } },
    gateway: small,
    sidecar: small,
    istiod: { requests: { cpu: '50m', memory: '256Mi' }, limits: { cpu: '1', memory: '512Mi' } },
    cni: small,
  },
  istiodReplicas: 1,
  database: { kind: 'inCluster', name: 'trading', storage: '1Gi' },
  collector: { kind: 'inCluster' },
  extent: { kind: 'oneCluster' },
  delivery: { kind: 'applied' },
  tracingPercentage: 100,
  drainMs: 2000,
};
