/** What the sidecar of one workload knows and does with the rest: its hosts on every port, and the mode for unknown ones. */
import type { Mesh, Service, Workload } from '../../language/mesh.ts';
import type { Sidecar } from '../../language/traffic.ts';
import { imports, sidecarOf } from '../outbound.ts';

/** True iff both versions let the workload's calls out to the same hosts. */
export function isSameEgress(
  before: { readonly mesh: Mesh; readonly workload: Workload },
  after: { readonly mesh: Mesh; readonly workload: Workload },
  known: readonly Service[],
): boolean {
  const [was, is] = [before, after].map(({ mesh, workload }) => ({ mesh, sidecar: sidecarOf(mesh, workload) }));
  if (was === undefined || is === undefined) return false;
  const modes = [was, is].map(({ mesh, sidecar }) => sidecar?.outboundMode ?? mesh.config.outboundTrafficPolicy);
  if (modes[0] !== modes[1] || externalHosts(was.sidecar) !== externalHosts(is.sidecar)) return false;
  const named = [...known, ...[was.sidecar, is.sidecar].flatMap(namedServices)];
  const services = [...named, ...unnamedServices(named)];
  return services.every((service) =>
    portsOf(service, [was.sidecar, is.sidecar]).every(
      (port) =>
        imports(was.sidecar, before.workload, service, port) === imports(is.sidecar, after.workload, service, port),
    ),
  );
}

/** A Service as far as its host goes. */
function serviceOf(name: string, namespace: string): Service {
  const at = { file: '', path: '', line: 1 };
  return {
    namespace,
    name,
    selector: { kind: 'none' },
    headless: false,
    waypoint: { kind: 'unstated' },
    ports: [],
    createdAt: '',
    at,
  };
}

const CLUSTER_HOST = /^([^.*]+)\.([^.]+)\.svc\.cluster\.local$/;

function hostsOf(sidecar: Sidecar | undefined): readonly { readonly namespace: string; readonly host: string }[] {
  if (sidecar === undefined || sidecar.egress.kind === 'unset') return [];
  return sidecar.egress.listeners.flatMap(({ hosts }) =>
    hosts.map(({ namespace, host }) => ({
      namespace: namespace.kind === 'named' ? namespace.name : namespace.kind,
      host,
    })),
  );
}

/** Services of the cluster that the entries name, declared or not. */
function namedServices(sidecar: Sidecar | undefined): readonly Service[] {
  return hostsOf(sidecar).flatMap(({ host }) => {
    const [, name, namespace] = CLUSTER_HOST.exec(host) ?? [];
    return name === undefined || namespace === undefined ? [] : [serviceOf(name, namespace)];
  });
}

/** One service that nothing names, in each namespace and in one that is not known. */
function unnamedServices(known: readonly Service[]): readonly Service[] {
  const namespaces = new Set([...known.map(({ namespace }) => namespace), 'unnamed-namespace']);
  return [...namespaces].map((namespace) => serviceOf('unnamed-service', namespace));
}

/** Entries of other hosts, as text: whether they exist is not known. */
function externalHosts(sidecar: Sidecar | undefined): string {
  const others = hostsOf(sidecar).filter(({ host }) => host !== '*' && !host.endsWith('.svc.cluster.local'));
  return JSON.stringify(others.map(({ namespace, host }) => `${namespace}/${host}`).toSorted());
}

/** The ports of a service, those of the listeners, and one that nothing names. */
function portsOf(service: Service, sidecars: readonly (Sidecar | undefined)[]): readonly number[] {
  const listened = sidecars.flatMap((sidecar) =>
    sidecar === undefined || sidecar.egress.kind === 'unset'
      ? []
      : sidecar.egress.listeners.flatMap(({ port }) => (port === null ? [] : [port])),
  );
  return [...new Set([...service.ports.map(({ number }) => number), ...listened, 65_000])];
}
