import type { Environment } from './environment.ts';

/** A real cluster: two replicas or more of whatever keeps no state, room to breathe, one request in a hundred traced. */
export const production: Environment = {
  name: 'production',
  trustDomain: 'trading.local',
  identity: { kind: 'istio' },
  federation: [],
  rootNamespace: 'istio-system',
  users: {
    issuer: 'https://idp.trading.example',
    audiences: ['trading'],
    // Nobody holds the private half of the key in this file: until it is replaced, no token is valid.
    jwksFile: 'infra/environments/production.jwks.json',
  },
  ingress: {
    host: 'api.trading.example',
    credentialName: 'ingress-tls',
    exposure: { kind: 'loadBalancer' },
  },
  images: { registry: 'registry.trading.example/meshwright', tag: '0.1.0' },
  replicas: { kind: 'scaled', minimum: 2, maximum: 6, cpuPercent: 70 },
  resources: {
    service: { requests: { cpu: '250m', memory: '256Mi' }, limits: { cpu: '2', memory: '512Mi' } },
    postgres: { requests: { cpu: '1', memory: '2Gi' }, limits: { cpu: '4', memory: '4Gi' } },
    jaeger: { requests: { cpu: '250m', memory: '512Mi' }, limits: { cpu: '1', memory: '1Gi' } },
    gateway: { requests: { cpu: '250m', memory: '256Mi' }, limits: { cpu: '2', memory: '1Gi' } },
    sidecar: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '2', memory: '1Gi' } },
    istiod: { requests: { cpu: '500m', memory: '2Gi' }, limits: { cpu: '2', memory: '4Gi' } },
    cni: { requests: { cpu: '100m', memory: '100Mi' }, limits: { cpu: '1', memory: '256Mi' } },
  },
  istiodReplicas: 2,
  database: { kind: 'inCluster', name: 'trading', storage: '100Gi' },
  collector: { kind: 'inCluster' },
  extent: { kind: 'oneCluster' },
  delivery: {
    kind: 'argoCd',
    repository: 'https://git.trading.example/platform/manifests.git',
    revision: 'main',
    path: 'production/manifests',
    namespace: 'argocd',
  },
  tracingPercentage: 1,
  drainMs: 5000,
};
