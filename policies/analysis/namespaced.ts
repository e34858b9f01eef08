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

/** Where objects stand, by the first label that they ask for; undefined for those that ask for none. */
type ByLabel = ReadonlyMap<string | undefined, readonly number[]>;

const indexes = new WeakMap<readonly unknown[], ByLabel>();

/**
 * The objects of a list without those that ask for a label that is not there, in their order; `wantedOf` is what an
 * object asks for, the same at every call with the list, which must not change afterwards.
 */
export function perhapsSelecting<T>(
  objects: readonly T[],
  labels: Labels,
  wantedOf: (object: T) => Labels | undefined,
): readonly T[] {
  if (objects.length < FEW) return objects;
  const index = indexes.get(objects) ?? indexOf(objects, wantedOf);
  indexes.set(objects, index);
  const places: number[] = [];
  for (const key of new Set([undefined, ...Object.entries(labels).map(keyOfLabel)]))
    for (const place of index.get(key) ?? []) places.push(place);
  return places.sort((left, right) => left - right).flatMap((place) => objects[place] ?? []);
}

/** Two labels may have one key: it is asked again then whether the label is there. */
const keyOfLabel = ([key, value]: readonly [string, string]): string => `${key}=${value}`;

function indexOf<T>(objects: readonly T[], wantedOf: (object: T) => Labels | undefined): ByLabel {
  const keys = objects.map((object) => Object.entries(wantedOf(object) ?? {}).map(keyOfLabel)[0]);
  return Map.groupBy(keys.keys(), (place) => keys[place]);
}
