/** A tolerant reader over one document: absent or wrongly typed members read as empty, since `validate` reports them. */
import type { SourceDocument } from './document.ts';
import { type Location, printPath, type Step } from './problem.ts';

/** What a cursor needs of a document. */
export type Source = Pick<SourceDocument, 'file' | 'value' | 'lineOf'>;

/** A place inside a document together with its value. */
export class Cursor {
  readonly value: unknown;
  readonly #document: Source;
  /** Whence this place is seen and by which steps; its path is put together only when it is asked for, which is seldom. */
  readonly #from: Cursor | null;
  readonly #steps: Step | readonly Step[];

  constructor(
    document: Source,
    value: unknown = document.value,
    from: Cursor | null = null,
    steps: Step | readonly Step[] = [],
  ) {
    this.#document = document;
    this.value = value;
    this.#from = from;
    this.#steps = steps;
  }

  /** The steps from the document's root to this place. */
  get path(): readonly Step[] {
    const parts: (Step | readonly Step[])[] = [];
    for (let place: Cursor | null = this; place !== null; place = place.#from) parts.push(place.#steps);
    return parts.toReversed().flat();
  }

  /** The member under a chain of keys. */
  get(...keys: readonly string[]): Cursor {
    // null, since an explicit undefined would ask for the default, the whole document
    return new Cursor(this.#document, keys.reduce(memberOf, this.value) ?? null, this, keys);
  }

  /** The elements of a list; none when this is no list. */
  items(): readonly Cursor[] {
    if (!Array.isArray(this.value)) return NO_PLACES;
    return this.value.map((item, index) => new Cursor(this.#document, item, this, index));
  }

  /** The members of an object that are not null, in document order; none when this is no object. */
  entries(): readonly (readonly [string, Cursor])[] {
    if (!isRecord(this.value)) return [];
    const members = Object.keys(this.value).map((key) => [key, this.get(key)] as const);
    return members.filter(([, member]) => member.isPresent());
  }

  /** True iff something other than null stands here. */
  isPresent(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** True iff a null is written under the key: absence to the API server, and a value in files that are not for it. */
  hasNull(key: string): boolean {
    return isRecord(this.value) && this.value[key] === null;
  }

  /** The text here; numbers and booleans as YAML writes them. */
  text(otherwise = ''): string {
    return this.tryText() ?? otherwise;
  }

  /** The text here, undefined when there is no scalar. */
  tryText(): string | undefined {
    return tryScalar(this.value);
  }

  /** The text under a key; numbers and booleans as YAML writes them. */
  textOf(key: string, otherwise = ''): string {
    return tryScalar(memberOf(this.value, key)) ?? otherwise;
  }

  /** True iff something other than null stands under the key. */
  has(key: string): boolean {
    return holds(this.value, key);
  }

  /** The texts of a list. */
  texts(): readonly string[] {
    return textsOf(this.value);
  }

  /** True iff a list with items stands under the key. */
  hasItems(key: string): boolean {
    return holdsItems(this.value, key);
  }

  /** The number here, also when it is written as a string. */
  number(): number | null {
    if (typeof this.value === 'number') return this.value;
    return typeof this.value === 'string' && /^-?\d+$/.test(this.value) ? Number(this.value) : null;
  }

  /** True iff the boolean true stands here. */
  isTrue(): boolean {
    return this.value === true;
  }

  /** The members whose values are scalars, as texts. */
  labels(): Readonly<Record<string, string>> {
    if (!isRecord(this.value)) return {};
    const members = Object.values(this.value);
    if (members.every(isText)) return this.value as Readonly<Record<string, string>>;
    return Object.fromEntries(this.entries().map(([key, value]) => [key, value.text()]));
  }

  /** A duration such as `1.5s` or `1m30s` in milliseconds, null when absent. */
  durationMs(): number | null {
    const text = this.tryText();
    return text === undefined ? null : parseDurationMs(text);
  }

  /** As `at`; its path and line are no members of their own, so that it is not for spreading. */
  place(): Location {
    return new Place(this.#document, this);
  }

  /** File, path and line of this place; the line is found when it is first asked for. */
  at(): Location {
    const document = this.#document;
    const steps = () => this.path;
    return {
      file: document.file,
      get path() {
        return printPath(steps());
      },
      get line() {
        return document.lineOf(steps());
      },
    };
  }
}

/** As `Cursor.at`, for places of which a mesh has many and few are asked for: it costs a tenth to make. */
class Place implements Location {
  readonly file: string;
  readonly #document: Source;
  readonly #cursor: Cursor;

  constructor(document: Source, cursor: Cursor) {
    this.file = document.file;
    this.#document = document;
    this.#cursor = cursor;
  }

  get path(): string {
    return printPath(this.#cursor.path);
  }

  get line(): number {
    return this.#document.lineOf(this.#cursor.path);
  }

  toJSON(): Location {
    return { file: this.file, path: this.path, line: this.line };
  }
}

const NO_ITEMS: readonly never[] = [];
const NO_TEXTS: readonly string[] = [];
const NO_PLACES: readonly Cursor[] = [];

const isText = (value: unknown): value is string => typeof value === 'string';

/** What stands under a key of an object; nothing when this is no object. */
export function memberOf(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}

/** True iff something other than null stands under a key of an object. */
export function holds(value: unknown, key: string): boolean {
  const member = memberOf(value, key);
  return member !== undefined && member !== null;
}

/** The items of the list under a key of an object; none when there is no list. */
export function listOf(value: unknown, key: string): readonly unknown[] {
  const list = memberOf(value, key);
  return Array.isArray(list) ? list : NO_ITEMS;
}

/** True iff a list with items stands under a key of an object. */
export const holdsItems = (value: unknown, key: string): boolean => listOf(value, key).length > 0;

/** The texts of a list: the list itself, where it holds nothing else. */
export function textsOf(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return NO_TEXTS;
  return list.every(isText) ? list : list.map((item) => tryScalar(item) ?? '');
}

function tryScalar(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 0.001, ns: 0.000001 };

function parseDurationMs(text: string): number | null {
  if (!/^(\d+(\.\d+)?(h|ms|us|ns|m|s))+$/.test(text)) return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return total;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
