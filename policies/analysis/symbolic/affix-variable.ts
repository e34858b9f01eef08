/**
 * A word-valued attribute under plain tests: exact values, prefixes, suffixes. Three levels instead of a product: the
 * exact value or *other*, then the longest prefix and the longest suffix that other words have. Every combination has a
 * word because the alphabet is open: prefix, filler, suffix.
 */
import type { Diagrams, Node } from './diagram.ts';
import type { Description, Variable } from './variable.ts';
import { unused } from './word-automaton.ts';
import { contains, type WordDomain } from './word-domain.ts';
import type { WordTest } from './word-test.ts';

/** What an attribute's words are drawn from. */
export interface WordSpace {
  readonly domain: WordDomain;
  /** Words to show for a class when they belong to it, in order. */
  readonly candidates: readonly string[];
  /** Whether the attribute can be missing; its value is then null. */
  readonly absence: 'possible' | 'impossible';
}

const OTHER = 0;
const MISSING = 1;

/** The variable of plain tests. */
export class AffixVariable implements Variable<string | null> {
  readonly name: string;
  readonly levels: readonly number[];
  readonly #space: WordSpace;
  readonly #tests: ReadonlyMap<string, WordTest>;
  readonly #exact: readonly string[];
  readonly #atomOf: ReadonlyMap<string, number>;
  readonly #prefixes: readonly string[];
  readonly #suffixes: readonly string[];
  readonly #patterns: readonly NonNullable<WordTest['pattern']>[];
  #filler: string | undefined;
  readonly #firstExact: number;

  constructor(name: string, tests: ReadonlyMap<string, WordTest>, space: WordSpace) {
    const patterns = [...tests.values()].flatMap(({ pattern }) => (pattern === null ? [] : [pattern]));
    const values = (kind: 'exact' | 'prefix' | 'suffix') =>
      patterns.flatMap((pattern) => (pattern.kind === kind && 'value' in pattern ? [pattern.value] : []));
    const { domain } = space;
    this.name = name;
    this.#space = space;
    this.#tests = tests;
    const empty = patterns.some(({ kind }) => kind === 'nonEmpty') ? [''] : [];
    this.#exact = [...new Set([...values('exact'), ...empty])].filter((word) => contains(domain, word));
    this.#firstExact = space.absence === 'possible' ? 2 : 1;
    this.#atomOf = new Map(this.#exact.map((word, index) => [word, index + this.#firstExact]));
    this.#patterns = patterns;
    this.#prefixes = [...new Set(values('prefix'))].filter(
      (prefix) => prefix.length > domain.opening.length && contains(domain, prefix + this.#fresh()),
    );
    this.#suffixes = [...new Set(values('suffix'))].filter(
      (suffix) => suffix !== '' && contains(domain, domain.opening + this.#fresh() + suffix),
    );
    this.levels = [this.#exact.length + this.#firstExact, this.#prefixes.length + 1, this.#suffixes.length + 1];
    this.#check();
  }

  /** A character that no pattern holds; patterns have many characters, and few are asked for. */
  #fresh(): string {
    if (this.#filler !== undefined) return this.#filler;
    const has = (candidate: string) =>
      this.#patterns.some((pattern) => 'value' in pattern && pattern.value.includes(candidate));
    this.#filler = unused('xyzwvuqkjhgfdba0123456789', { has });
    return this.#filler;
  }

  node(diagrams: Diagrams, first: number, key: string): Node {
    const test = this.#tests.get(key);
    const pattern = test?.pattern;
    if (test === undefined || pattern === undefined || pattern === null)
      throw new Error(`variable \`${this.name}\` has no test ${key}`);
    if (pattern.kind === 'exact') {
      const atom = this.#atomOf.get(pattern.value);
      return atom === undefined ? diagrams.never : diagrams.node(first, diagrams.never, [atom], [diagrams.always]);
    }
    const values = this.#exact.map((_, index) => index + this.#firstExact);
    const children = this.#exact.map((word) => (test.accepts(word) ? diagrams.always : diagrams.never));
    if (this.#space.absence === 'possible') {
      values.unshift(MISSING);
      children.unshift(diagrams.never);
    }
    return diagrams.node(first, this.#ofOthers(diagrams, first, pattern), values, children);
  }

  #ofOthers(diagrams: Diagrams, first: number, pattern: NonNullable<WordTest['pattern']>): Node {
    if (pattern.kind === 'exact') return diagrams.never;
    if (pattern.kind === 'nonEmpty' || pattern.kind === 'present') return diagrams.always;
    const { opening } = this.#space.domain;
    const isPrefix = pattern.kind === 'prefix';
    if (isPrefix && opening.startsWith(pattern.value)) return diagrams.always;
    if (!isPrefix && pattern.value === '') return diagrams.always;
    const known = isPrefix ? this.#prefixes : this.#suffixes;
    const under = known.flatMap((affix, index) =>
      (isPrefix ? affix.startsWith(pattern.value) : affix.endsWith(pattern.value)) ? [index + 1] : [],
    );
    return diagrams.node(
      first + (isPrefix ? 1 : 2),
      diagrams.never,
      under,
      under.map(() => diagrams.always),
    );
  }

  /** The node that is true where the attribute is there. */
  present(diagrams: Diagrams, first: number): Node {
    return this.#space.absence === 'possible'
      ? diagrams.node(first, diagrams.always, [MISSING], [diagrams.never])
      : diagrams.always;
  }

  encode(value: string | null): readonly number[] {
    if (value === null) return [MISSING, 0, 0];
    const atom = this.#atomOf.get(value);
    if (atom !== undefined) return [atom, 0, 0];
    const prefix = longest(this.#prefixes, (known) => value.startsWith(known));
    const suffix = longest(this.#suffixes, (known) => value.endsWith(known));
    return [OTHER, prefix, suffix];
  }

  decode([atom = OTHER, prefix = 0, suffix = 0]: readonly number[]): string | null {
    if (atom === MISSING && this.#space.absence === 'possible') return null;
    if (atom !== OTHER) return this.#exact[atom - this.#firstExact] ?? '';
    const head = prefix === 0 ? this.#space.domain.opening : (this.#prefixes[prefix - 1] ?? '');
    const tail = suffix === 0 ? '' : (this.#suffixes[suffix - 1] ?? '');
    const isClass = (word: string) => {
      const found = this.encode(word);
      return found[0] === OTHER && found[1] === prefix && found[2] === suffix && contains(this.#space.domain, word);
    };
    const fillers = this.#space.candidates.filter((candidate) => !candidate.includes('://'));
    const shown = [
      ...this.#space.candidates.map((candidate) => candidate + tail),
      ...(head.includes('/ns/') ? fillers.toReversed() : fillers).map((filler) => head + filler + tail),
    ];
    const word = [...shown, head + this.#fresh() + tail].find(isClass);
    if (word === undefined) throw new Error(`variable \`${this.name}\`: class ${prefix}/${suffix} has no word`);
    return word;
  }

  describe([atom = OTHER, prefix = 0, suffix = 0]: readonly number[]): Description {
    if (atom === MISSING && this.#space.absence === 'possible') return { exact: true, text: '' };
    if (atom !== OTHER) return { exact: true, text: this.#exact[atom - this.#firstExact] ?? '' };
    const head = this.#prefixes[prefix - 1] ?? '';
    return { exact: false, text: `${head}*${this.#suffixes[suffix - 1] ?? ''}` };
  }

  /** Every test gives the answer of its atom on the word shown for a class: rows and columns of prefix × suffix. */
  #check(): void {
    if (this.#patterns.every(({ kind }) => kind === 'exact')) return;
    const rows = this.#prefixes.map((_, index) => [OTHER, index + 1, 0]);
    const columns = this.#suffixes.map((_, index) => [OTHER, 0, index + 1]);
    const corner = this.#prefixes.length > 0 && this.#suffixes.length > 0 ? [[OTHER, 1, 1]] : [];
    for (const atoms of [[OTHER, 0, 0], ...rows, ...columns, ...corner]) {
      const word = this.decode(atoms) ?? '';
      for (const test of this.#tests.values()) {
        if (test.pattern === null || test.pattern.kind === 'exact') continue;
        if (test.accepts(word) !== this.#accepts(test.pattern, atoms))
          throw new Error(`variable \`${this.name}\`: test ${test.key} disagrees with its atom on \`${word}\``);
      }
    }
  }

  #accepts(pattern: NonNullable<WordTest['pattern']>, [, prefix = 0, suffix = 0]: readonly number[]): boolean {
    if (pattern.kind === 'nonEmpty' || pattern.kind === 'present') return true;
    if (pattern.kind === 'exact') return false;
    if (pattern.kind === 'suffix') return pattern.value === '' || !!this.#suffixes[suffix - 1]?.endsWith(pattern.value);
    return (
      this.#space.domain.opening.startsWith(pattern.value) || !!this.#prefixes[prefix - 1]?.startsWith(pattern.value)
    );
  }
}

/** One more than the index of the longest that holds, 0 when none does. */
function longest(affixes: readonly string[], holds: (affix: string) => boolean): number {
  let best = 0;
  affixes.forEach((affix, index) => {
    if (holds(affix) && affix.length > (affixes[best - 1]?.length ?? -1)) best = index + 1;
  });
  return best;
}
