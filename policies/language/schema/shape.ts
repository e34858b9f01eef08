/** A JSON Schema, written with the builders below. */
export type Shape = Readonly<Record<string, unknown>>;

/** Limits of a text: lengths in characters, `pattern` as a regular expression over the whole text. */
interface TextLimits {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

/** A string. */
export const text = (limits: TextLimits = {}): Shape => ({ type: 'string', ...limits });

/** A string that is not empty. */
export const filled: Shape = text({ minLength: 1 });

/** One of a few words. */
export const oneOf = (...words: readonly string[]): Shape => ({ type: 'string', enum: words });

/** A whole number that fits 32 bits with its sign, or narrower. */
export const whole = (limits: { readonly minimum?: number; readonly maximum?: number } = {}): Shape => ({
  type: 'integer',
  minimum: -0x8000_0000,
  maximum: 0x7fff_ffff,
  ...limits,
});

/** A port number as the API server accepts it. */
export const port: Shape = whole({ minimum: 1, maximum: 65_535 });

/** A number without sign that fits 32 bits, as the Istio schemas write ports; narrower rules are CEL's. */
export const unsigned: Shape = whole({ minimum: 0, maximum: 0xffff_ffff });

/** A number. */
export const number: Shape = { type: 'number' };

/** A truth value. */
export const flag: Shape = { type: 'boolean' };

/** A number or a string, as ports and quantities are written. */
export const numberOrText: Shape = { type: ['integer', 'string'] };

/** Anything. */
export const anything: Shape = {};

/** A list of `items`. */
export const list = (items: Shape, limits: { readonly minItems?: number; readonly maxItems?: number } = {}): Shape => ({
  type: 'array',
  items,
  ...limits,
});

/** A map from free names to `values`. */
export const record = (
  values: Shape,
  limits: { readonly minProperties?: number; readonly maxProperties?: number } = {},
): Shape => ({ type: 'object', additionalProperties: values, ...limits });

/** An object of known members only; names in `required` must be there. */
export const closed = (properties: Readonly<Record<string, Shape>>, required: readonly string[] = []): Shape => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

/** An object of which only `properties` are known to this language; others are left alone. */
export const open = (properties: Readonly<Record<string, Shape>>, required: readonly string[] = []): Shape => ({
  type: 'object',
  properties,
  required,
});

/** The same object, of whose members `names` at most one may be there. */
export const atMostOne = (shape: Shape, ...names: readonly string[]): Shape => {
  const earlier = shape['atMostOne'];
  return { ...shape, atMostOne: [...(Array.isArray(earlier) ? earlier : []), names] };
};
