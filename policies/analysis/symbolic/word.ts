/** Sets of words as sequences of character classes: what the subset construction of `word-automaton.ts` reads. */
import type { PathPattern, Pattern, PeerPattern } from '../../language/authorization.ts';
import { SEGMENT_CLASS } from '../../language/parse-pattern.ts';
import { unreachable } from '../unreachable.ts';

/** A class of characters; `literal` lists its members, `except` all others. */
export type Characters =
  | { readonly kind: 'any' | 'segment' | 'segmentOrSlash' | 'notSlash' | 'notQuestionMark' | 'notSpace' }
  | { readonly kind: 'literal' | 'except'; readonly members: string };

/** One character of a class, or any number of them. */
export interface Step {
  readonly times: 'once' | 'many';
  readonly of: Characters;
}

/** The words that go through the steps in order. */
export type Word = readonly Step[];

const SEGMENT = new RegExp(`^${SEGMENT_CLASS}$`);

/** True iff the class holds the character. */
export function includes(characters: Characters, character: string): boolean {
  switch (characters.kind) {
    case 'any':
      return true;
    case 'segment':
      return SEGMENT.test(character);
    case 'segmentOrSlash':
      return character === '/' || SEGMENT.test(character);
    case 'notSlash':
      return character !== '/';
    case 'notQuestionMark':
      return character !== '?';
    case 'notSpace':
      return character !== ' ';
    case 'literal':
      return characters.members.includes(character);
    case 'except':
      return !characters.members.includes(character);
  }
}

/** How the letters of a literal are compared. */
export type LetterCase = 'exact' | 'ignored';

/** The word of a text; with `ignored` letters it is given in lower case. */
export function literal(text: string, letters: LetterCase = 'exact'): Word {
  return Array.from(text, (character) => ({
    times: 'once' as const,
    of: {
      kind: 'literal' as const,
      members: letters === 'exact' ? character : `${character}${character.toUpperCase()}`,
    },
  }));
}

const once = (kind: Exclude<Characters['kind'], 'literal' | 'except'>): Step => ({ times: 'once', of: { kind } });
const many = (kind: Exclude<Characters['kind'], 'literal' | 'except'>): Step => ({ times: 'many', of: { kind } });

/** The words of a plain pattern, made of characters of `anything`. */
export function wordsOf(
  pattern: Pattern,
  {
    anything = 'any',
    letters = 'exact',
  }: {
    readonly anything?: 'any' | 'notQuestionMark' | 'notSlash' | 'notSpace';
    readonly letters?: LetterCase;
  } = {},
): readonly Word[] {
  switch (pattern.kind) {
    case 'exact':
      return [literal(pattern.value, letters)];
    case 'prefix':
      return [[...literal(pattern.value, letters), many(anything)]];
    case 'suffix':
      return [[many(anything), ...literal(pattern.value, letters)]];
    case 'nonEmpty':
      return [[once(anything), many(anything)]];
    case 'present':
      return [[many(anything)]];
    default:
      return unreachable(pattern);
  }
}

/** The texts of which some word, between spaces, is one of a plain pattern. */
export function wordsAmong(pattern: Pattern): readonly Word[] {
  if ('value' in pattern && pattern.value.includes(' ')) return [];
  const [before, behind]: readonly [Word, Word] = [
    [many('any'), ...literal(' ')],
    [...literal(' '), many('any')],
  ];
  return wordsOf(pattern, { anything: 'notSpace' }).flatMap((word) => [
    word,
    [...before, ...word],
    [...word, ...behind],
    [...before, ...word, ...behind],
  ]);
}

/** The words of a path pattern; undefined for expressions that the webhook refuses. */
export function wordsOfPath(pattern: PathPattern): readonly Word[] | undefined {
  if (pattern.kind === 'expression') return undefined;
  if (pattern.kind !== 'template') return wordsOf(pattern, { anything: 'notQuestionMark' });
  const word = pattern.pieces.flatMap((piece): Word => {
    if (piece.kind === 'literal') return literal(piece.text);
    return piece.kind === 'one' ? [once('segment'), many('segment')] : [many('segmentOrSlash')];
  });
  return [word];
}

/** Words that may go on with a query. */
export function withQuery(words: readonly Word[]): readonly Word[] {
  return words.flatMap((word) => [word, [...word, ...literal('?'), many('any')]]);
}

const SCHEME = 'spiffe://';

/** The words of a peer pattern. Source: `acceptsPeer` and semantics.md 3.5. */
export function wordsOfPeer(pattern: PeerPattern): readonly Word[] {
  const scheme = literal(SCHEME);
  switch (pattern.kind) {
    case 'principal':
      return wordsOf(pattern.pattern);
    case 'principalSuffix':
      return [[...scheme, many('any'), ...literal(pattern.suffix)]];
    case 'namespace':
      return [[many('any'), ...literal('/ns/'), ...joined(pattern.pieces, 'any'), ...literal('/'), many('any')]];
    case 'serviceAccount': {
      const head = [...scheme, once('any'), many('any'), ...literal(`/ns/${pattern.namespace}/`)];
      const tail = literal(`sa/${pattern.name}`);
      const between = [once('any'), many('any'), ...literal('/')];
      const rest = [...literal('/'), once('any'), many('any')];
      return [
        [...head, ...tail],
        [...head, ...between, ...tail],
        [...head, ...tail, ...rest],
        [...head, ...between, ...tail, ...rest],
      ];
    }
    case 'trustDomain':
      if (pattern.pieces.some((piece) => piece.includes('/'))) return [];
      return [[...scheme, ...joined(pattern.pieces, 'notSlash'), ...literal('/'), many('any')]];
    case 'anyTrustDomain':
      return [[...scheme, many('any')]];
    case 'segments': {
      const segments = [pattern.trustDomain, pattern.namespace, pattern.serviceAccount];
      if (segments.some((segment) => 'value' in segment && segment.value.includes('/'))) return [];
      const [trustDomain = [], namespace = [], account = []] = segments.map(
        (segment) => wordsOf(segment, { anything: 'notSlash' })[0] ?? [],
      );
      return [[...scheme, ...trustDomain, ...literal('/ns/'), ...namespace, ...literal('/sa/'), ...account]];
    }
    default:
      return unreachable(pattern);
  }
}

function joined(pieces: readonly string[], between: 'any' | 'notSlash'): Word {
  return pieces.flatMap((piece, index) => (index === 0 ? literal(piece) : [many(between), ...literal(piece)]));
}
