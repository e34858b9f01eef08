/**
 * Formulas about whole words as lists of terms: a peer, a method and a path, each exactly one word or any, under
 * conditions on the connection. Of most ports of a mesh they show without atoms and diagrams that one formula is within
 * another. What they show is so; whatever they do not show is left to diagrams (DECISIONS.md, with the proof).
 */
import type { AtomicTest, Formula } from './formula.ts';

/** Words that must meet and conditions that must hold. */
export interface Term {
  /** The number of a word among those of its attribute, 0 for any. */
  readonly peer: number;
  readonly method: number;
  readonly path: number;
  /** A bit for each condition, and one for its opposite. */
  readonly conditions: number;
}

type Attribute = 'peer' | 'method' | 'path';

/** Beyond so many terms diagrams are the shorter way. */
const MOST_TERMS = 10_000;
const [MOST_METHODS, MOST_PATHS] = [64, 8192];
/** Each takes two bits of a small integer. */
const MOST_CONDITIONS = 15;

const ANYTHING: Term = { peer: 0, method: 0, path: 0, conditions: 0 };

/** Equal for equal words only; a small integer where they are few. */
const keyOf = (peer: number, method: number, path: number): number =>
  (peer * MOST_METHODS + method) * MOST_PATHS + path;

/** The same for terms of the same words only. */
export const keyOfWords = ({ peer, method, path }: Term): number => keyOf(peer, method, path);

/** The terms of some formulas, with one numbering of their words and conditions. */
export class Terms {
  readonly #words: Readonly<Record<Attribute, Map<string, number>>> = {
    peer: new Map([['', 0]]),
    method: new Map([['', 0]]),
    path: new Map([['', 0]]),
  };
  readonly #conditions = new Map<string, number>();
  /** What handshakes ask of identities, with the condition that is. */
  readonly #prefixes: { readonly prefix: string; readonly bit: number }[] = [];
  readonly #known = new Map<Formula, readonly Term[] | null>();

  /** The terms of a formula, one of which must hold; null where it is about more than whole words, or of many terms. */
  of(formula: Formula): readonly Term[] | null {
    const known = this.#known.get(formula);
    if (known !== undefined) return known;
    const made = this.#made(formula);
    this.#known.set(formula, made);
    return made;
  }

  #made(formula: Formula): readonly Term[] | null {
    switch (formula.kind) {
      case 'always':
        return [ANYTHING];
      case 'never':
        return [];
      case 'test':
        return this.#ofTest(formula.test);
      case 'not':
        return formula.part.kind === 'test' ? this.#ofCondition(formula.part.test, 2) : null;
      case 'some':
        return this.#ofSome(formula.parts);
      case 'all':
        return this.#ofAll(formula.parts);
    }
  }

  #ofSome(parts: readonly Formula[]): readonly Term[] | null {
    const terms: Term[] = [];
    for (const part of parts) {
      const own = this.of(part);
      if (own === null || terms.length + own.length > MOST_TERMS) return null;
      for (const term of own) terms.push(term);
    }
    return terms;
  }

  #ofAll(parts: readonly Formula[]): readonly Term[] | null {
    let terms: readonly Term[] | null = null;
    for (const part of parts) {
      const own = this.of(part);
      if (own === null || (terms?.length ?? 1) * own.length > MOST_TERMS) return null;
      const met: readonly Term[] | null = terms === null ? own : meet(terms, own);
      if (met === null) return null;
      terms = met;
    }
    return terms ?? [ANYTHING];
  }

  #ofTest(test: AtomicTest): readonly Term[] | null {
    if (test.on !== 'peer' && test.on !== 'method' && test.on !== 'path') return this.#ofCondition(test, 1);
    const pattern = test.pattern.kind === 'principal' ? test.pattern.pattern : test.pattern;
    if (pattern.kind !== 'exact' || pattern.value === '') return null;
    const words = this.#words[test.on];
    const number = words.get(pattern.value) ?? words.size;
    words.set(pattern.value, number);
    if (test.on === 'peer') return [{ peer: number, method: 0, path: 0, conditions: 0 }];
    if (test.on === 'method')
      return number < MOST_METHODS ? [{ peer: 0, method: number, path: 0, conditions: 0 }] : null;
    return number < MOST_PATHS ? [{ peer: 0, method: 0, path: number, conditions: 0 }] : null;
  }

  /** `times` is 1 for the condition itself, 2 for its opposite. */
  #ofCondition(test: AtomicTest, times: 1 | 2): readonly Term[] | null {
    const bit = this.#bitOf(test);
    return bit === null ? null : [{ peer: 0, method: 0, path: 0, conditions: bit * times }];
  }

  #bitOf(test: AtomicTest): number | null {
    const condition = conditionOf(test);
    if (condition === undefined) return null;
    const known = this.#conditions.get(condition);
    if (known !== undefined) return known;
    if (this.#conditions.size >= MOST_CONDITIONS) return null;
    const bit = 4 ** this.#conditions.size;
    this.#conditions.set(condition, bit);
    const prefix = prefixOf(test);
    if (prefix !== undefined) this.#prefixes.push({ prefix, bit });
    return bit;
  }

  /** The words of an attribute in the order of their numbers, the first of which stands for any. */
  words(attribute: Attribute): readonly string[] {
    return [...this.#words[attribute].keys()];
  }

  /** Which conditions each peer meets with a certificate of one identity: that it has what handshakes ask for. */
  conditionsMet(): readonly number[] {
    return this.words('peer').map((identity, peer) =>
      this.#prefixes.reduce((met, { prefix, bit }) => (peer > 0 && identity.startsWith(prefix) ? met | bit : met), 0),
    );
  }

  /** The bit of a condition, 0 where no formula asks for it. */
  bitOf(condition: Condition): number {
    return this.#conditions.get(condition) ?? 0;
  }
}

/** Conditions beside those that handshakes ask of identities. */
type Condition = 'http' | 'present' | 'certificate' | 'acceptedPath';

function conditionOf(test: AtomicTest): Condition | `uri ${string}` | undefined {
  switch (test.on) {
    case 'uri': {
      const prefix = prefixOf(test);
      return prefix === undefined ? undefined : `uri ${prefix}`;
    }
    case 'bytes':
    case 'token':
      return test.is;
    case 'certificate':
    case 'acceptedPath':
      return test.on;
    default:
      return undefined;
  }
}

function prefixOf(test: AtomicTest): string | undefined {
  if (test.on !== 'uri' || test.pattern.kind !== 'principal') return undefined;
  return test.pattern.pattern.kind === 'prefix' ? test.pattern.pattern.value : undefined;
}

/**
 * Each with each; two methods or two paths never meet. Two peers may, in a certificate of several identities: null, since
 * a term has one.
 */
function meet(left: readonly Term[], right: readonly Term[]): readonly Term[] | null {
  const terms: Term[] = [];
  for (const one of left)
    for (const other of right) {
      if (isApart(one.peer, other.peer)) return null;
      if (isApart(one.method, other.method) || isApart(one.path, other.path)) continue;
      terms.push({
        peer: one.peer || other.peer,
        method: one.method || other.method,
        path: one.path || other.path,
        conditions: one.conditions | other.conditions,
      });
    }
  return terms;
}

const isApart = (one: number, other: number): boolean => one !== other && one > 0 && other > 0;

/**
 * True only if each term on the left is within one on the right: of the same words or of any, under conditions that it
 * has too. `met` are conditions that each peer meets anyway.
 */
export function areWithin(left: readonly Term[], right: readonly Term[], met: readonly number[] = []): boolean {
  const conditions = new Map<number, readonly number[]>();
  let [peers, methods, paths] = [false, false, false];
  for (const term of right) {
    const key = keyOfWords(term);
    const known = conditions.get(key);
    conditions.set(key, known === undefined ? [term.conditions] : [...known, term.conditions]);
    if (term.peer === 0) peers = true;
    if (term.method === 0) methods = true;
    if (term.path === 0) paths = true;
  }
  const either = (word: number, any: boolean) => (any && word > 0 ? [word, 0] : [word]);
  return left.every(({ peer, method, path, conditions: own }) => {
    const has = own | (met[peer] ?? 0);
    const isUnder = (key: number) => conditions.get(key)?.some((asked) => (asked & ~has) === 0) === true;
    if (isUnder(keyOf(peer, method, path))) return true;
    if (!peers && !methods && !paths) return false;
    return either(peer, peers).some((who) =>
      either(method, methods).some((how) => either(path, paths).some((what) => isUnder(keyOf(who, how, what)))),
    );
  });
}
