/**
 * Numbers for what objects say: equal numbers iff equal content, wherever it stands in files. Contents are compared
 * whole, never by a hash, since a collision would hide a change.
 */
export class Numbering {
  readonly #numbers = new Map<string, number>();
  readonly #known = new WeakMap<object, number>();

  /** The number of an object of the model; places in files are left out. */
  of(value: object): number {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const made = this.#numberOf(JSON.stringify(value, withoutPlace));
    this.#known.set(value, made);
    return made;
  }

  /** The number of a sequence. */
  sequence(parts: readonly (number | string)[]): number {
    return this.#numberOf(`(${JSON.stringify(parts)}`);
  }

  #numberOf(text: string): number {
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    return number;
  }
}

/**
 * Labels may be called `at` as well, but hold text. What holds a place is copied without it: a place that
 * `JSON.stringify` meets first writes itself out, and looks for its line in the file for that.
 */
function withoutPlace(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('at' in value) || typeof value.at !== 'object') return value;
  const { at: _, ...rest } = value;
  return rest;
}
