/** One claim that is read in more than one way: as a whole, word by word, or in the header that it is written into. */
import type { Pattern } from '../../language/authorization.ts';
import { accepts } from '../matching.ts';
import type { WordSpace } from './affix-variable.ts';
import { MOST_ELEMENTS } from './atom-variable.ts';
import { BudgetExceeded, type Diagrams, type Node } from './diagram.ts';
import type { AtomicTest } from './formula.ts';
import { type Description, keyOf, type Variable } from './variable.ts';
import { wordsAmong, wordsOf } from './word.ts';
import { WordAtoms } from './word-atoms.ts';
import { contains, SCALAR_WORD } from './word-domain.ts';
import { plainTest, type WordTest } from './word-test.ts';

/** What a token holds at a claim's path; `scalar` is a number or a boolean, an empty list also stands for nothing there. */
export type ClaimValue =
  | { readonly kind: 'list'; readonly elements: readonly string[] }
  | { readonly kind: 'text' | 'scalar'; readonly text: string };

/** Which values verifiers take at a path: the registered claims are of one type. */
export type ClaimForms = 'any' | 'textOrList' | 'text';

type ClaimTest = Extract<AtomicTest, { on: 'claim' }>;

/** The key of a test of a claim. */
export const claimKey = ({ as, pattern }: ClaimTest): string => `${as} ${keyOf(pattern)}`;

const [LIST, TEXT, SCALAR] = [0, 1, 2];

/** The variable: what kind of value it is, then the class of its text, that of a scalar, and what a list holds. */
export class ClaimVariable implements Variable<ClaimValue> {
  readonly name: string;
  readonly levels: readonly number[];
  readonly #tests: ReadonlyMap<string, ClaimTest>;
  readonly #texts: WordAtoms;
  readonly #scalars: WordAtoms;
  readonly #elements: WordAtoms;
  readonly #held: readonly number[];
  readonly #forms: ClaimForms;

  constructor(
    name: string,
    tests: readonly ClaimTest[],
    { space, forms }: { readonly space: WordSpace; readonly forms: ClaimForms },
  ) {
    this.name = name;
    this.#forms = forms;
    this.#tests = new Map(tests.map((test) => [claimKey(test), test]));
    const own = [...this.#tests.values()];
    const written = own.filter(({ as }) => as === 'written');
    const read = own.filter(({ as }) => as !== 'written').map(({ pattern }) => plainTest(pattern));
    this.#texts = new WordAtoms(new Map(own.map((test) => [claimKey(test), textTest(test)])), space);
    this.#scalars = new WordAtoms(new Map(written.map((test) => [claimKey(test), textTest(test)])), {
      domain: SCALAR_WORD,
      candidates: ['1', 'true'],
      absence: 'impossible',
    });
    this.#elements = new WordAtoms(new Map(read.map((test) => [test.key, test])), space);
    this.#held = this.#elements.witnesses.flatMap((_, atom) => (this.#elements.isNamed(atom) ? [atom] : []));
    if (this.#held.length > MOST_ELEMENTS)
      throw new BudgetExceeded(`${this.#held.length} classes of elements of ${name}`);
    const sizes = [3, this.#texts.witnesses.length, this.#scalars.witnesses.length];
    this.levels = [...sizes, ...this.#held.map(() => 2)];
  }

  node(diagrams: Diagrams, first: number, key: string): Node {
    const test = this.#tests.get(key);
    if (test === undefined) throw new Error(`variable \`${this.name}\` has no test ${key}`);
    const text = among(diagrams, first + TEXT, this.#texts.accepting(key));
    const other =
      test.as === 'written'
        ? among(diagrams, first + SCALAR, this.#scalars.accepting(key))
        : this.#holding(diagrams, first, this.#elements.accepting(keyOf(test.pattern)));
    return test.as === 'written'
      ? diagrams.node(first, diagrams.never, [TEXT, SCALAR], [text, other])
      : diagrams.node(first, other, [TEXT, SCALAR], [text, diagrams.never]);
  }

  #holding(diagrams: Diagrams, first: number, accepted: readonly boolean[]): Node {
    return this.#held.reduceRight(
      (rest, atom, index) =>
        accepted[atom] === true ? diagrams.node(first + ELEMENTS + index, rest, [1], [diagrams.always]) : rest,
      diagrams.never,
    );
  }

  /** When a list is not empty. */
  #holdingAny(diagrams: Diagrams, first: number): Node {
    return this.#holding(
      diagrams,
      first,
      this.#elements.witnesses.map(() => true),
    );
  }

  /** When there is a value that has nothing below it. */
  filled(diagrams: Diagrams, first: number): Node {
    const some = this.#holdingAny(diagrams, first);
    return diagrams.node(first, some, [TEXT, SCALAR], [diagrams.always, diagrams.always]);
  }

  /** When the value is of a form that verifiers can read. */
  readable(diagrams: Diagrams, first: number): Node {
    if (this.#forms === 'any') return diagrams.always;
    const some = this.#holdingAny(diagrams, first);
    const list = this.#forms === 'text' ? diagrams.not(some) : diagrams.always;
    return diagrams.node(first, list, [TEXT, SCALAR], [diagrams.always, diagrams.never]);
  }

  /** The levels that tell values apart, and not only their texts. */
  leading(): readonly number[] {
    return [LIST, ...this.#held.map((_, index) => ELEMENTS + index)];
  }

  encode(value: ClaimValue): readonly number[] {
    const atoms = this.levels.map(() => 0);
    if (value.kind === 'list') {
      const found = new Set(value.elements.map((element) => this.#elements.of(element)));
      for (const [index, atom] of this.#held.entries()) atoms[ELEMENTS + index] = Number(found.has(atom));
      return atoms;
    }
    if (value.kind === 'text') return atoms.with(LIST, TEXT).with(TEXT, this.#texts.of(value.text));
    if (!contains(SCALAR_WORD, value.text)) return atoms;
    return atoms.with(LIST, SCALAR).with(SCALAR, this.#scalars.of(value.text));
  }

  decode(atoms: readonly number[]): ClaimValue {
    const text = (known: WordAtoms, at: number) => known.witnesses[atoms[at] ?? 0] ?? '';
    if (atoms[LIST] === TEXT) return { kind: 'text', text: text(this.#texts, TEXT) };
    if (atoms[LIST] === SCALAR) return { kind: 'scalar', text: text(this.#scalars, SCALAR) };
    const held = this.#held.filter((_, index) => atoms[ELEMENTS + index] === 1);
    return { kind: 'list', elements: held.map((atom) => this.#elements.witnesses[atom] ?? '') };
  }

  describe(atoms: readonly number[]): Description {
    const value = this.decode(atoms);
    return { exact: false, text: value.kind === 'list' ? value.elements.join(', ') : value.text };
  }
}

const ELEMENTS = 3;

function among(diagrams: Diagrams, level: number, signs: readonly boolean[]): Node {
  const terminal = (sign: boolean | undefined) => (sign === true ? diagrams.always : diagrams.never);
  const values = signs.slice(1).map((_, index) => index + 1);
  return diagrams.node(
    level,
    terminal(signs[0]),
    values,
    values.map((value) => terminal(signs[value])),
  );
}

/** The test of a claim that is text. */
function textTest(test: ClaimTest): WordTest {
  const plain = { ...plainTest(test.pattern), key: claimKey(test) };
  switch (test.as) {
    case 'whole':
      return plain;
    case 'words':
      return {
        ...plain,
        pattern: null,
        accepts: (text) => text.split(' ').some((word) => accepts(test.pattern, word)),
        words: () => wordsAmong(test.pattern),
      };
    case 'written':
      return {
        ...plain,
        pattern: null,
        accepts: (text) => text !== '' && accepts(test.pattern, text),
        words: () => wordsOf(filled(test.pattern)).filter((word) => word.length > 0),
      };
  }
}

/** Nothing is written of an empty text. */
const filled = (pattern: Pattern): Pattern => (pattern.kind === 'present' ? { kind: 'nonEmpty' } : pattern);
