import { EVENT_ID, type Event, getScalarValue } from 'js-yaml';
import type { Step } from './problem.ts';

/** The parser events of one document and the text that their offsets point into. */
export interface EventStream {
  readonly text: string;
  /** Never changed; js-yaml asks for a mutable array. */
  readonly events: Event[];
}

/** A key that stands twice in one mapping. */
export interface DuplicateKey {
  readonly path: readonly Step[];
  readonly offset: number;
}

/** Where a node begins; -1 for one that is written with no character at all, such as the value of `a:`. */
function offsetOf(event: Event | undefined): number {
  switch (event?.type) {
    case EVENT_ID.SCALAR:
      return Math.max(event.valueStart, event.tagStart, event.anchorStart);
    case EVENT_ID.MAPPING:
    case EVENT_ID.SEQUENCE:
      return event.start;
    case EVENT_ID.ALIAS:
      return event.anchorStart;
    default:
      return -1;
  }
}

/** Index of the event after the node that begins at `index`. */
function afterNode(events: readonly Event[], index: number): number {
  let depth = 0;
  for (let next = index; next < events.length; next += 1) {
    const type = events[next]?.type;
    if (type === EVENT_ID.POP) depth -= 1;
    else if (type !== EVENT_ID.SCALAR && type !== EVENT_ID.ALIAS) depth += 1;
    if (depth === 0) return next + 1;
  }
  return events.length;
}

const keyText = (stream: EventStream, index: number): string | undefined => {
  const event = stream.events[index];
  return event?.type === EVENT_ID.SCALAR ? getScalarValue(stream.text, event) : undefined;
};

/** A member or item inside a collection: where it is announced (the key) and where its value begins. */
interface Found {
  readonly announced: number;
  readonly value: number;
}

function findMember(stream: EventStream, mapping: number, key: string): Found | undefined {
  let index = mapping + 1;
  while (index < stream.events.length && stream.events[index]?.type !== EVENT_ID.POP) {
    const value = afterNode(stream.events, index);
    if (keyText(stream, index) === key) return { announced: index, value };
    index = afterNode(stream.events, value);
  }
  return undefined;
}

function findItem(stream: EventStream, sequence: number, position: number): Found | undefined {
  let index = sequence + 1;
  for (let left = position; left > 0 && stream.events[index]?.type !== EVENT_ID.POP; left -= 1) {
    index = afterNode(stream.events, index);
  }
  const type = stream.events[index]?.type;
  return type === undefined || type === EVENT_ID.POP ? undefined : { announced: index, value: index };
}

function findStep(stream: EventStream, collection: number, step: Step): Found | undefined {
  const type = stream.events[collection]?.type;
  if (type === EVENT_ID.MAPPING) return findMember(stream, collection, String(step));
  return type === EVENT_ID.SEQUENCE && typeof step === 'number' ? findItem(stream, collection, step) : undefined;
}

/**
 * Text offset of the node that `path` leads to: the key of a member, the start of a list item.
 * Where the path leads nowhere (a missing member, a merged or aliased one), the deepest node that does exist.
 */
export function offsetOfPath(stream: EventStream, path: readonly Step[]): number {
  let value = 1;
  let offset = Math.max(0, offsetOf(stream.events[value]));
  for (const step of path) {
    const found = findStep(stream, value, step);
    if (found === undefined) break;
    value = found.value;
    const announced = offsetOf(stream.events[found.announced]);
    if (announced >= 0) offset = announced;
  }
  return offset;
}

function collectDuplicates(stream: EventStream, index: number, path: readonly Step[], found: DuplicateKey[]): number {
  const type = stream.events[index]?.type;
  if (type !== EVENT_ID.MAPPING && type !== EVENT_ID.SEQUENCE) return index + 1;
  const seen = new Set<string>();
  let next = index + 1;
  for (let item = 0; next < stream.events.length && stream.events[next]?.type !== EVENT_ID.POP; item += 1) {
    if (type === EVENT_ID.SEQUENCE) {
      next = collectDuplicates(stream, next, [...path, item], found);
      continue;
    }
    const key = keyText(stream, next) ?? '?';
    if (seen.has(key)) found.push({ path: [...path, key], offset: Math.max(0, offsetOf(stream.events[next])) });
    if (key !== '<<' && key !== '?') seen.add(key);
    next = collectDuplicates(stream, afterNode(stream.events, next), [...path, key], found);
  }
  return next + 1;
}

/** Every key that repeats an earlier key of its own mapping, in order of appearance. */
export function duplicateKeys(stream: EventStream): readonly DuplicateKey[] {
  const found: DuplicateKey[] = [];
  collectDuplicates(stream, 1, [], found);
  return found;
}

/** Offsets at which the lines of `text` begin, ascending; `\r\n`, `\n` and `\r` end a line. */
export function lineStarts(text: string): readonly number[] {
  const starts = [0];
  if (!text.includes('\r')) {
    // nearly every text: a match object a line takes thrice as long, and reports ask for lines of texts with a million
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    return starts;
  }
  for (const lineBreak of text.matchAll(/\r\n|\n|\r/g)) starts.push(lineBreak.index + lineBreak[0].length);
  return starts;
}

/** Line of `offset`, counted from 1, by bisection of the result of `lineStarts`. */
export function lineAt(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Splits the events of a text at its documents. INVARIANT: each stream begins with its DOCUMENT event. */
export function splitDocuments(text: string, events: Event[]): readonly EventStream[] {
  const streams: EventStream[] = [];
  for (let index = 0; index < events.length; ) {
    const next = afterNode(events, index);
    streams.push({ text, events: events.slice(index, next) });
    index = next;
  }
  return streams;
}
