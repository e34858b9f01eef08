/** A tolerant reader over one document: absent or wrongly typed members read as empty, since `validate` reports them. */
import type { SourceDocument } from './document.ts';
import { type Location, printPath, type Step } from './problem.ts';

/** What a cursor needs of a document. */
export type Source = Pick<SourceDocument, 'file' | 'value' | 'lineOf'>;

/** A place inside a document together with its value. */
export class Cursor {
  readonly value: unknown;
  readonly #document: Source;
  /** Where this place is seen from; its path is put together only when it is asked for, which is seldom. */
  readonly #from: { readonly cursor: Cursor; readonly steps: readonly Step[] } | null;

  constructor(
    document: Source,
    from: { readonly cursor: Cursor; readonly steps: readonly Step[] } | null = null,
    value: unknown = document.value,
  ) {
    this.#document = document;
    this.#from = from;
    this.value = value;
  }

  /** The steps from the document's root to this place. */
  get path(): readonly Step[] {
    const parts: (readonly Step[])[] = [];
    for (let from = this.#from; from !== null; from = from.cursor.#from) parts.push(from.steps);
    return parts.toReversed().flat();
  }

  /** The member under a chain of keys. */
  get(...keys: readonly string[]): Cursor {
    let value = this.value;
    for (const key of keys) value = isRecord(value) ? value[key] : undefined;
    // null, since an explicit undefined would ask for the default, the whole document
    return new Cursor(this.#document, { cursor: this, steps: keys }, value ?? null);
  }

  /** The elements of a list; none when this is no list. */
  items(): readonly Cursor[] {
    if (!Array.isArray(this.value)) return [];
    return this.value.map((item, index) => new Cursor(this.#document, { cursor: this, steps: [index] }, item));
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

  /** The texts of a list. */
  texts(): readonly string[] {
    return Array.isArray(this.value) ? this.value.map((item) => tryScalar(item) ?? '') : NO_TEXTS;
  }

  /** The texts of the list under a key. */
  textsOf(key: string): readonly string[] {
    const list = isRecord(this.value) ? this.value[key] : undefined;
    return Array.isArray(list) ? list.map((item) => tryScalar(item) ?? '') : NO_TEXTS;
  }

  /** True iff a list with items stands under the key. */
  hasItems(key: string): boolean {
    const list = isRecord(this.value) ? this.value[key] : undefined;
    return Array.isArray(list) && list.length > 0;
  }

  /** The texts of the list under a key that a claim is true of, as places. */
  textsWhere(key: string, claims: (text: string) => boolean): readonly Cursor[] {
    const list = isRecord(this.value) ? this.value[key] : undefined;
    if (!Array.isArray(list)) return NO_PLACES;
    const found: Cursor[] = [];
    for (const [index, item] of list.entries())
      if (claims(tryScalar(item) ?? ''))
        found.push(new Cursor(this.#document, { cursor: this, steps: [key, index] }, item));
    return found;
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

const NO_TEXTS: readonly string[] = [];
const NO_PLACES: readonly Cursor[] = [];

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
