/**
 * What a value of a document may look like: the part of Kubernetes' schema language that its kinds use.
 * Limits are inclusive; lengths are in characters.
 */
export type Shape =
  | { readonly kind: 'text'; readonly minLength: number; readonly maxLength: number; readonly pattern?: RegExp }
  | { readonly kind: 'oneOf'; readonly words: readonly string[] }
  | { readonly kind: 'whole'; readonly minimum: number; readonly maximum: number }
  | { readonly kind: 'number'; readonly minimum: number; readonly maximum: number }
  | { readonly kind: 'flag' }
  | { readonly kind: 'numberOrText' }
  | { readonly kind: 'anything' }
  | { readonly kind: 'list'; readonly items: Shape; readonly minItems: number; readonly maxItems: number }
  | RecordShape
  | Members;

/** A map; where nulls are dropped, as in custom objects, such a member counts as absent. */
export interface RecordShape {
  readonly kind: 'record';
  readonly values: Shape;
  readonly minMembers: number;
  readonly maxMembers: number;
  readonly nulls: 'refused' | 'dropped';
}

/** An object of named members; others are refused or ignored, and of each group in `exclusive` one may be there. */
export interface Members {
  readonly kind: 'members';
  readonly members: ReadonlyMap<string, Shape>;
  readonly required: readonly string[];
  readonly others: 'refused' | 'ignored';
  readonly exclusive: readonly (readonly string[])[];
}

/** A string. */
export const text = (limits: { minLength?: number; maxLength?: number; pattern?: RegExp } = {}): Shape => ({
  kind: 'text',
  minLength: 0,
  maxLength: Number.POSITIVE_INFINITY,
  ...limits,
});

/** A string that is not empty. */
export const filled: Shape = text({ minLength: 1 });

/** One of a few words. */
export const oneOf = (...words: readonly string[]): Shape => ({ kind: 'oneOf', words });

/** A whole number that fits 32 bits with its sign, or narrower. */
export const whole = (limits: { minimum?: number; maximum?: number } = {}): Shape => ({
  kind: 'whole',
  minimum: -0x8000_0000,
  maximum: 0x7fff_ffff,
  ...limits,
});

/** A port number as the API server accepts it. */
export const port: Shape = whole({ minimum: 1, maximum: 65_535 });

/** A number without sign that fits 32 bits, as the Istio schemas write ports; narrower rules are CEL's. */
export const unsigned: Shape = whole({ minimum: 0, maximum: 0xffff_ffff });

/** A number. */
export const number = (limits: { minimum?: number; maximum?: number } = {}): Shape => ({
  kind: 'number',
  minimum: Number.NEGATIVE_INFINITY,
  maximum: Number.POSITIVE_INFINITY,
  ...limits,
});

/** A truth value. */
export const flag: Shape = { kind: 'flag' };

/** A whole number or a string, as ports and quantities are written. */
export const numberOrText: Shape = { kind: 'numberOrText' };

/** Anything. */
export const anything: Shape = { kind: 'anything' };

/** A list of `items`. */
export const list = (items: Shape, limits: { minItems?: number; maxItems?: number } = {}): Shape => ({
  kind: 'list',
  items,
  minItems: 0,
  maxItems: Number.POSITIVE_INFINITY,
  ...limits,
});

/** A map from free names to `values`. */
export const record = (values: Shape, limits: Partial<Omit<RecordShape, 'kind' | 'values'>> = {}): Shape => ({
  kind: 'record',
  values,
  nulls: 'refused',
  minMembers: 0,
  maxMembers: Number.POSITIVE_INFINITY,
  ...limits,
});

const members = (
  shapes: Readonly<Record<string, Shape>>,
  required: readonly string[],
  others: Members['others'],
): Members => ({
  kind: 'members',
  members: new Map(Object.entries(shapes)),
  required,
  others,
  exclusive: [],
});

/** An object of known members only; names in `required` must be there. */
export const closed = (shapes: Readonly<Record<string, Shape>>, required: readonly string[] = []): Members =>
  members(shapes, required, 'refused');

/** An object of which only `shapes` are known to this language; others are left alone. */
export const open = (shapes: Readonly<Record<string, Shape>>, required: readonly string[] = []): Members =>
  members(shapes, required, 'ignored');

/** The same object, of whose members `names` at most one may be there. */
export const atMostOne = (shape: Members, ...names: readonly string[]): Members => ({
  ...shape,
  exclusive: [...shape.exclusive, names],
});
