/** Objects by namespace: nearly every question about a workload is one about its own namespace, and a mesh has many. */

const known = new WeakMap<readonly unknown[], ReadonlyMap<string, readonly unknown[]>>();
/** Shorter lists are gone through faster than looked up. */
const FEW = 16;

/** The objects of one namespace, in their order. The list must not change afterwards: what is in it is remembered. */
export function inNamespace<T extends { readonly namespace: string }>(
  objects: readonly T[],
  namespace: string,
): readonly T[] {
  if (objects.length < FEW) return objects.filter((object) => object.namespace === namespace);
  let groups = known.get(objects) as ReadonlyMap<string, readonly T[]> | undefined;
  if (groups === undefined) {
    groups = Map.groupBy(objects, (object) => object.namespace);
    known.set(objects, groups);
  }
  return groups.get(namespace) ?? [];
}
