/**
 * The part of RE2 that routes are written in: literals, classes, alternatives, and repetition of single characters. What
 * goes beyond it (repeated groups, flags, `\b`) is not decided.
 */

/** Characters: those listed, or all but those listed. */
export interface CharacterSet {
  readonly kind: 'in' | 'notIn';
  readonly members: string;
}

/** One character of a set, or any number of them. */
export interface ExpressionStep {
  readonly times: 'once' | 'many';
  readonly of: CharacterSet;
}

/** An expression that must match a whole text: some alternative, step by step. */
export interface Expression {
  readonly source: string;
  readonly alternatives: readonly (readonly ExpressionStep[])[];
  readonly accepts: (text: string) => boolean;
  /** How many ways JavaScript's engine may try on so long a text, one after the other, where RE2 goes all at once. */
  readonly tries: (length: number) => number;
}

/** Beyond it all ways are gone at once. */
export const MOST_TRIES = 1_000_000;
const MOST_ALTERNATIVES = 64;
const MOST_STEPS = 400;
const known = new Map<string, Expression | undefined>();

/** Reads an RE2 expression; undefined where it is not decided. */
export function parseExpression(source: string): Expression | undefined {
  if (known.has(source)) return known.get(source);
  if (known.size > MOST_STEPS) known.clear();
  const made = newExpression(source);
  known.set(source, made);
  return made;
}

function newExpression(source: string): Expression | undefined {
  try {
    const reader = new Reader(source);
    const alternatives = reader.alternatives();
    if (!reader.isAtEnd()) return undefined;
    const whole = new RegExp(`^(?:${source})$`, 's');
    const repeated = Math.max(0, ...alternatives.map((steps) => steps.filter(({ times }) => times === 'many').length));
    // every way to share out the characters among the steps that take any number of them
    const tries = (length: number) => {
      let ways = 1;
      for (let step = 1; step <= repeated; step += 1) ways = (ways * (length + step)) / step;
      return ways;
    };
    const accepts = (text: string) =>
      tries(text.length) <= MOST_TRIES ? whole.test(text) : alternatives.some((steps) => isWalkedBy(steps, text));
    return { source, alternatives, accepts, tries };
  } catch (error) {
    if (error instanceof Undecided || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** True iff the steps take the whole text: every step that they may have come to is followed at once, as RE2 does. */
function isWalkedBy(steps: Sequence, text: string): boolean {
  let places = new Uint8Array(steps.length + 1);
  places[0] = 1;
  for (let at = 0; ; at += 1) {
    // what stands any number of times may stand no time
    for (const [place, { times }] of steps.entries())
      if (times === 'many' && places[place] === 1) places[place + 1] = 1;
    const character = text[at];
    if (character === undefined) return places[steps.length] === 1;
    const next = new Uint8Array(places.length);
    for (const [place, { times, of }] of steps.entries())
      if (places[place] === 1 && of.members.includes(character) === (of.kind === 'in'))
        next[times === 'many' ? place : place + 1] = 1;
    places = next;
  }
}

class Undecided extends Error {}

type Sequence = readonly ExpressionStep[];

const ANY: CharacterSet = { kind: 'notIn', members: '' };
const DIGITS = '0123456789';
const WORD = `${DIGITS}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_`;
const CLASSES: Readonly<Record<string, CharacterSet>> = {
  d: { kind: 'in', members: DIGITS },
  D: { kind: 'notIn', members: DIGITS },
  w: { kind: 'in', members: WORD },
  W: { kind: 'notIn', members: WORD },
};

/** Reads alternatives, sequences and repetition; throws `Undecided` at whatever else. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    if (!/^[\x20-\x7e]*$/.test(text)) throw new Undecided();
  }

  isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  alternatives(): readonly Sequence[] {
    const found = [...this.#sequence()];
    while (this.#takes('|')) found.push(...this.#sequence());
    return bounded(found);
  }

  #sequence(): readonly Sequence[] {
    let found: readonly Sequence[] = [[]];
    // the whole text is compared anyway, so that anchors at the edges say nothing
    while (this.#takes('^')) if (this.#at > 1) throw new Undecided();
    while (!this.isAtEnd() && !'|)'.includes(this.#peek())) {
      if (this.#takes('$')) {
        if (!this.isAtEnd()) throw new Undecided();
        break;
      }
      const next = this.#repeated();
      found = bounded(found.flatMap((head) => next.map((tail) => [...head, ...tail])));
    }
    return found;
  }

  #repeated(): readonly Sequence[] {
    if (this.#takes('(')) {
      if (this.#takes('?') && !this.#takes(':')) throw new Undecided();
      const inner = this.alternatives();
      if (!this.#takes(')')) throw new Undecided();
      const optional = this.#takes('?') ? [...inner, []] : inner;
      if (!this.isAtEnd() && '*+?{'.includes(this.#peek())) throw new Undecided();
      return optional;
    }
    const of = this.#characters();
    const found = this.#times(of);
    // a second sign would be a lazy one, which is the same language, or a possessive one, which is not
    if (this.#takes('?')) return found;
    if (!this.isAtEnd() && '*+{'.includes(this.#peek())) throw new Undecided();
    return found;
  }

  #times(of: CharacterSet): readonly Sequence[] {
    const once: ExpressionStep = { times: 'once', of };
    const many: ExpressionStep = { times: 'many', of };
    if (this.#takes('*')) return [[many]];
    if (this.#takes('+')) return [[once, many]];
    if (this.#takes('?')) return [[once], []];
    const counted = /^\{(\d{1,3})(,(\d{0,3}))?\}/.exec(this.#text.slice(this.#at));
    if (counted === null) return [[once]];
    this.#at += counted[0].length;
    const [least, most] = [Number(counted[1]), counted[2] === undefined ? Number(counted[1]) : counted[3]];
    const base = Array.from({ length: least }, () => once);
    if (most === '') return [[...base, many]];
    const more = Math.max(0, Number(most) - least);
    return bounded(
      Array.from({ length: more + 1 }, (_, extra) => [...base, ...Array.from({ length: extra }, () => once)]),
    );
  }

  #characters(): CharacterSet {
    const character = this.#next();
    if (character === '.') return ANY;
    if (character === '[') return this.#bracket();
    if (character === '\\') return this.#escaped();
    if ('*+?{}])^$'.includes(character)) throw new Undecided();
    return { kind: 'in', members: character };
  }

  #escaped(): CharacterSet {
    const character = this.#next();
    const known = CLASSES[character];
    if (known !== undefined) return known;
    if (/[A-Za-z0-9]/.test(character)) throw new Undecided();
    return { kind: 'in', members: character };
  }

  #bracket(): CharacterSet {
    const kind = this.#takes('^') ? 'notIn' : 'in';
    let members = '';
    while (!this.#takes(']')) {
      const from = this.#member();
      if (this.#peek() === '-' && this.#text[this.#at + 1] !== ']') {
        this.#next();
        const to = this.#member();
        if (from.length !== 1 || to.length !== 1 || from > to) throw new Undecided();
        for (let code = from.charCodeAt(0); code <= to.charCodeAt(0); code += 1) members += String.fromCharCode(code);
      } else members += from;
    }
    if (members === '') throw new Undecided();
    return { kind, members };
  }

  #member(): string {
    const character = this.#next();
    if (character === '[') throw new Undecided();
    if (character !== '\\') return character;
    const { kind, members } = this.#escaped();
    if (kind === 'notIn') throw new Undecided();
    return members;
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #next(): string {
    if (this.isAtEnd()) throw new Undecided();
    const character = this.#peek();
    this.#at += 1;
    return character;
  }

  #takes(character: string): boolean {
    if (this.isAtEnd() || this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }
}

function bounded(found: readonly Sequence[]): readonly Sequence[] {
  const steps = found.reduce((sum, sequence) => sum + sequence.length, 0);
  if (found.length > MOST_ALTERNATIVES || steps > MOST_STEPS) throw new Undecided();
  return found;
}
