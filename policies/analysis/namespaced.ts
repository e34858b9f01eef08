/**
 * Objects by namespace, and within it by a label that they select: nearly every question about a workload is one about
 * its own namespace, where a few of thousands of objects select it.
 */
import type { Labels } from '../language/mesh.ts';

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

interface ByLabel {
  /** Where the objects stand that ask for a label, by the first that they ask for. */
  readonly places: ReadonlyMap<string, readonly number[]>;
  /** Where those stand that ask for none. */
  readonly others: readonly number[];
}

const indexes = new WeakMap<readonly unknown[], ByLabel>();

/**
 * The objects of a list without those that ask for a label that is not there, in their order; `wantedOf` is what an
 * object asks for, the same at every call with the list, which must not change afterwards.
 */
export function perhapsSelecting<T>(
  objects: readonly T[],
  labels: Labels,
  wantedOf: (object: T) => Labels,
): readonly T[] {
  if (objects.length < FEW) return objects;
  const index = indexes.get(objects) ?? indexOf(objects, wantedOf);
  indexes.set(objects, index);
  const places = [...index.others];
  for (const key of new Set(Object.entries(labels).map(keyOfLabel))) places.push(...(index.places.get(key) ?? []));
  return places.sort((left, right) => left - right).flatMap((place) => objects[place] ?? []);
}

/** Two labels may have one key: it is asked again then whether the label is there. */
const keyOfLabel = ([key, value]: readonly [string, string]): string => `${key}=${value}`;

function indexOf<T>(objects: readonly T[], wantedOf: (object: T) => Labels): ByLabel {
  const places = new Map<string, number[]>();
  const others: number[] = [];
  for (const [place, object] of objects.entries()) {
    const [first] = Object.entries(wantedOf(object));
    if (first === undefined) {
      others.push(place);
      continue;
    }
    const key = keyOfLabel(first);
    const known = places.get(key);
    if (known === undefined) places.set(key, [place]);
    else known.push(place);
  }
  return { places, others };
}
