/**
 * Reads the YAML that programs write: block mappings and lists of words on one line each, in ASCII. It never guesses: at
 * the first character of anything else (flow collections, block scalars, tags, anchors, escapes, folded text, tabs, all
 * that is broken) it says so, and the document is js-yaml's to read and to find fault with. Manifests of a large mesh
 * are nearly all of the plain kind, and reading them took half of a proof.
 */
import { KUBECTL_SCHEMA } from './scalar.ts';

/** A document that this reader leaves to js-yaml. */
export const NOT_PLAIN: unique symbol = Symbol('not plain');

/** The value of the one document in `text` from `from` to `to`, exactly as js-yaml and `KUBECTL_SCHEMA` read it. */
export function tryReadPlain(text: string, { from, to }: { readonly from: number; readonly to: number }): unknown {
  return new PlainReader(text, from, to).read();
}

const [NEW_LINE, SPACE, DOUBLE_QUOTE, HASH, SINGLE_QUOTE, DASH, COLON, BACKSLASH] = [10, 32, 34, 35, 39, 45, 58, 92];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [91, 93, 123, 125];
/** Deeper documents are js-yaml's, which has a limit of its own. */
const MOST_DEPTH = 40;

const [KEY_START, KEY, WORD_START] = [1, 2, 4];
/** What a character may be part of. */
const CLASSES = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  return (
    (/[A-Za-z_]/.test(character) ? KEY_START : 0) |
    (/[A-Za-z0-9_./-]/.test(character) ? KEY : 0) |
    (/[A-Za-z0-9_./+~$(-]/.test(character) ? WORD_START : 0)
  );
});

class PlainReader {
  readonly #text: string;
  readonly #end: number;
  #at: number;
  /** Of the line that `#at` stands in: where it begins, and how far it is indented; -1 behind the last line. */
  #lineStart: number;
  #indent = 0;
  #depth = 0;

  constructor(text: string, from: number, to: number) {
    this.#text = text;
    this.#end = to;
    this.#at = from;
    this.#lineStart = from;
  }

  read(): unknown {
    if (this.#text.startsWith('---', this.#at) && this.#code(this.#at + 3) === NEW_LINE) this.#at += 4;
    if (!this.#toContent() || this.#indent < 0) return NOT_PLAIN;
    const value = this.#mapping(this.#indent);
    return this.#indent < 0 ? value : NOT_PLAIN;
  }

  /** The character at a place; behind the text as if a line ended. */
  #code(at: number): number {
    return at < this.#end ? this.#text.charCodeAt(at) : NEW_LINE;
  }

  /** From the begin of a line to the first character that is neither blank nor comment; false where it is not plain. */
  #toContent(): boolean {
    while (this.#at < this.#end) {
      this.#lineStart = this.#at;
      let at = this.#at;
      while (this.#code(at) === SPACE) at += 1;
      const code = this.#code(at);
      this.#at = at;
      this.#indent = at - this.#lineStart;
      if (code !== NEW_LINE && code !== HASH) return true;
      if (!this.#toNextLine()) return false;
    }
    this.#indent = -1;
    return true;
  }

  /** Over spaces and a comment to the begin of the next line; false where anything else stands there. */
  #toNextLine(): boolean {
    let at = this.#at;
    while (this.#code(at) === SPACE) at += 1;
    if (this.#code(at) === HASH && (at === this.#lineStart || this.#code(at - 1) === SPACE))
      while (isPrintable(this.#code(at))) at += 1;
    this.#at = at + 1;
    return this.#code(at) === NEW_LINE;
  }

  /** From the end of a value to the next content; false where the value may go on, as folded text does. */
  #endValue(column: number): boolean {
    return this.#toNextLine() && this.#toContent() && this.#indent <= column;
  }

  #mapping(column: number): unknown {
    const found: Record<string, unknown> = {};
    if (this.#depth > MOST_DEPTH) return NOT_PLAIN;
    this.#depth += 1;
    do {
      const key = this.#tryKey();
      if (key === undefined || Object.hasOwn(found, key)) return NOT_PLAIN;
      const value = this.#value(column, 'member');
      if (value === NOT_PLAIN) return NOT_PLAIN;
      found[key] = value;
    } while (this.#indent === column);
    this.#depth -= 1;
    return this.#indent < column ? found : NOT_PLAIN;
  }

  #sequence(column: number): unknown {
    const found: unknown[] = [];
    if (this.#depth > MOST_DEPTH) return NOT_PLAIN;
    this.#depth += 1;
    while (this.#indent === column && this.#isDash(this.#at)) {
      this.#at += 1;
      const value = this.#value(column, 'item');
      if (value === NOT_PLAIN) return NOT_PLAIN;
      found.push(value);
    }
    this.#depth -= 1;
    return this.#indent <= column ? found : NOT_PLAIN;
  }

  /** A `-` that begins an item. */
  #isDash(at: number): boolean {
    const next = this.#code(at + 1);
    return this.#code(at) === DASH && (next === SPACE || next === NEW_LINE);
  }

  /** The key here up to its colon, undefined where there is none, or one that is more than a word. */
  #tryKey(): string | undefined {
    const start = this.#at;
    if (((CLASSES[this.#code(start)] ?? 0) & KEY_START) === 0) return undefined;
    let at = start + 1;
    while (((CLASSES[this.#code(at)] ?? 0) & KEY) !== 0) at += 1;
    const next = this.#code(at + 1);
    if (this.#code(at) !== COLON || (next !== SPACE && next !== NEW_LINE)) return undefined;
    this.#at = at + 1;
    const key = this.#text.slice(start, at);
    return key !== '__proto__' && typeof plainValue(key) === 'string' ? key : undefined;
  }

  /** What follows a colon or a dash, to the next line with content. */
  #value(column: number, of: 'member' | 'item'): unknown {
    while (this.#code(this.#at) === SPACE) this.#at += 1;
    const code = this.#code(this.#at);
    switch (code) {
      case NEW_LINE:
      case HASH:
        return this.#onNextLine(column, of);
      case SINGLE_QUOTE:
      case DOUBLE_QUOTE:
        return this.#quoted(column, code);
      case OPEN_BRACKET:
        return this.#empty(column, CLOSE_BRACKET) ? [] : NOT_PLAIN;
      case OPEN_BRACE:
        return this.#empty(column, CLOSE_BRACE) ? {} : NOT_PLAIN;
      default:
        return this.#word(column, of);
    }
  }

  #onNextLine(column: number, of: 'member' | 'item'): unknown {
    if (!this.#toNextLine() || !this.#toContent()) return NOT_PLAIN;
    const isList = this.#isDash(this.#at);
    if (this.#indent > column) return isList ? this.#sequence(this.#indent) : this.#mapping(this.#indent);
    return of === 'member' && this.#indent === column && isList ? this.#sequence(column) : null;
  }

  #quoted(column: number, quote: number): unknown {
    const start = this.#at + 1;
    let at = start;
    for (let code = this.#code(at); code !== quote; code = this.#code(at)) {
      if (!isPrintable(code) || (quote === DOUBLE_QUOTE && code === BACKSLASH)) return NOT_PLAIN;
      at += 1;
    }
    this.#at = at + 1;
    if (this.#code(this.#at) === quote) return NOT_PLAIN;
    return this.#endValue(column) ? this.#text.slice(start, at) : NOT_PLAIN;
  }

  /** Two brackets with nothing in between. */
  #empty(column: number, close: number): boolean {
    if (this.#code(this.#at + 1) !== close) return false;
    this.#at += 2;
    return this.#endValue(column);
  }

  /** A plain word, or the first key of a mapping that begins behind a dash. */
  #word(column: number, of: 'member' | 'item'): unknown {
    const start = this.#at;
    if (((CLASSES[this.#code(start)] ?? 0) & WORD_START) === 0 || this.#isDash(start)) return NOT_PLAIN;
    let at = start;
    let last = start;
    for (let code = this.#code(at); code !== NEW_LINE; code = this.#code(at)) {
      if (!isPrintable(code)) return NOT_PLAIN;
      const next = this.#code(at + 1);
      if (code === COLON && (next === SPACE || next === NEW_LINE))
        return of === 'item' ? this.#mapping(start - this.#lineStart) : NOT_PLAIN;
      if (code === SPACE && next === HASH) break;
      if (code !== SPACE) last = at;
      at += 1;
    }
    this.#at = at;
    return this.#endValue(column) ? plainValue(this.#text.slice(start, last + 1)) : NOT_PLAIN;
  }
}

const isPrintable = (code: number): boolean => code >= SPACE && code <= 126;

/** A word as the schema reads it: most begin with a character that no number, truth value or null begins with. */
function plainValue(word: string): unknown {
  return KUBECTL_SCHEMA.resolveImplicitScalarTag(word).value;
}
