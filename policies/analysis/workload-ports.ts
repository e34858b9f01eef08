/** The ports of a workload, as far as manifests tell. */
import type { Mesh, Workload } from '../language/mesh.ts';
import type { ServiceEntry } from '../language/traffic.ts';
import { holdsLabels } from './attachment.ts';
import { servicePorts } from './listener.ts';
import { inNamespace } from './namespaced.ts';

const known = new WeakMap<Workload, readonly number[]>();

/** The ServiceEntries whose hosts lead to the pods of a workload. */
export function entriesOf(
  { serviceEntries }: Pick<Mesh, 'serviceEntries'>,
  { namespace, labels }: Workload,
): readonly ServiceEntry[] {
  return inNamespace(serviceEntries, namespace).filter(
    ({ pods }) => pods.kind === 'labels' && holdsLabels(labels, pods.labels),
  );
}

/** The TCP ports that containers declare or Services and ServiceEntries lead to, ascending; kept for each workload. */
export function portsOf(mesh: Mesh, workload: Workload): readonly number[] {
  const kept = known.get(workload);
  if (kept !== undefined) return kept;
  const declared = workload.ports.filter(({ protocol }) => protocol === 'TCP').map(({ number }) => number);
  const targets = inNamespace(mesh.services, workload.namespace).flatMap(({ ports }) =>
    ports.flatMap(({ target }) => (target.kind === 'number' ? [target.number] : [])),
  );
  const reached = [...new Set(targets)].filter((port) => servicePorts(mesh, workload, port).length > 0);
  const led = entriesOf(mesh, workload).flatMap(({ ports: own }) => own.map(({ target }) => target));
  const ports = [...new Set([...declared, ...reached, ...led])].toSorted((left, right) => left - right);
  known.set(workload, ports);
  return ports;
}
