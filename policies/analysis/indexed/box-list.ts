/** Boxes in the order of their rules: few are tried one by one, many are looked up by path. */
import type { Box } from './cut-rule.ts';
import type { Query } from './query.ts';

/** Up to here, comparing one by one touches less memory than a map. */
const FEW = 8;

/** The boxes under one key. */
export class BoxList {
  /** All boxes while they are few, then those that name no path. */
  #listed: Box[] = [];
  #byPath: Map<number, Box[]> | null = null;

  /** Adds a box; boxes come in the order of their rules. */
  add(box: Box): void {
    if (this.#byPath === null) {
      this.#listed.push(box);
      if (this.#listed.length > FEW) this.#splitByPath();
    } else if (box.path === null) this.#listed.push(box);
    else append(this.#byPath, box.path, box);
  }

  /** The box of the lowest rule before that of `best` that covers the query, else `best`. */
  firstMatch(query: Query, best: Box | null): Box | null {
    const listed = firstOf(this.#listed, query, best);
    return this.#byPath === null ? listed : firstOf(this.#byPath.get(query.pathNumber), query, listed);
  }

  #splitByPath(): void {
    const byPath = new Map<number, Box[]>();
    const others: Box[] = [];
    for (const box of this.#listed) {
      if (box.path === null) others.push(box);
      else append(byPath, box.path, box);
    }
    this.#listed = others;
    this.#byPath = byPath;
  }
}

function append(map: Map<number, Box[]>, key: number, box: Box): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [box]);
  else list.push(box);
}

function firstOf(boxes: readonly Box[] | undefined, query: Query, best: Box | null): Box | null {
  if (boxes === undefined) return best;
  for (const box of boxes) {
    if (best !== null && box.number >= best.number) return best;
    if (matches(box, query)) return box;
  }
  return best;
}

function matches(box: Box, query: Query): boolean {
  if (box.path !== null && box.path !== query.pathNumber) return false;
  if (box.method !== null && box.method !== query.http.method) return false;
  if (box.tests === null) return true;
  for (const test of box.tests) if (!test(query)) return false;
  return true;
}
