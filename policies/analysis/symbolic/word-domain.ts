/** The sets of words that attributes of a request are drawn from, character by character. */
import type { PathNormalization } from '../../language/mesh.ts';
import { mergesSlashes } from '../normalize.ts';

/** A deterministic automaton: -1 is the state from which no word is reached. */
export interface WordDomain {
  /** Domains of one name hold the same words. */
  readonly name: string;
  readonly start: number;
  step(state: number, character: string): number;
  accepts(state: number): boolean;
  /** Characters that the domain tells apart. */
  readonly characters: string;
  /** What every word of it begins with. */
  readonly opening: string;
}

/** True iff the word belongs to the domain. */
export function contains(domain: WordDomain, word: string): boolean {
  let state = domain.start;
  for (const character of word) {
    state = domain.step(state, character);
    if (state < 0) return false;
  }
  return domain.accepts(state);
}

const simple = (name: string, step: WordDomain['step'], accepts: WordDomain['accepts']): WordDomain => ({
  name,
  start: 0,
  step,
  accepts,
  characters: '',
  opening: '',
});

/** Every word. */
export const ANY_WORD: WordDomain = simple(
  'any',
  () => 0,
  () => true,
);

/** Every word but the empty one: methods. */
export const FILLED_WORD: WordDomain = simple(
  'filled',
  () => 1,
  (state) => state === 1,
);

/** Every word without letters in upper case: hosts as policies compare them. */
export const LOWER_CASE_WORD: WordDomain = simple(
  'lower case',
  (_, character) => (character.toLowerCase() === character ? 0 : -1),
  () => true,
);

/**
 * What numbers and booleans are as headers: `true`, `false`, whole numbers of 15 digits at most, and others with six
 * places and nine digits before them at most, which JSON has all of.
 */
export const SCALAR_WORD: WordDomain = {
  name: 'scalar',
  start: 0,
  step: (state, character) => stepScalar(state, character),
  accepts: (state) => SCALAR_ENDS.has(state),
  characters: 'truefals-.0123456789',
  opening: '',
};

const [DIGITS, NEGATIVE, BEHIND_POINT, LETTERS, ZERO, NEGATIVE_ZERO] = [100, 200, 300, 400, 500, 501];
const KEYWORDS = ['true', 'false'];
/** States of keywords count their letters, those of numbers their digits. */
const SCALAR_ENDS: ReadonlySet<number> = new Set([
  ...Array.from({ length: 15 }, (_, index) => DIGITS + index + 1),
  BEHIND_POINT + 6,
  LETTERS + 4,
  LETTERS + 15,
  ZERO,
]);

function stepScalar(state: number, character: string): number {
  const isDigit = character >= '0' && character <= '9';
  if (state === 0) {
    const keyword = KEYWORDS.findIndex((word) => word.startsWith(character));
    if (keyword >= 0) return LETTERS + keyword * 10 + 1;
    if (character === '-') return NEGATIVE;
    if (character === '0') return ZERO;
    return isDigit ? DIGITS + 1 : -1;
  }
  if (state === ZERO || state === NEGATIVE_ZERO) return character === '.' ? BEHIND_POINT : -1;
  if (state >= LETTERS) {
    const at = (state - LETTERS) % 10;
    const word = KEYWORDS[state - LETTERS >= 10 ? 1 : 0] ?? '';
    return word.charAt(at) === character ? state + 1 : -1;
  }
  if (state >= BEHIND_POINT) return isDigit && state < BEHIND_POINT + 6 ? state + 1 : -1;
  const [start, most] = state >= NEGATIVE ? [NEGATIVE, 9] : [DIGITS, 15];
  const digits = state - start;
  if (character === '.') return digits >= 1 && digits <= 9 ? BEHIND_POINT : -1;
  if (state === NEGATIVE && character === '0') return NEGATIVE_ZERO;
  return isDigit && digits < most ? state + 1 : -1;
}

const [START, AFTER_SLASH, ONE_DOT, TWO_DOTS, IN_SEGMENT, ONLY_SLASHES, IN_QUERY] = [0, 1, 2, 3, 4, 5, 6];
const ESCAPED = '"<>^{|}`\\';

/**
 * The paths that policies can see: the results of normalization. Under BASE no segment is `.` or `..` and no character
 * stands there that is always escaped; merging also leaves no `//` but the path `//` itself (semantics.md 6).
 * With `query` words may go on behind a `?`.
 */
export function pathDomain(mode: PathNormalization, query: 'none' | 'possible'): WordDomain {
  const merges = mergesSlashes(mode);
  const normalizes = mode !== 'NONE';
  const isEnd = (state: number) =>
    state === AFTER_SLASH || state === IN_SEGMENT || state === ONLY_SLASHES || state === IN_QUERY;
  const isPathEnd = (state: number) => isEnd(state) || (!normalizes && state !== START);
  const step = (state: number, character: string): number => {
    if (character === '#') return -1;
    if (state === IN_QUERY) return IN_QUERY;
    if (state === START) return character === '/' ? AFTER_SLASH : -1;
    if (character === '?') return query === 'possible' && isPathEnd(state) ? IN_QUERY : -1;
    if (state === ONLY_SLASHES) return -1;
    if (!normalizes) return IN_SEGMENT;
    if (ESCAPED.includes(character)) return -1;
    if (character === '/') {
      if (state === ONE_DOT || state === TWO_DOTS) return -1;
      return state === AFTER_SLASH && merges ? -1 : AFTER_SLASH;
    }
    if (character !== '.') return IN_SEGMENT;
    return state === AFTER_SLASH ? ONE_DOT : state === ONE_DOT ? TWO_DOTS : IN_SEGMENT;
  };
  const withOnlySlashes = (state: number, character: string): number =>
    merges && state === FIRST_SLASH && character === '/'
      ? ONLY_SLASHES
      : state === START && character === '/'
        ? FIRST_SLASH
        : step(state === FIRST_SLASH ? AFTER_SLASH : state, character);
  return {
    name: `path ${mode} ${query}`,
    start: START,
    step: withOnlySlashes,
    accepts: (state) => isPathEnd(state === FIRST_SLASH ? AFTER_SLASH : state),
    characters: normalizes ? '/.' : '/',
    opening: '/',
  };
}

/** The slash that opens the path: a second one may still make it the path `//`. */
const FIRST_SLASH = 7;
