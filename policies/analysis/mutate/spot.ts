/** A place in a document, with the values that the whole document takes when something else stands there. */
import { locate, type SourceDocument } from '../../language/document.ts';
import type { Location, Step } from '../../language/problem.ts';

type Json = Readonly<Record<string, unknown>>;

/** True iff the value is a mapping. */
export function isMapping(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The document's value with `value` at `steps`; undefined takes the member or item away. Copies what it changes only. */
export function withValue(root: unknown, steps: readonly Step[], value: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if (Array.isArray(root)) {
    const items: readonly unknown[] = root;
    const index = Number(step);
    const item = withValue(items[index], rest, value);
    if (item === undefined) return items.toSpliced(index, 1);
    return index < items.length ? items.with(index, item) : [...items, item];
  }
  const members = isMapping(root) ? root : {};
  const member = withValue(members[step], rest, value);
  if (member !== undefined) return { ...members, [step]: member };
  return Object.fromEntries(Object.entries(members).filter(([key]) => key !== step));
}

/** One place of one document. */
export class Spot {
  readonly document: SourceDocument;
  readonly steps: readonly Step[];
  readonly value: unknown;

  constructor(document: SourceDocument, steps: readonly Step[] = [], value: unknown = document.value) {
    this.document = document;
    this.steps = steps;
    this.value = value;
  }

  /** The place under a chain of members; its value is null where nothing stands. */
  get(...keys: readonly string[]): Spot {
    let value = this.value;
    for (const key of keys) value = isMapping(value) ? value[key] : undefined;
    return new Spot(this.document, [...this.steps, ...keys], value ?? null);
  }

  /** The place some steps above. */
  up(levels: number): Spot {
    const steps = this.steps.slice(0, -levels);
    let value: unknown = this.document.value;
    for (const step of steps) value = Reflect.get(value as object, step);
    return new Spot(this.document, steps, value);
  }

  /** The items of a list; none where no list stands. */
  items(): readonly Spot[] {
    if (!Array.isArray(this.value)) return [];
    return this.value.map((item: unknown, index) => new Spot(this.document, [...this.steps, index], item));
  }

  /** The members of a mapping in document order. */
  members(): readonly (readonly [string, Spot])[] {
    if (!isMapping(this.value)) return [];
    return Object.keys(this.value).map((key) => [key, this.get(key)] as const);
  }

  /** True iff something other than null stands here. */
  isPresent(): boolean {
    return this.value !== null && this.value !== undefined;
  }

  /** The text here, '' where none stands. */
  text(): string {
    return typeof this.value === 'string' || typeof this.value === 'number' ? String(this.value) : '';
  }

  /** The texts of a list. */
  texts(): readonly string[] {
    return this.items().map((item) => item.text());
  }

  /** The whole document with another value here. */
  with(value: unknown): unknown {
    return withValue(this.document.value, this.steps, value);
  }

  /** The whole document without what stands here. */
  without(): unknown {
    return this.with(undefined);
  }

  /** File, path and line. */
  at(): Location {
    return locate(this.document, this.steps);
  }
}
