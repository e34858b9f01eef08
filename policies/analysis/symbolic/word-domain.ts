/** The sets of words that attributes of a request are drawn from, character by character. */
import type { PathNormalization } from '../../language/mesh.ts';

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

const [START, AFTER_SLASH, ONE_DOT, TWO_DOTS, IN_SEGMENT, ONLY_SLASHES, IN_QUERY] = [0, 1, 2, 3, 4, 5, 6];
const ESCAPED = '"<>^{|}`\\';

/**
 * The paths that policies can see: the results of normalization. Under BASE no segment is `.` or `..` and no character
 * stands there that is always escaped; merging also leaves no `//` but the path `//` itself (semantics.md 6).
 * With `query` words may go on behind a `?`.
 */
export function pathDomain(mode: PathNormalization, query: 'none' | 'possible'): WordDomain {
  const merges = mode === 'MERGE_SLASHES' || mode === 'DECODE_AND_MERGE_SLASHES';
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
