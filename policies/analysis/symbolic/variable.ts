/** One attribute of requests as levels of a diagram. */
import type { Diagrams, Node } from './diagram.ts';

/** An attribute whose values are split into atoms: classes that no test separates. */
export interface Variable<Value> {
  readonly name: string;
  /** The number of atoms of each level; atom 0 is the class of whatever nothing names. */
  readonly levels: readonly number[];
  /** The diagram of one test, by the test's key; the variable's levels begin at `first`. */
  node(diagrams: Diagrams, first: number, key: string): Node;
  /** The atom of each level for a value. */
  encode(value: Value): readonly number[];
  /** A value of the class; levels behind one that settles the class do not matter. */
  decode(atoms: readonly number[]): Value;
  /** The class in words: its only value, or a pattern. */
  describe(atoms: readonly number[]): Description;
}

/** A class of values: `exact` when it holds one value that something names. */
export interface Description {
  readonly exact: boolean;
  readonly text: string;
}

/** The key of a test among those of its variable. */
export function keyOf(test: object): string {
  return exactKey(test) ?? JSON.stringify(test);
}

/** Nearly all tests of a mesh compare one whole word; JSON of each, made again at every use, was a seventh of a proof. */
function exactKey(test: object): string | undefined {
  if (!('kind' in test)) {
    if (!('on' in test && 'pattern' in test) || (test.on !== 'path' && test.on !== 'peer')) return undefined;
    const inner = typeof test.pattern === 'object' && test.pattern !== null ? exactKey(test.pattern) : undefined;
    return inner === undefined ? undefined : `${test.on}${inner}`;
  }
  if (test.kind === 'exact' && 'value' in test) return `=${String(test.value)}`;
  if (test.kind !== 'principal' || !('pattern' in test)) return undefined;
  const inner = typeof test.pattern === 'object' && test.pattern !== null ? exactKey(test.pattern) : undefined;
  return inner === undefined ? undefined : `principal${inner}`;
}

/** A variable with few named values; each value but the first has a test `is`. */
export class EnumVariable implements Variable<string> {
  readonly name: string;
  readonly levels: readonly number[];
  readonly #values: readonly string[];

  constructor(name: string, values: readonly string[]) {
    this.name = name;
    this.levels = [values.length];
    this.#values = values;
  }

  node(diagrams: Diagrams, first: number, key: string): Node {
    const value = this.#values.indexOf(key);
    if (value < 0) throw new Error(`variable \`${this.name}\` has no value \`${key}\``);
    if (value > 0) return diagrams.node(first, diagrams.never, [value], [diagrams.always]);
    const others = this.#values.slice(1).map((_, index) => index + 1);
    return diagrams.node(
      first,
      diagrams.always,
      others,
      others.map(() => diagrams.never),
    );
  }

  encode(value: string): readonly number[] {
    return [Math.max(0, this.#values.indexOf(value))];
  }

  decode(atoms: readonly number[]): string {
    return this.#values[atoms[0] ?? 0] ?? '';
  }

  describe(atoms: readonly number[]): Description {
    return { exact: true, text: this.decode(atoms) };
  }
}
