/** Ways from outside through gateways, end to end, that one version has and the other has not. */
import { type OutsideWay, type OutsideWays, outsideWays } from './outside.ts';
import type { PreparedMesh } from './prepared.ts';

/** A class of calls from outside that goes all the way in one version only. */
export interface OutsideChange {
  readonly change: 'added' | 'removed';
  readonly way: OutsideWay;
}

/** The ways that a change opens and closes; that the route which carries them stands elsewhere is no change. */
export function outsideChanges(before: PreparedMesh, after: PreparedMesh, unknown: string[]): readonly OutsideChange[] {
  if (before.mesh.gateways.length + after.mesh.gateways.length === 0) return [];
  const [was, is] = [waysOf(before), waysOf(after)];
  for (const each of [...was.unknown, ...is.unknown]) unknown.push(each);
  return [...beyond(was, is, 'removed'), ...beyond(is, was, 'added')];
}

const known = new WeakMap<PreparedMesh, OutsideWays>();

/** Kept with the version: the next comparison asks again. */
function waysOf(version: PreparedMesh): OutsideWays {
  const found = known.get(version) ?? outsideWays(version.mesh, version.profile);
  known.set(version, found);
  return found;
}

function beyond({ ways }: OutsideWays, other: OutsideWays, change: OutsideChange['change']): readonly OutsideChange[] {
  const others = new Set(other.ways.map(keyOf));
  const own = new Map(ways.map((way) => [keyOf(way), way]));
  return [...own].flatMap(([key, way]) => (others.has(key) ? [] : [{ change, way }]));
}

function keyOf({ via: _, ...way }: OutsideWay): string {
  return JSON.stringify(way);
}
