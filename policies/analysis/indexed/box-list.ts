/** Boxes in the order of their rules: few are tried one by one, many are looked up by path. */
import type { Box } from './cut-rule.ts';
import type { Query } from './query.ts';

/** Up to here, comparing one by one touches less memory than a map. */
const FEW = 8;

/** A box that knows the next one: a list of its own would be two more places in memory. */
export interface Link extends Box {
  next: Link | null;
}

/** The boxes under one key. */
export class BoxList {
  /** All boxes while they are few, then those that name no path. */
  #first: Link | null = null;
  #last: Link | null = null;
  #count = 0;
  #byPath: Map<number, BoxList> | null = null;

  /** Adds a box; boxes come in the order of their rules. */
  add(box: Box): void {
    if (this.#byPath !== null && box.path !== null) {
      this.#under(this.#byPath, box.path).#append(box);
      return;
    }
    this.#append(box);
    if (this.#byPath === null && this.#count > FEW) this.#splitByPath();
  }

  /** True iff it holds no box. */
  isEmpty(): boolean {
    return this.#first === null && this.#byPath === null;
  }

  /** The box of the lowest rule before that of `best` that covers the query, else `best`. */
  firstMatch(query: Query, best: Box | null): Box | null {
    const listed = firstOf(this.#first, query, best);
    if (this.#byPath === null) return listed;
    const ofPath = this.#byPath.get(query.pathNumber);
    return ofPath === undefined ? listed : firstOf(ofPath.#first, query, listed);
  }

  /** The first of all boxes while they are few, which is then all that needs to be known. */
  tryFew(): Link | undefined {
    return this.#byPath === null ? (this.#first ?? undefined) : undefined;
  }

  #append(box: Box): void {
    const link: Link = { ...box, next: null };
    if (this.#last === null) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.#count += 1;
  }

  #splitByPath(): void {
    let link = this.#first;
    this.#first = null;
    this.#last = null;
    this.#count = 0;
    this.#byPath = new Map();
    for (; link !== null; link = link.next) {
      if (link.path === null) this.#append(link);
      else this.#under(this.#byPath, link.path).#append(link);
    }
  }

  #under(byPath: Map<number, BoxList>, path: number): BoxList {
    const list = byPath.get(path) ?? new BoxList();
    byPath.set(path, list);
    return list;
  }
}

/** As `firstMatch`, over the boxes from `first` on. */
export function firstOf(first: Link | null, query: Query, best: Box | null): Box | null {
  for (let box = first; box !== null; box = box.next) {
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
