/** Seeded randomness for tests. */

/** A stream of numbers in [0, 1) from a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Draws from a stream. */
export class Draw {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = random(seed);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  integer(below: number): number {
    return Math.floor(this.#next() * below);
  }

  of<T>(values: readonly T[]): T {
    const value = values[this.integer(values.length)];
    if (value === undefined) throw new Error('nothing to draw from');
    return value;
  }

  some<T>(values: readonly T[], most: number): readonly T[] {
    return Array.from({ length: 1 + this.integer(most) }, () => this.of(values));
  }

  list<T>(most: number, make: () => T): readonly T[] {
    return Array.from({ length: this.integer(most + 1) }, make);
  }

  maybe<T>(probability: number, member: string, make: () => T): Readonly<Record<string, T>> {
    return this.chance(probability) ? { [member]: make() } : {};
  }
}
