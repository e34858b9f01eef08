/** Finds namespaces by name: every call between workloads asks for two, and a mesh has many. */
import type { Mesh, Namespace } from '../language/mesh.ts';

const known = new WeakMap<readonly Namespace[], ReadonlyMap<string, Namespace>>();

/** The namespace of that name, the first where several have it. */
export function tryFindNamespace({ namespaces }: Pick<Mesh, 'namespaces'>, name: string): Namespace | undefined {
  let byName = known.get(namespaces);
  if (byName === undefined) {
    byName = new Map(namespaces.toReversed().map((namespace) => [namespace.name, namespace]));
    known.set(namespaces, byName);
  }
  return byName.get(name);
}
