/** Splits a domain of words into atoms by a subset construction over the words of all tests, breadth first. */
import { BudgetExceeded } from './diagram.ts';
import { includes, type Step, type Word } from './word.ts';
import type { WordDomain } from './word-domain.ts';

/** One reachable class: its shortest word, and which tests accept all of it (the others accept none of it). */
export interface WordAtom {
  readonly witness: string;
  readonly accepted: readonly boolean[];
}

const MOST_STATES = 40_000;
const MOST_POSITIONS = 65_536;

interface Position {
  readonly test: number;
  readonly word: Word;
  readonly at: number;
}

/** A set of positions: 32 of them a number. */
type Live = Uint32Array;

/** Answers of late: the ports of a workload ask the same. A mesh asks few at a time, so few are kept. */
const MOST_ANSWERS = 32;
const answers = new Map<string, readonly WordAtom[] | BudgetExceeded>();

/**
 * The atoms of `domain` under tests given by their words.
 * Errors: throws `BudgetExceeded` beyond 40,000 states or 65,536 letters of patterns.
 */
export function wordAtoms(tests: readonly (readonly Word[])[], domain: WordDomain): readonly WordAtom[] {
  const key = `${domain.name} ${JSON.stringify(tests)}`;
  let answer = answers.get(key);
  if (answer === undefined) {
    answer = split(tests, domain);
    answers.set(key, answer);
    if (answers.size > MOST_ANSWERS) answers.delete(answers.keys().next().value ?? key);
  }
  if (answer instanceof BudgetExceeded) throw answer;
  return answer;
}

function split(tests: readonly (readonly Word[])[], domain: WordDomain): readonly WordAtom[] | BudgetExceeded {
  const { positions, starts } = numberPositions(tests);
  if (positions.length > MOST_POSITIONS) return new BudgetExceeded(`patterns of more than ${MOST_POSITIONS} letters`);
  const { letters, always } = alphabet(positions, domain);
  const moves = new Moves(positions, letters);
  const found = new Map<string, WordAtom>();
  const seen = new Set<string>();
  let wave = [{ word: '', state: domain.start, live: moves.start(starts) }];
  while (wave.length > 0) {
    const next: typeof wave = [];
    for (const { word, state, live } of wave) {
      if (domain.accepts(state)) remember(found, word, accepted(positions, live, tests.length));
      for (const [index, letter] of letters.entries()) {
        if (index >= always && !moves.names(live, index)) continue;
        const reached = domain.step(state, letter);
        if (reached < 0) continue;
        const moved = moves.advance(live, index);
        const key = `${reached}:${keyOf(moved)}`;
        if (seen.has(key)) continue;
        seen.add(key);
        if (seen.size > MOST_STATES) return new BudgetExceeded(`more than ${MOST_STATES} states of patterns`);
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

function keyOf(live: Live): string {
  return String.fromCharCode(...new Uint16Array(live.buffer));
}

/** What a letter does to a set of positions, as masks: which move on, which stay, which may be left out. */
class Moves {
  readonly #once: readonly Live[];
  readonly #many: readonly Live[];
  readonly #named: readonly Live[];
  readonly #skippable: Live;
  readonly #settled: readonly Settled[];
  readonly #words: number;

  constructor(positions: readonly Position[], letters: readonly string[]) {
    this.#words = (positions.length + 31) >>> 5;
    const mask = (holds: (step: Step) => boolean): Live => {
      const made = new Uint32Array(this.#words);
      positions.forEach(({ word, at }, index) => {
        const step = word[at];
        if (step !== undefined && holds(step)) set(made, index);
      });
      return made;
    };
    this.#skippable = mask(({ times }) => times === 'many');
    this.#settled = settledTests(positions, this.#words);
    this.#once = letters.map((letter) => mask(({ times, of }) => times === 'once' && includes(of, letter)));
    this.#many = letters.map((letter) => mask(({ times, of }) => times === 'many' && includes(of, letter)));
    this.#named = letters.map((letter) => mask(({ of }) => 'members' in of && of.members.includes(letter)));
  }

  start(positions: readonly number[]): Live {
    const live = new Uint32Array(this.#words);
    for (const position of positions) set(live, position);
    return this.#settle(this.#close(live));
  }

  /** True iff some live position names the letter; any other letter does what one of those does that always count. */
  names(live: Live, letter: number): boolean {
    const named = this.#named[letter] ?? live;
    for (let at = 0; at < live.length; at += 1) if (((live[at] ?? 0) & (named[at] ?? 0)) !== 0) return true;
    return false;
  }

  advance(live: Live, letter: number): Live {
    const [once, many] = [this.#once[letter] ?? live, this.#many[letter] ?? live];
    const moved = new Uint32Array(this.#words);
    let carry = 0;
    for (let at = 0; at < live.length; at += 1) {
      const going = (live[at] ?? 0) & (once[at] ?? 0);
      moved[at] = (going << 1) | carry | ((live[at] ?? 0) & (many[at] ?? 0));
      carry = going >>> 31;
    }
    return this.#settle(this.#close(moved));
  }

  /** Where a test accepts whatever follows, its other positions no longer matter: one position stands for all. */
  #settle(live: Live): Live {
    for (const { accepting, own, first } of this.#settled) {
      if (!accepting.some((mask, at) => ((live[at] ?? 0) & mask) !== 0)) continue;
      own.forEach((mask, at) => {
        live[at] = (live[at] ?? 0) & ~mask;
      });
      set(live, first);
      set(live, first + 1);
    }
    return live;
  }

  /** Adds the positions behind steps that may be taken no times. */
  #close(live: Live): Live {
    for (let grown = true; grown; ) {
      grown = false;
      let carry = 0;
      for (let at = 0; at < live.length; at += 1) {
        const before = live[at] ?? 0;
        const going = before & (this.#skippable[at] ?? 0);
        const after = (before | (going << 1) | carry) >>> 0;
        carry = going >>> 31;
        if (after !== before) grown = true;
        live[at] = after;
      }
    }
    return live;
  }
}

/** The positions of one test that accepts whatever follows as soon as one of `accepting` is live. */
interface Settled {
  readonly accepting: Live;
  readonly own: Live;
  /** One of those that accept, with its end behind it. */
  readonly first: number;
}

function settledTests(positions: readonly Position[], words: number): readonly Settled[] {
  const found = new Map<number, { accepting: Live; own: Live; first: number }>();
  positions.forEach(({ test, word, at }, index) => {
    const step = word[at];
    if (at !== word.length - 1 || step?.times !== 'many' || step.of.kind !== 'any') return;
    const known = found.get(test) ?? { accepting: new Uint32Array(words), own: new Uint32Array(words), first: index };
    found.set(test, known);
    set(known.accepting, index);
  });
  positions.forEach(({ test }, index) => {
    const known = found.get(test);
    if (known !== undefined) set(known.own, index);
  });
  return [...found.values()];
}

function set(live: Live, position: number): void {
  live[position >>> 5] = (live[position >>> 5] ?? 0) | (1 << (position & 31));
}

function accepted(positions: readonly Position[], live: Live, tests: number): readonly boolean[] {
  const signs = new Array<boolean>(tests).fill(false);
  positions.forEach(({ test, word, at }, index) => {
    if (at === word.length && ((live[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0) signs[test] = true;
  });
  return signs;
}

interface Alphabet {
  /** Letters that count in every state: one for each class of characters, and those that the domain tells apart. */
  readonly always: number;
  /** Those first, then all others that some word names. */
  readonly letters: readonly string[];
}

/** Letters of all words and, for all others, one that segments may hold and one that they may not. */
function alphabet(positions: readonly Position[], domain: WordDomain): Alphabet {
  const named = new Set<string>(domain.characters);
  for (const { word, at } of positions) {
    const of = word[at]?.of;
    if (of !== undefined && 'members' in of) for (const member of of.members) named.add(member);
  }
  if (positions.some(({ word, at }) => word[at] !== undefined && word[at].of.kind !== 'literal')) named.add('/');
  const fresh = [unused('xyzwvuqkjhgfdba0123456789XYZQ-_~', named), unused('[]é¡¢£', named)];
  const special = [...domain.characters, '/', '?'].filter((letter) => named.has(letter));
  const always = new Set([...fresh, ...special]);
  return { always: always.size, letters: [...new Set([...always, ...named])] };
}

/** The first candidate that is not used. Errors: throws `BudgetExceeded` when all are. */
export function unused(candidates: string, used: Pick<ReadonlySet<string>, 'has'>): string {
  for (const candidate of candidates) if (!used.has(candidate)) return candidate;
  for (let code = 0x100; code < 0x2000; code += 1) {
    const candidate = String.fromCharCode(code);
    if (!used.has(candidate) && candidate.toLowerCase() === candidate) return candidate;
  }
  throw new BudgetExceeded('patterns use every character');
}
