/** The guard on a workload's outgoing calls: what its sidecar lets out, and which outside hosts the mesh knows. */
import type { Mesh, OutboundMode, Workload } from '../../../language/mesh.ts';
import { hostOf, imports, sidecarOf } from '../../outbound.ts';
import type { PreparedWorkload } from '../prepared.ts';
import type { Pair } from '../sides.ts';
import { listed, type Weakening, weakening } from './weakening.ts';

/** The caller's guard: REGISTRY_ONLY given up, or more Services in its registry. */
export function weakenedEgress(pair: Pair, was: PreparedWorkload, is: PreparedWorkload): readonly Weakening[] {
  const [before, after] = [pair.before.mesh, pair.after.mesh];
  const [mode, now] = [modeOf(before, was.workload), modeOf(after, is.workload)];
  if (mode === 'REGISTRY_ONLY' && now === 'ALLOW_ANY')
    return [weakening('egress-guard', pair.name, 'outbound traffic REGISTRY_ONLY became ALLOW_ANY')];
  if (now === 'ALLOW_ANY' || was.numbers.sidecar === is.numbers.sidecar) return [];
  const [sidecar, current] = [sidecarOf(before, was.workload), sidecarOf(after, is.workload)];
  const known = new Set(before.services.map(({ namespace, name }) => `${namespace}/${name}`));
  const opened = after.services.flatMap((service) => {
    if (!known.has(`${service.namespace}/${service.name}`)) return [];
    const ports = service.ports.filter(
      ({ number }) =>
        imports(current, is.workload, service, number) && !imports(sidecar, was.workload, service, number),
    );
    return ports.map(({ number }) => `${hostOf(service)}:${number}`);
  });
  if (opened.length === 0) return [];
  return [weakening('egress-guard', pair.name, `its sidecar knows ${listed(opened.toSorted())} as well`)];
}

function modeOf(mesh: Mesh, workload: Workload): OutboundMode {
  return sidecarOf(mesh, workload)?.outboundMode ?? mesh.config.outboundTrafficPolicy;
}

/** Hosts outside the mesh that ServiceEntries add to the registry. */
export function weakenedRegistry(before: Mesh, after: Mesh): readonly Weakening[] {
  const known = new Set(outsideHosts(before).map(({ host }) => host));
  return outsideHosts(after)
    .filter(({ host }) => !known.has(host))
    .map(({ host, by }) => weakening('egress-guard', null, `ServiceEntry \`${by}\` adds the outside host \`${host}\``));
}

function outsideHosts({ serviceEntries }: Mesh): readonly { readonly host: string; readonly by: string }[] {
  return serviceEntries
    .filter(({ location }) => location === 'MESH_EXTERNAL')
    .flatMap(({ namespace, name, hosts, ports }) =>
      hosts.flatMap((host) => ports.map(({ number }) => ({ host: `${host}:${number}`, by: `${namespace}/${name}` }))),
    );
}
