/** The proxy's own ports of a workload: no rule stands before them, so whoever NetworkPolicies admit may connect. */
import type { Mesh, NetworkPolicy, Workload } from '../../language/mesh.ts';
import { proxyPortsOf } from '../interception.ts';
import { resolveListener } from '../listener.ts';
import { admitsPort, isolating } from '../network.ts';

/** Ports of one workload that the same rules open. */
export interface OpenPorts {
  readonly destination: { readonly namespace: string; readonly workload: string };
  readonly ports: readonly number[];
  /** The rules of NetworkPolicies that admit somebody; null where none isolates the pod, and everybody may connect. */
  readonly admittedBy: readonly NetworkRulePlace[] | null;
}

/** A rule of a NetworkPolicy, by its place in `spec.ingress`. */
export interface NetworkRulePlace {
  readonly policy: string;
  readonly rule: number;
}

/** The own ports of a workload's proxy, as far as anybody may connect; `mesh` holds its namespace. */
export function openPorts(mesh: Mesh, workload: Workload): readonly OpenPorts[] {
  const destination = { namespace: workload.namespace, workload: workload.name };
  const policies = isolating(mesh, workload, 'ingress');
  const groups = new Map<string, OpenPorts & { readonly ports: number[] }>();
  for (const port of proxyPortsOf(workload)) {
    const listener = resolveListener(mesh, workload, port);
    if (listener.kind !== 'unguarded' || listener.whose !== 'proxy') continue;
    const admittedBy = policies.length === 0 ? null : policies.flatMap((policy) => rulesFor(policy, workload, port));
    if (admittedBy?.length === 0) continue;
    const key = JSON.stringify(admittedBy);
    const group = groups.get(key) ?? { destination, ports: [], admittedBy };
    groups.set(key, group);
    group.ports.push(port);
  }
  return [...groups.values()];
}

function rulesFor(policy: NetworkPolicy, target: Workload, port: number): readonly NetworkRulePlace[] {
  const { ingress, namespace, name } = policy;
  if (ingress.kind !== 'isolated') return [];
  return ingress.rules.flatMap((rule, index) =>
    admitsPort(rule, { target, port }) ? [{ policy: `${namespace}/${name}`, rule: index }] : [],
  );
}
