/** The classes of words that some tests tell apart, each with a word to show for it. */
import type { WordSpace } from './affix-variable.ts';
import type { Description } from './variable.ts';
import { wordAtoms } from './word-automaton.ts';
import { contains } from './word-domain.ts';
import type { WordTest } from './word-test.ts';

/** The atoms of some tests with a word each: what variables of one word and of sets of words share. */
export class WordAtoms {
  readonly witnesses: readonly string[];
  readonly #tests: readonly WordTest[];
  readonly #signs: readonly (readonly boolean[])[];
  readonly #bySigns: ReadonlyMap<string, number>;

  /** The first atom is the class that no test accepts, where there is one. */
  constructor(tests: ReadonlyMap<string, WordTest>, space: WordSpace) {
    this.#tests = [...tests.values()];
    const found = wordAtoms(
      this.#tests.map((test) => test.words()),
      space.domain,
    );
    const shown = new Map<string, string>();
    for (const candidate of space.candidates) {
      const key = this.#signsOf(candidate);
      if (contains(space.domain, candidate) && !shown.has(key)) shown.set(key, candidate);
    }
    const rank = ({ accepted }: { readonly accepted: readonly boolean[] }) => accepted.filter(Boolean).length;
    const sorted = found.toSorted((left, right) => rank(left) - rank(right));
    this.#signs = sorted.map(({ accepted }) => accepted);
    this.witnesses = sorted.map(({ witness, accepted }) => shown.get(accepted.map(Number).join('')) ?? witness);
    this.#bySigns = new Map(sorted.map(({ accepted }, index) => [accepted.map(Number).join(''), index]));
    for (const [index, witness] of this.witnesses.entries()) {
      if (this.#signsOf(witness) !== this.#signs[index]?.map(Number).join(''))
        throw new Error(`the tests disagree with their atom on \`${witness}\``);
    }
  }

  #signsOf(text: string): string {
    return this.#tests.map((test) => Number(test.accepts(text))).join('');
  }

  accepting(key: string): readonly boolean[] {
    const test = this.#tests.findIndex((known) => known.key === key);
    if (test < 0) throw new Error(`no test ${key}`);
    return this.#signs.map((signs) => signs[test] === true);
  }

  /** Whether any test accepts the atom's words. */
  isNamed(atom: number): boolean {
    return this.#signs[atom]?.includes(true) ?? false;
  }

  /** The class in words: its exact value, else the patterns that accept it. */
  describe(atom: number): Description {
    const accepting = this.#tests.filter((_, index) => this.#signs[atom]?.[index] === true);
    if (accepting.some(({ pattern, text }) => pattern?.kind === 'exact' && text === this.witnesses[atom]))
      return { exact: true, text: this.witnesses[atom] ?? '' };
    const texts = [...new Set(accepting.map(({ text }) => text))].toSorted((left, right) => right.length - left.length);
    return { exact: false, text: texts.length === 0 ? '*' : texts.join(' and ') };
  }

  of(text: string): number {
    const atom = this.#bySigns.get(this.#signsOf(text));
    if (atom === undefined) throw new Error(`no atom holds \`${text}\``);
    return atom;
  }
}
