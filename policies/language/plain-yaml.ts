/**
 * Reads the YAML that programs write: block mappings and lists of words on one line each, in ASCII. It never guesses: at
 * the first character of anything else (flow collections, block scalars, tags, anchors, escapes, folded text, tabs, all
 * that is broken) it says so, and the document is js-yaml's to read and to find fault with. Manifests of a large mesh
 * are nearly all of the plain kind, and reading them took half of a proof.
 */
import { isSurelyText, KUBECTL_SCHEMA } from './scalar.ts';

/** A document that this reader leaves to js-yaml. */
export const NOT_PLAIN: unique symbol = Symbol('not plain');

/** The value of the one document in `text` from `from` to `to`, exactly as js-yaml and `KUBECTL_SCHEMA` read it. */
export function tryReadPlain(text: string, { from, to }: { readonly from: number; readonly to: number }): unknown {
  if (text.charCodeAt(to - 1) !== NEW_LINE) return readPlain(`${text.slice(from, to)}\n`, 0, to - from + 1);
  return readPlain(text, from, to);
}

const [NEW_LINE, SPACE, DOUBLE_QUOTE, HASH, SINGLE_QUOTE, DASH, COLON, BACKSLASH] = [10, 32, 34, 35, 39, 45, 58, 92];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [91, 93, 123, 125];
/** Deeper documents are js-yaml's, which has a limit of its own. */
const MOST_DEPTH = 40;

const [KEY_START, KEY, WORD_START, WORD] = [1, 2, 4, 8];
/** What a character may be part of; inside a word colons, spaces and what follows them decide. */
const CLASSES = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  return (
    (/[A-Za-z_]/.test(character) ? KEY_START : 0) |
    (/[A-Za-z0-9_./-]/.test(character) ? KEY : 0) |
    (/[A-Za-z0-9_./+~$(-]/.test(character) ? WORD_START : 0) |
    (/[!-~]/.test(character) && character !== ':' ? WORD : 0)
  );
});

const isOf = (kind: number, code: number): boolean => ((CLASSES[code] ?? 0) & kind) !== 0;
const isPrintable = (code: number): boolean => code >= SPACE && code <= 126;
const endsWord = (code: number): boolean => code === SPACE || code === NEW_LINE;

/** A reading under way. INVARIANT: the stretch ends with a line break, so that no line runs beyond it. */
interface Reading {
  readonly text: string;
  readonly end: number;
  at: number;
  /** Of the line that `at` stands in: where it begins, and how far it is indented; -1 behind the last line. */
  lineStart: number;
  indent: number;
  depth: number;
}

function readPlain(text: string, from: number, end: number): unknown {
  const at = text.startsWith('---\n', from) ? from + 4 : from;
  const reading: Reading = { text, end, at, lineStart: at, indent: 0, depth: 0 };
  if (!toContent(reading) || reading.indent < 0) return NOT_PLAIN;
  const value = mapping(reading, reading.indent);
  return reading.indent < 0 ? value : NOT_PLAIN;
}

/** From the begin of a line to the first character that is neither blank nor comment; false where it is not plain. */
function toContent(reading: Reading): boolean {
  const { text, end } = reading;
  while (reading.at < end) {
    let at = reading.at;
    while (text.charCodeAt(at) === SPACE) at += 1;
    reading.lineStart = reading.at;
    reading.indent = at - reading.at;
    reading.at = at;
    const code = text.charCodeAt(at);
    if (code !== NEW_LINE && code !== HASH) return true;
    if (!toNextLine(reading)) return false;
  }
  reading.indent = -1;
  return true;
}

/** Over spaces and a comment to the begin of the next line; false where anything else stands there. */
function toNextLine(reading: Reading): boolean {
  const { text } = reading;
  let at = reading.at;
  while (text.charCodeAt(at) === SPACE) at += 1;
  if (text.charCodeAt(at) === HASH && (at === reading.lineStart || text.charCodeAt(at - 1) === SPACE))
    while (isPrintable(text.charCodeAt(at))) at += 1;
  reading.at = at + 1;
  return text.charCodeAt(at) === NEW_LINE;
}

/** From the end of a value to the next content; false where the value may go on, as folded text does. */
function endValue(reading: Reading, column: number): boolean {
  return toNextLine(reading) && toContent(reading) && reading.indent <= column;
}

function mapping(reading: Reading, column: number): unknown {
  const found: Record<string, unknown> = {};
  if (reading.depth > MOST_DEPTH) return NOT_PLAIN;
  reading.depth += 1;
  do {
    const key = tryKey(reading);
    if (key === undefined || Object.hasOwn(found, key)) return NOT_PLAIN;
    const value = valueAfter(reading, column, 'member');
    if (value === NOT_PLAIN) return NOT_PLAIN;
    found[key] = value;
  } while (reading.indent === column);
  reading.depth -= 1;
  return reading.indent < column ? found : NOT_PLAIN;
}

function sequence(reading: Reading, column: number): unknown {
  if (reading.depth > MOST_DEPTH) return NOT_PLAIN;
  reading.depth += 1;
  reading.at += 1;
  // most lists have one item, and an empty list makes room for seventeen when it gets its first
  const found = [valueAfter(reading, column, 'item')];
  while (reading.indent === column && found.at(-1) !== NOT_PLAIN && isDash(reading, reading.at)) {
    reading.at += 1;
    found.push(valueAfter(reading, column, 'item'));
  }
  reading.depth -= 1;
  return reading.indent <= column && found.at(-1) !== NOT_PLAIN ? found : NOT_PLAIN;
}

/** A `-` that begins an item. */
function isDash({ text }: Reading, at: number): boolean {
  return text.charCodeAt(at) === DASH && endsWord(text.charCodeAt(at + 1));
}

/** The key here up to its colon, undefined where there is none, or one that is more than a word. */
function tryKey(reading: Reading): string | undefined {
  const { text, at: start } = reading;
  if (!isOf(KEY_START, text.charCodeAt(start))) return undefined;
  let at = start + 1;
  while (isOf(KEY, text.charCodeAt(at))) at += 1;
  if (text.charCodeAt(at) !== COLON || !endsWord(text.charCodeAt(at + 1))) return undefined;
  reading.at = at + 1;
  const key = text.slice(start, at);
  return key !== '__proto__' && typeof plainValue(key) === 'string' ? key : undefined;
}

/** What follows a colon or a dash, to the next line with content. */
function valueAfter(reading: Reading, column: number, of: 'member' | 'item'): unknown {
  const { text } = reading;
  while (text.charCodeAt(reading.at) === SPACE) reading.at += 1;
  const code = text.charCodeAt(reading.at);
  switch (code) {
    case NEW_LINE:
    case HASH:
      return onNextLine(reading, column, of);
    case SINGLE_QUOTE:
    case DOUBLE_QUOTE:
      return quoted(reading, column, code);
    case OPEN_BRACKET:
      return isEmpty(reading, column, CLOSE_BRACKET) ? [] : NOT_PLAIN;
    case OPEN_BRACE:
      return isEmpty(reading, column, CLOSE_BRACE) ? {} : NOT_PLAIN;
    default:
      return word(reading, column, of);
  }
}

function onNextLine(reading: Reading, column: number, of: 'member' | 'item'): unknown {
  if (!toNextLine(reading) || !toContent(reading)) return NOT_PLAIN;
  const isList = isDash(reading, reading.at);
  if (reading.indent > column) return isList ? sequence(reading, reading.indent) : mapping(reading, reading.indent);
  return of === 'member' && reading.indent === column && isList ? sequence(reading, column) : null;
}

function quoted(reading: Reading, column: number, quote: number): unknown {
  const { text } = reading;
  const start = reading.at + 1;
  let at = start;
  for (let code = text.charCodeAt(at); code !== quote; code = text.charCodeAt(at)) {
    if (!isPrintable(code) || (quote === DOUBLE_QUOTE && code === BACKSLASH)) return NOT_PLAIN;
    at += 1;
  }
  reading.at = at + 1;
  if (text.charCodeAt(reading.at) === quote) return NOT_PLAIN;
  return endValue(reading, column) ? text.slice(start, at) : NOT_PLAIN;
}

/** Two brackets with nothing in between. */
function isEmpty(reading: Reading, column: number, close: number): boolean {
  if (reading.text.charCodeAt(reading.at + 1) !== close) return false;
  reading.at += 2;
  return endValue(reading, column);
}

/** A plain word, or the first key of a mapping that begins behind a dash. */
function word(reading: Reading, column: number, of: 'member' | 'item'): unknown {
  const { text, at: start } = reading;
  if (!isOf(WORD_START, text.charCodeAt(start)) || isDash(reading, start)) return NOT_PLAIN;
  let at = start;
  let end = start;
  for (;;) {
    while (isOf(WORD, text.charCodeAt(at))) at += 1;
    const code = text.charCodeAt(at);
    if (code === COLON) {
      if (endsWord(text.charCodeAt(at + 1)))
        return of === 'item' ? mapping(reading, start - reading.lineStart) : NOT_PLAIN;
      at += 1;
      continue;
    }
    end = at;
    while (text.charCodeAt(at) === SPACE) at += 1;
    const next = text.charCodeAt(at);
    if (next === NEW_LINE || (next === HASH && at > end)) break;
    if (at === end) return NOT_PLAIN;
  }
  reading.at = at;
  return endValue(reading, column) ? plainValue(text.slice(start, end)) : NOT_PLAIN;
}

/** What words that may be more than text mean: names of members and port numbers, again and again. Never undefined. */
const MEANINGS = new Map<string, unknown>();
const MOST_MEANINGS = 1000;

function plainValue(word: string): unknown {
  if (isSurelyText(word)) return word;
  const known = MEANINGS.get(word);
  if (known !== undefined) return known;
  const { value } = KUBECTL_SCHEMA.resolveImplicitScalarTag(word);
  if (MEANINGS.size < MOST_MEANINGS) MEANINGS.set(word, value);
  return value;
}
