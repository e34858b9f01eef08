/** Word-valued attributes under any tests: the atoms of the automaton, one value or a set of them. */
import type { WordSpace } from './affix-variable.ts';
import { BudgetExceeded, type Diagrams, type Node } from './diagram.ts';
import type { Description, Variable } from './variable.ts';
import { WordAtoms } from './word-atoms.ts';
import type { WordTest } from './word-test.ts';

/** One word, or none where absence is possible. */
export class AtomVariable implements Variable<string | null> {
  readonly name: string;
  readonly levels: readonly number[];
  readonly #atoms: WordAtoms;
  readonly #missing: number;

  constructor(name: string, tests: ReadonlyMap<string, WordTest>, space: WordSpace) {
    this.name = name;
    this.#atoms = new WordAtoms(tests, space);
    const count = this.#atoms.witnesses.length;
    this.#missing = space.absence === 'possible' ? count : -1;
    this.levels = [this.#missing < 0 ? count : count + 1];
  }

  node(diagrams: Diagrams, first: number, key: string): Node {
    const signs = this.#atoms.accepting(key);
    const rest = signs.slice(1).map((_, index) => index + 1);
    const terminal = (sign: boolean | undefined) => (sign === true ? diagrams.always : diagrams.never);
    const values = this.#missing < 0 ? rest : [...rest, this.#missing];
    return diagrams.node(
      first,
      terminal(signs[0]),
      values,
      values.map((value) => terminal(signs[value])),
    );
  }

  /** The node that is true where the attribute is there. */
  present(diagrams: Diagrams, first: number): Node {
    if (this.#missing < 0) return diagrams.always;
    return diagrams.node(first, diagrams.always, [this.#missing], [diagrams.never]);
  }

  encode(value: string | null): readonly number[] {
    return [value === null ? this.#missing : this.#atoms.of(value)];
  }

  decode([atom = 0]: readonly number[]): string | null {
    return atom === this.#missing ? null : (this.#atoms.witnesses[atom] ?? '');
  }

  describe([atom = 0]: readonly number[]): Description {
    return atom === this.#missing ? { exact: true, text: '' } : this.#atoms.describe(atom);
  }
}

/** Classes of elements become levels of diagrams. */
export const MOST_ELEMENTS = 400;

/**
 * A set of words, of which a test accepts some element: one level with two atoms for each class of elements that a
 * test names. With `presence` one more level in front tells an empty set from none at all (value null).
 */
export class SetVariable implements Variable<readonly string[] | null> {
  readonly name: string;
  readonly levels: readonly number[];
  readonly #atoms: WordAtoms;
  readonly #elements: readonly number[];
  readonly #offset: 0 | 1;

  constructor(name: string, tests: ReadonlyMap<string, WordTest>, space: WordSpace) {
    this.name = name;
    this.#atoms = new WordAtoms(tests, space);
    this.#elements = this.#atoms.witnesses.flatMap((_, index) => (this.#atoms.isNamed(index) ? [index] : []));
    if (this.#elements.length > MOST_ELEMENTS)
      throw new BudgetExceeded(`${this.#elements.length} classes of elements of ${name}`);
    this.#offset = space.absence === 'possible' ? 1 : 0;
    this.levels = new Array<number>(this.#elements.length + this.#offset).fill(2);
  }

  node(diagrams: Diagrams, first: number, key: string): Node {
    const signs = this.#atoms.accepting(key);
    const accepted = this.#elements.flatMap((atom, index) =>
      signs[atom] === true ? [first + this.#offset + index] : [],
    );
    const contained = diagrams.some(
      accepted.map((level) => diagrams.node(level, diagrams.never, [1], [diagrams.always])),
    );
    return this.#offset === 0 ? contained : diagrams.and(this.present(diagrams, first), contained);
  }

  /** The node that is true where the attribute is there. */
  present(diagrams: Diagrams, first: number): Node {
    return this.#offset === 0 ? diagrams.always : diagrams.node(first, diagrams.always, [1], [diagrams.never]);
  }

  encode(value: readonly string[] | null): readonly number[] {
    const atoms = new Set((value ?? []).map((element) => this.#atoms.of(element)));
    const presence = this.#offset === 0 ? [] : [value === null ? 1 : 0];
    return [...presence, ...this.#elements.map((atom) => Number(atoms.has(atom)))];
  }

  decode(atoms: readonly number[]): readonly string[] | null {
    if (this.#offset === 1 && atoms[0] === 1) return null;
    return this.#elements.flatMap((atom, index) =>
      atoms[index + this.#offset] === 1 ? [this.#atoms.witnesses[atom] ?? ''] : [],
    );
  }

  describe(atoms: readonly number[]): Description {
    return { exact: false, text: (this.decode(atoms) ?? []).join(', ') };
  }
}
