/** Splits a domain of words into atoms by a subset construction over the words of all tests, breadth first. */
import { BudgetExceeded } from './diagram.ts';
import { includes, type Word } from './word.ts';
import type { WordDomain } from './word-domain.ts';

/** One reachable class: its shortest word, and which tests accept all of it (the others accept none of it). */
export interface WordAtom {
  readonly witness: string;
  readonly accepted: readonly boolean[];
}

const MOST_STATES = 40_000;

interface Position {
  readonly test: number;
  readonly word: Word;
  readonly at: number;
}

/**
 * The atoms of `domain` under tests given by their words.
 * Errors: throws `BudgetExceeded` beyond 40,000 states.
 */
export function wordAtoms(tests: readonly (readonly Word[])[], domain: WordDomain): readonly WordAtom[] {
  const { positions, starts } = numberPositions(tests);
  const letters = alphabet(positions, domain);
  const close = closure(positions);
  const found = new Map<string, WordAtom>();
  const seen = new Set<string>();
  let wave = [{ word: '', state: domain.start, live: close(starts) }];
  while (wave.length > 0) {
    const next: typeof wave = [];
    for (const { word, state, live } of wave) {
      if (domain.accepts(state)) remember(found, word, accepted(positions, live, tests.length));
      for (const letter of lettersAt(positions, live, letters)) {
        const reached = domain.step(state, letter);
        if (reached < 0) continue;
        const moved = close(advance(positions, live, letter));
        const key = `${reached}:${moved.join(',')}`;
        if (seen.has(key)) continue;
        seen.add(key);
        if (seen.size > MOST_STATES) throw new BudgetExceeded(`more than ${MOST_STATES} states of patterns`);
        next.push({ word: word + letter, state: reached, live: moved });
      }
    }
    wave = next;
  }
  return [...found.values()];
}

function remember(found: Map<string, WordAtom>, witness: string, signs: readonly boolean[]): void {
  const key = signs.map(Number).join('');
  if (!found.has(key)) found.set(key, { witness, accepted: signs });
}

function numberPositions(tests: readonly (readonly Word[])[]): {
  readonly positions: readonly Position[];
  readonly starts: readonly number[];
} {
  const positions: Position[] = [];
  const starts: number[] = [];
  tests.forEach((words, test) => {
    for (const word of words) {
      starts.push(positions.length);
      for (let at = 0; at <= word.length; at += 1) positions.push({ test, word, at });
    }
  });
  return { positions, starts };
}

/** Adds the positions behind steps that may be taken no times; sorted, each once. */
function closure(positions: readonly Position[]): (live: readonly number[]) => readonly number[] {
  return (live) => {
    const closed = new Set<number>();
    for (const start of live) {
      for (let at = start; !closed.has(at); at += 1) {
        closed.add(at);
        const position = positions[at];
        if (position?.word[position.at]?.times !== 'many') break;
      }
    }
    return [...closed].sort((left, right) => left - right);
  };
}

function advance(positions: readonly Position[], live: readonly number[], letter: string): readonly number[] {
  const moved: number[] = [];
  for (const at of live) {
    const position = positions[at];
    const step = position?.word[position.at];
    if (step === undefined || !includes(step.of, letter)) continue;
    moved.push(step.times === 'many' ? at : at + 1);
  }
  return moved;
}

function accepted(positions: readonly Position[], live: readonly number[], tests: number): readonly boolean[] {
  const signs = new Array<boolean>(tests).fill(false);
  for (const at of live) {
    const position = positions[at];
    if (position !== undefined && position.at === position.word.length) signs[position.test] = true;
  }
  return signs;
}

/** The letters that some live position names; any other letter does what one of the letters of `always` does. */
function lettersAt(
  positions: readonly Position[],
  live: readonly number[],
  { always, named }: Alphabet,
): ReadonlySet<string> {
  const letters = new Set(always);
  for (const at of live) {
    const position = positions[at];
    const of = position?.word[position.at]?.of;
    if (of?.kind === 'literal') for (const member of of.members) if (named.has(member)) letters.add(member);
  }
  return letters;
}

interface Alphabet {
  /** One letter for each class of characters, and those that the domain tells apart. */
  readonly always: readonly string[];
  readonly named: ReadonlySet<string>;
}

/** Letters of all words and, for all others, one that segments may hold and one that they may not. */
function alphabet(positions: readonly Position[], domain: WordDomain): Alphabet {
  const letters = new Set<string>(domain.characters);
  for (const { word, at } of positions) {
    const of = word[at]?.of;
    if (of?.kind === 'literal') for (const member of of.members) letters.add(member);
  }
  if (positions.some(({ word, at }) => word[at]?.of.kind !== 'literal')) letters.add('/');
  const fresh = [unused('xyzwvuqkjhgfdba0123456789XYZQ-_~', letters), unused('[]é¡¢£', letters)];
  const special = [...domain.characters, '/', '?'].filter((letter) => letters.has(letter));
  return { always: [...fresh, ...special], named: letters };
}

/** The first candidate that is not used. Errors: throws `BudgetExceeded` when all are. */
export function unused(candidates: string, used: ReadonlySet<string>): string {
  for (const candidate of candidates) if (!used.has(candidate)) return candidate;
  for (let code = 0x100; code < 0x2000; code += 1) {
    const candidate = String.fromCharCode(code);
    if (!used.has(candidate) && candidate.toLowerCase() === candidate) return candidate;
  }
  throw new BudgetExceeded('patterns use every character');
}
