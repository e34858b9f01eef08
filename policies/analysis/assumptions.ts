/** What could change a workload's verdicts and is not modelled. */
import type { Mesh, Workload } from '../language/mesh.ts';
import { applicable } from './attachment.ts';
import { injectionOf } from './listener.ts';
import { tryFindNamespace } from './namespace.ts';
import { tokenHeaderAssumptions } from './token-headers.ts';

const OPAQUE_KINDS: ReadonlySet<string> = new Set(['EnvoyFilter', 'WasmPlugin']);

/** The assumptions of every verdict at this workload. */
export function assumptionsOf(mesh: Mesh, workload: Workload): readonly string[] {
  const opaque = applicable(
    mesh.unmodelled.filter((document) => OPAQUE_KINDS.has(document.kind)),
    mesh,
    workload,
  );
  return [
    ...opaque.map(({ kind, namespace, name }) => `${kind} \`${namespace}/${name}\` does not change the verdict`),
    ...injectionAssumptions(mesh, workload),
    ...tokenHeaderAssumptions(mesh, workload),
  ];
}

/** The assumption that a workload without any word about injection has a sidecar. */
export function injectionAssumptions(mesh: Mesh, workload: Workload): readonly string[] {
  const name = `\`${workload.namespace}/${workload.name}\``;
  const namespace = tryFindNamespace(mesh, workload.namespace);
  if (namespace?.labels['istio.io/dataplane-mode'] === 'ambient')
    return [`${name} runs a sidecar although its namespace is ambient`];
  return injectionOf(mesh, workload) === 'unstated' ? [`a sidecar is injected into ${name}: no label says so`] : [];
}
