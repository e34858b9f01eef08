/** How proxies are told to take their certificates from SPIRE's agent. */
import { printYaml } from '#policies/language/print.ts';
import type { Program } from '../../constructs/program.ts';
import type { Identity, SpireIdentity } from '../../environments/index.ts';
import { csiDriver, managedLabel, socketFileOf } from './names.ts';

const volume = 'workload-socket';

/** The injector's own mount has this path, and mounts are merged by path: every byte counts. */
const mountPath = '/var/run/secrets/workload-spiffe-uds';

/**
 * One overlay that the injector merges into a pod, for a proxy that is a container of the given list. A native sidecar
 * is an init container: an overlay of `containers` would add a second proxy without an image.
 */
function overlay(list: 'initContainers' | 'containers', identity: SpireIdentity): string {
  const proxy = {
    name: 'istio-proxy',
    env: [{ name: 'WORKLOAD_IDENTITY_SOCKET_FILE', value: socketFileOf(identity) }],
    volumeMounts: [{ name: volume, mountPath, readOnly: true }],
  };
  return printYaml({
    metadata: { labels: { [managedLabel]: 'true' } },
    spec: { [list]: [proxy], volumes: [{ name: volume, csi: { driver: csiDriver, readOnly: true } }] },
  });
}

/** The injector's further templates by name: `spire` for native sidecars, `spire-gateway` for a gateway, whose proxy is its program. */
export function injectionTemplates(identity: SpireIdentity): Readonly<Record<string, string>> {
  return { spire: overlay('initContainers', identity), 'spire-gateway': overlay('containers', identity) };
}

/**
 * A program whose proxy takes its certificates from the environment's issuer. For SPIRE its pod names the templates and
 * carries the label that registrations select by.
 */
export function withIssuer(program: Program, proxy: 'sidecar' | 'gateway', identity: Identity): Program {
  if (identity.kind === 'istio') return program;
  const templates = proxy === 'gateway' ? 'gateway,spire-gateway' : 'sidecar,spire';
  return {
    ...program,
    podLabels: { ...program.podLabels, [managedLabel]: 'true' },
    podAnnotations: { ...program.podAnnotations, 'inject.istio.io/templates': templates },
  };
}
