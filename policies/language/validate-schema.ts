import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { locate, type SourceDocument } from './document.ts';
import { type Problem, problem, quote, type Step } from './problem.ts';
import type { KnownKind } from './schema/registry.ts';
import type { Shape } from './schema/shape.ts';
import { tryFindNearest } from './spelling.ts';

const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true, validateFormats: false });
ajv.addKeyword({
  keyword: 'atMostOne',
  type: 'object',
  schemaType: 'array',
  validate: (groups: readonly (readonly string[])[], data: object) =>
    groups.every((names) => present(data, names).length <= 1),
});

const present = (data: unknown, names: readonly string[]): readonly string[] =>
  names.filter((name) => (Reflect.get(Object(data), name) ?? null) !== null);

const compiled = new Map<KnownKind, ValidateFunction>();

function validatorOf(known: KnownKind): ValidateFunction {
  const ready = compiled.get(known);
  if (ready !== undefined) return ready;
  const validator = ajv.compile(known.shape);
  compiled.set(known, validator);
  return validator;
}

/** A pointer such as `/spec/rules/0` as the steps that lead there. */
function stepsOf(pointer: string, root: unknown): readonly Step[] {
  let value = root;
  return pointer
    .split('/')
    .slice(1)
    .map((escaped) => {
      const name = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
      const step = Array.isArray(value) ? Number(name) : name;
      value = Reflect.get(Object(value), step);
      return step;
    });
}

const typeName = (type: string | readonly string[]): string =>
  [type]
    .flat()
    .map((name) => TYPE_NAMES[name] ?? name)
    .join(' or ');

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  array: 'a list',
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: '`true` or `false`',
};

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return `the ${typeof value} ${quote(String(value))}`;
}

function repairOfType(expected: string | readonly string[], value: unknown): string | undefined {
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    return `quote it: "${String(value)}" (YAML reads bare numbers, \`yes\` and \`on\` as more than text)`;
  }
  if (expected === 'array' && value !== null && typeof value !== 'object') return `write a list: ["${String(value)}"]`;
  if (expected === 'array' && value !== null && typeof value === 'object') return 'begin each item with `- `';
  if (expected === 'object' && Array.isArray(value)) return 'write the members without `- `';
  return undefined;
}

/** Text of a fault and, where one is known, its repair. */
type Wording = readonly [code: string, message: string, help?: string | undefined];

const isPlural = (limit: unknown): string => (limit === 1 ? '' : 's');

function wordingOf(error: ErrorObject): Wording {
  const { keyword, params, data } = error;
  const limit: unknown = params['limit'];
  switch (keyword) {
    case 'type':
      return [
        'schema/type',
        `expected ${typeName(params['type'])}, got ${describe(data)}`,
        repairOfType(params['type'], data),
      ];
    case 'enum': {
      const words: readonly string[] = params['allowedValues'];
      const nearest = typeof data === 'string' ? tryFindNearest(data, words) : undefined;
      const message = `expected one of ${words.map((word) => `\`${word}\``).join(', ')}, got ${describe(data)}`;
      return ['schema/enum', message, nearest && `did you mean \`${nearest}\`?`];
    }
    case 'maxItems':
    case 'minItems': {
      const found = Array.isArray(data) ? data.length : 0;
      return [
        'schema/items',
        `expected at ${keyword === 'maxItems' ? 'most' : 'least'} ${limit} item${isPlural(limit)}, got ${found}`,
      ];
    }
    case 'minProperties':
    case 'maxProperties': {
      const found = Object.keys(Object(data)).length;
      return [
        'schema/members',
        `expected at ${keyword === 'maxProperties' ? 'most' : 'least'} ${limit} member${isPlural(limit)}, got ${found}`,
      ];
    }
    case 'minLength':
      return ['schema/length', 'expected text, got an empty string'];
    case 'maxLength':
      return ['schema/length', `expected at most ${limit} characters, got ${String(data).length}`];
    case 'minimum':
    case 'maximum':
      return ['schema/range', `expected a number ${params['comparison']} ${limit}, got ${describe(data)}`];
    default:
      return [
        'schema/pattern',
        `expected text that matches \`${params['pattern'] ?? keyword}\`, got ${describe(data)}`,
      ];
  }
}

function unknownField(error: ErrorObject, document: SourceDocument, steps: readonly Step[]): Problem {
  const name: string = error.params['additionalProperty'];
  const known = Object.keys(Object(error.parentSchema?.['properties']));
  const nearest = tryFindNearest(name, known);
  const help = nearest === undefined ? `known here: ${known.join(', ')}` : `did you mean \`${nearest}\`?`;
  return problem('unknown-field/unknown', `unknown field \`${name}\``, locate(document, [...steps, name]), help);
}

const missing = (document: SourceDocument, steps: readonly Step[]): Problem =>
  problem('schema/required', `expected member \`${steps.at(-1)}\`, got nothing`, locate(document, steps));

/**
 * What a null is worth: the API server drops a null member before it validates, so it counts as missing;
 * null items and null values of free maps stay and are of the wrong type.
 */
function nullMember(error: ErrorObject, shape: Shape): 'dropped' | 'missed' | 'kept' {
  const keywords = error.schemaPath.split('/').slice(1, -1);
  const name = keywords.pop();
  if (error.data !== null || keywords.pop() !== 'properties' || name === undefined) return 'kept';
  let parent: unknown = shape;
  for (const keyword of keywords) parent = Reflect.get(Object(parent), keyword);
  const required: unknown = Reflect.get(Object(parent), 'required');
  return error.keyword === 'type' && Array.isArray(required) && required.includes(name) ? 'missed' : 'dropped';
}

function problemOf(error: ErrorObject, document: SourceDocument, shape: Shape): readonly Problem[] {
  const steps = stepsOf(error.instancePath, document.value);
  if (error.keyword === 'additionalProperties') return [unknownField(error, document, steps)];
  if (error.keyword === 'required') return [missing(document, [...steps, error.params['missingProperty']])];
  const worth = nullMember(error, shape);
  if (worth !== 'kept') return worth === 'missed' ? [missing(document, steps)] : [];
  const [code, message, help] = wordingOf(error);
  return [problem(code, message, locate(document, steps), help)];
}

/** True iff `error` only repeats that its value has the wrong type. */
const repeatsType = (error: ErrorObject, all: readonly ErrorObject[]): boolean =>
  error.keyword === 'enum' &&
  all.some((other) => other.keyword === 'type' && other.instancePath === error.instancePath);

/**
 * Checks a document against the schema of its kind, as the API server does with strict field validation.
 * Errors: `schema/type`, `schema/enum`, `schema/required`, `schema/items`, `schema/members`, `schema/length`,
 * `schema/range`, `schema/pattern`, `schema/exclusive`, `unknown-field/unknown`.
 */
export function validateSchema(document: SourceDocument, known: KnownKind): readonly Problem[] {
  const validator = validatorOf(known);
  if (validator(document.value)) return [];
  const errors = validator.errors ?? [];
  return errors
    .filter((error) => !repeatsType(error, errors))
    .flatMap((error) => problemOf(error, document, known.shape));
}
