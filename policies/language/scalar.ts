import {
  boolYaml11Tag,
  DUMP_SCHEMA,
  defineScalarTag,
  FAILSAFE_SCHEMA,
  mapTag,
  mergeTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  Schema,
} from 'js-yaml';

const INTEGER = /^[-+]?(?:0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|0|[1-9][0-9]*)$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const SPECIAL_FLOATS = new Map([
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((text) => [text, Infinity] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((text) => [text, -Infinity] as const),
  ...['.nan', '.NaN', '.NAN'].map((text) => [text, NaN] as const),
]);

/** The integer that Go's `strconv.ParseInt(text, 0, 64)` reads: `0777` is octal, `0b`, `0o` and `0x` are bases. */
function integerOf(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[-+]/, '');
  const octal = /^0[oO]?([0-7]+)$/.exec(digits);
  const magnitude = octal?.[1] === undefined ? Number(digits) : Number.parseInt(octal[1], 8);
  return sign * magnitude || 0;
}

/** `y` and `n` alone stay strings, as in the recorded policy sets. */
const booleanTag = defineScalarTag<boolean>(boolYaml11Tag.tagName, {
  implicit: true,
  implicitFirstChars: [...'yYnNtTfFoO'],
  resolve: (source, isExplicit, tagName) =>
    source.length === 1 ? NOT_RESOLVED : boolYaml11Tag.resolve(source, isExplicit, tagName),
  identify: (value) => typeof value === 'boolean',
});

const integerTag = defineScalarTag<number>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: ['-', '+', ...'0123456789'],
  resolve: (source) => {
    const plain = source.includes('_') ? source.replaceAll('_', '') : source;
    return INTEGER.test(plain) ? integerOf(plain) : NOT_RESOLVED;
  },
  identify: Number.isInteger,
});

const floatTag = defineScalarTag<number>('tag:yaml.org,2002:float', {
  implicit: true,
  implicitFirstChars: ['-', '+', '.', ...'0123456789'],
  resolve: (source) => {
    const plain = source.includes('_') && !source.startsWith('.') ? source.replaceAll('_', '') : source;
    return FLOAT.test(plain) ? Number(plain) : (SPECIAL_FLOATS.get(source) ?? NOT_RESOLVED);
  },
  identify: (value) => typeof value === 'number',
});

/** A mapping as JSON can hold it: kubectl refuses a null key, and so does this. */
const jsonMapTag: typeof mapTag = {
  ...mapTag,
  addPair: (carrier, key, value) => (key === null ? 'a key must not be null' : mapTag.addPair(carrier, key, value)),
};

/**
 * How kubectl reads plain scalars: YAML 1.1 booleans (`yes`, `on`), Go's integers, no sexagesimals, dates as strings.
 * Source: sigs.k8s.io/yaml (goyaml.v2 `resolve`), which turns YAML into JSON before the API server sees it.
 */
export const KUBECTL_SCHEMA = new Schema([
  ...FAILSAFE_SCHEMA.tags,
  jsonMapTag,
  nullYaml11Tag,
  booleanTag,
  integerTag,
  floatTag,
  mergeTag,
]);

/** The characters that a number, truth value or null of `KUBECTL_SCHEMA` can begin with. */
const MEANINGFUL = new Set(
  KUBECTL_SCHEMA.tags.flatMap((tag) =>
    tag.nodeKind === 'scalar' && tag.implicit ? (tag.implicitFirstChars ?? []) : [],
  ),
);

/**
 * True only of plain words that `KUBECTL_SCHEMA` reads as text: of most of them, for a fraction of what asking it costs.
 * With a letter begin truth values and nulls, of which `false` is the longest.
 */
export function isSurelyText(word: string): boolean {
  const first = word.charAt(0);
  return !MEANINGFUL.has(first) || (word.length > 5 && first >= 'A');
}

type ScalarTag = ReturnType<typeof defineScalarTag<number>>;

/** `tag` as the printer must see it: its own forms and those that kubectl alone takes for a number. */
const widened = (tag: ScalarTag, kubectl: ScalarTag): ScalarTag => ({
  ...tag,
  implicitFirstChars: ['-', '+', '.', ...'0123456789'],
  resolve: (source, isExplicit, tagName) => {
    const value = tag.resolve(source, isExplicit, tagName);
    return value === NOT_RESOLVED ? kubectl.resolve(source, isExplicit, tagName) : value;
  },
});

const dumpTag = (name: string): ScalarTag => {
  const tag = DUMP_SCHEMA.tags.find(({ tagName }) => tagName === name);
  if (tag?.nodeKind !== 'scalar') throw new Error(`js-yaml's dump schema has no scalar tag ${name}`);
  return tag;
};

/** Everything that any reader of YAML 1.1, of YAML 1.2 or kubectl takes for more than a string: it must be quoted. */
export const PRINT_SCHEMA = DUMP_SCHEMA.withTags(
  widened(dumpTag(integerTag.tagName), integerTag),
  widened(dumpTag(floatTag.tagName), floatTag),
);
