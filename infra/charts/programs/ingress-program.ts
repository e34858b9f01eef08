import type { Program } from '../../constructs/program.ts';
import type { Environment } from '../../environments/index.ts';

/** The ingress gateway: istiod's injector puts in the proxy, its image (`auto`), probes and volumes. */
export function ingressProgram({ resources }: Environment): Program {
  return {
    containerName: 'istio-proxy',
    image: 'auto',
    environment: {},
    ports: [
      { name: 'https', number: 8443 },
      { name: 'status', number: 15_021 },
    ],
    mounts: [],
    readiness: { kind: 'http', port: 15_021, path: '/healthz/ready' },
    liveness: { kind: 'tcp', port: 15_021 },
    resources: resources.gateway,
    uid: 10_001,
    graceSeconds: 60,
    podLabels: { 'sidecar.istio.io/inject': 'true' },
    podAnnotations: { 'inject.istio.io/templates': 'gateway' },
  };
}
