/** A tolerant reader over one document: absent or wrongly typed members read as empty, since `validate` reports them. */
import type { SourceDocument } from './document.ts';
import { type Location, printPath, type Step } from './problem.ts';

/** What a cursor needs of a document. */
export type Source = Pick<SourceDocument, 'file' | 'value' | 'lineOf'>;

/** A place inside a document together with its value. */
export class Cursor {
  readonly value: unknown;
  readonly path: readonly Step[];
  readonly #document: Source;

  constructor(document: Source, path: readonly Step[] = [], value: unknown = document.value) {
    this.#document = document;
    this.path = path;
    this.value = value;
  }

  /** The member under a chain of keys. */
  get(...keys: readonly string[]): Cursor {
    let value = this.value;
    for (const key of keys) value = isRecord(value) ? value[key] : undefined;
    // null, since an explicit undefined would ask for the default, the whole document
    return new Cursor(this.#document, [...this.path, ...keys], value ?? null);
  }

  /** The elements of a list; none when this is no list. */
  items(): readonly Cursor[] {
    if (!Array.isArray(this.value)) return [];
    return this.value.map((item, index) => new Cursor(this.#document, [...this.path, index], item));
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
    if (typeof this.value === 'string') return this.value;
    return typeof this.value === 'number' || typeof this.value === 'boolean' ? String(this.value) : undefined;
  }

  /** The texts of a list. */
  texts(): readonly string[] {
    return this.items().map((item) => item.text());
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

  /** File, path and line of this place; the line is found when it is first asked for. */
  at(): Location {
    const document = this.#document;
    const path = this.path;
    return {
      file: document.file,
      path: printPath(path),
      get line() {
        return document.lineOf(path);
      },
    };
  }
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
