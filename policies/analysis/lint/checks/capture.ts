/** Traffic that no sidecar sees, and ports of the proxy itself that Services lead to. Source: semantics.md 9, 12; threats.md 6.9, 6.25. */
import type { Protocol, Workload } from '../../../language/mesh.ts';
import { isInMesh } from '../../ambient/capture.ts';
import { holdsLabels } from '../../attachment.ts';
import { proxyPortsOf } from '../../interception.ts';
import { targetNumber } from '../../listener.ts';
import { inNamespace } from '../../namespaced.ts';
import { isolating } from '../../network.ts';
import { atObject, type Context, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

const UNSEEN: readonly Protocol[] = ['UDP', 'SCTP'];

/** Ports of other protocols than TCP, which are redirected nowhere, at pods whose network is open. */
function* uncaptured({ mesh }: Context): Generator<Sighting> {
  for (const workload of mesh.workloads) {
    const port = workload.ports.find(({ protocol }) => UNSEEN.includes(protocol));
    if (port === undefined || !isInMesh(mesh, workload)) continue;
    if (isolating(mesh, workload, 'ingress').length === 0)
      yield atObject(
        workload.kind,
        workload,
        `port ${port.number}/${port.protocol} of \`${workload.namespace}/${workload.name}\` passes no proxy, and no NetworkPolicy says who may send`,
      );
  }
}

/** Envoy's administration, which listens on loopback only until somebody changes that. */
const ADMIN = 15000;
/** Load balancers ask it whether a gateway lives. */
const HEALTH = 15021;

function* exposedProxies({ mesh }: Context): Generator<Sighting> {
  for (const service of mesh.services) {
    const { selector } = service;
    if (selector.kind === 'none') continue;
    const selected = inNamespace(mesh.workloads, service.namespace).filter(({ labels }) =>
      holdsLabels(labels, selector.labels),
    );
    for (const port of service.ports) {
      const workload = selected.find((each) => isProxys(each, targetNumber(port, each)));
      if (workload !== undefined)
        yield atObject(
          'Service',
          service,
          `port ${port.number} leads to port ${targetNumber(port, workload)} of the proxy of \`${workload.namespace}/${workload.name}\``,
        );
    }
  }
}

function isProxys(workload: Workload, port: number | undefined): boolean {
  return port !== undefined && port !== HEALTH && [ADMIN, ...proxyPortsOf(workload)].includes(port);
}

/** Checks of what sidecars do not see. */
export const CAPTURE: readonly MeshCheck[] = [
  {
    code: 'enforcement/uncaptured-protocol',
    severity: 'warning',
    title: 'a protocol that no sidecar sees is open',
    resolution:
      'Only TCP is redirected to the sidecar. UDP and SCTP reach the program as they come, without mTLS and without any rule, and here no NetworkPolicy isolates the pod. Isolate it for ingress and admit the senders by name.',
    find: uncaptured,
  },
  {
    code: 'service/proxy-port',
    severity: 'warning',
    title: 'a Service leads to the proxy itself',
    resolution:
      'The ports 15000, 15020 and 15090 are administration, merged metrics and statistics of the proxy, 15008 its tunnel: no rule is asked there. Scrapers reach pods directly and need no Service. Remove the port, and let a NetworkPolicy admit the scraper alone. The health port 15021 of gateways is not reported.',
    find: exposedProxies,
  },
];
