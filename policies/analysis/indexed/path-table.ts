/** The exact paths that rules name, numbered, so that each request's path is read once. */
import { isPlainPath } from '../normalize.ts';

/** The number of a path that no rule names. */
export const UNNAMED = -1;

/** Numbers paths as rules are indexed, and finds those of requests. */
export class PathTable {
  readonly #known = new Map<string, number>();
  readonly #plain = new Map<string, number>();
  readonly #texts: string[] = [];

  /** The number of a path that a rule names. */
  number(path: string): number {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const number = this.#known.size;
    this.#known.set(path, number);
    this.#texts.push(path);
    if (isPlainPath(path)) this.#plain.set(path, number);
    return number;
  }

  /** The path of that number. */
  text(number: number): string | undefined {
    return this.#texts[number];
  }

  /** The number of a raw path that rules name and that normalization leaves as it is; undefined for all others. */
  tryPlain(raw: string): number | undefined {
    return this.#plain.get(raw);
  }

  /** The number of a normalized path. */
  of(path: string): number {
    return this.#known.get(path) ?? UNNAMED;
  }
}
