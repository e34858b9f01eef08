import { locate, type SourceDocument } from './document.ts';
import { type Problem, problem, quote, type Step } from './problem.ts';
import type { Members, RecordShape, Shape } from './schema/shape.ts';
import { tryFindNearest } from './spelling.ts';

/** A walk over one document. INVARIANT: `path` leads to the value that is being checked. */
interface Walk {
  readonly document: SourceDocument;
  readonly path: Step[];
  readonly problems: Problem[];
}

/**
 * Checks a document against the shape of its kind, as the API server does with strict field validation.
 * Errors: `schema/type`, `schema/enum`, `schema/required`, `schema/items`, `schema/members`, `schema/length`,
 * `schema/range`, `schema/pattern`, `schema/exclusive`, `unknown-field/unknown`; all at once.
 */
export function validateSchema(document: SourceDocument, shape: Shape): readonly Problem[] {
  const walk: Walk = { document, path: [], problems: [] };
  check(walk, shape, document.value);
  return walk.problems;
}

function report(walk: Walk, code: string, message: string, help?: string): void {
  walk.problems.push(problem(code, message, locate(walk.document, [...walk.path]), help));
}

function descend(walk: Walk, step: Step, shape: Shape, value: unknown): void {
  walk.path.push(step);
  check(walk, shape, value);
  walk.path.pop();
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function check(walk: Walk, shape: Shape, value: unknown): void {
  switch (shape.kind) {
    case 'anything':
      break;
    case 'members':
      if (isObject(value)) checkMembers(walk, shape, value);
      else reportType(walk, 'a mapping', value);
      break;
    case 'record':
      if (isObject(value)) checkRecord(walk, shape, value);
      else reportType(walk, 'a mapping', value);
      break;
    case 'list':
      if (Array.isArray(value)) checkList(walk, shape, value);
      else reportType(walk, 'a list', value);
      break;
    default:
      checkScalar(walk, shape, value);
  }
}

type Scalar = Exclude<Shape, { kind: 'anything' | 'members' | 'record' | 'list' }>;

function checkScalar(walk: Walk, shape: Scalar, value: unknown): void {
  switch (shape.kind) {
    case 'text':
      if (typeof value === 'string') checkText(walk, shape, value);
      else reportType(walk, 'a string', value);
      break;
    case 'oneOf':
      if (typeof value === 'string') checkWord(walk, shape.words, value);
      else reportType(walk, 'a string', value);
      break;
    case 'whole':
      if (Number.isInteger(value)) checkRange(walk, shape, value);
      else reportType(walk, 'a whole number', value);
      break;
    case 'number':
      if (Number.isFinite(value)) checkRange(walk, shape, value);
      else reportType(walk, 'a number', value);
      break;
    case 'flag':
      if (typeof value !== 'boolean') reportType(walk, '`true` or `false`', value);
      break;
    case 'numberOrText':
      if (typeof value !== 'string' && !Number.isInteger(value)) reportType(walk, 'a whole number or a string', value);
      break;
    default:
      unreachable(shape);
  }
}

function unreachable(shape: never): never {
  throw new Error(`unknown shape ${JSON.stringify(shape)}`);
}

/** Only what is there and not null: the API server drops null members before it validates. */
const isGiven = (value: Readonly<Record<string, unknown>>, name: string): boolean =>
  Object.hasOwn(value, name) && value[name] !== null;

function checkMembers(walk: Walk, shape: Members, value: Readonly<Record<string, unknown>>): void {
  for (const name in value) {
    const member = shape.members.get(name);
    if (member === undefined) {
      if (shape.others === 'refused') reportUnknown(walk, shape, name);
    } else if (value[name] !== null) {
      descend(walk, name, member, value[name]);
    }
  }
  for (const name of shape.required) {
    if (!isGiven(value, name)) reportMissing(walk, name);
  }
  for (const group of shape.exclusive) {
    const given = group.filter((name) => isGiven(value, name));
    if (given.length > 1) report(walk, 'schema/exclusive', `expected one of ${given.join(' and ')}, got all`);
  }
}

function reportUnknown(walk: Walk, shape: Members, name: string): void {
  const known = [...shape.members.keys()];
  const nearest = tryFindNearest(name, known);
  const help = nearest === undefined ? `known here: ${known.join(', ')}` : `did you mean \`${nearest}\`?`;
  walk.path.push(name);
  report(walk, 'unknown-field/unknown', `unknown field ${quote(name)}`, help);
  walk.path.pop();
}

function reportMissing(walk: Walk, name: string): void {
  walk.path.push(name);
  report(walk, 'schema/required', `expected member \`${name}\`, got nothing`);
  walk.path.pop();
}

function checkRecord(walk: Walk, shape: RecordShape, value: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(value).filter((name) => shape.nulls === 'refused' || value[name] !== null);
  checkCount(walk, 'schema/members', 'member', names.length, shape.minMembers, shape.maxMembers);
  for (const name of names) descend(walk, name, shape.values, value[name]);
}

function checkList(walk: Walk, shape: Shape & { kind: 'list' }, value: readonly unknown[]): void {
  checkCount(walk, 'schema/items', 'item', value.length, shape.minItems, shape.maxItems);
  for (let index = 0; index < value.length; index += 1) descend(walk, index, shape.items, value[index]);
}

function checkCount(walk: Walk, code: string, noun: string, found: number, least: number, most: number): void {
  const limit = found < least ? `least ${least}` : `most ${most}`;
  if (found < least || found > most) report(walk, code, `expected at ${limit} ${noun}(s), got ${found}`);
}

function checkText(walk: Walk, shape: Shape & { kind: 'text' }, value: string): void {
  if (value.length < shape.minLength) report(walk, 'schema/length', 'expected text, got an empty string');
  if (value.length > shape.maxLength && [...value].length > shape.maxLength) {
    report(walk, 'schema/length', `expected at most ${shape.maxLength} characters, got ${[...value].length}`);
  }
  if (shape.pattern?.test(value) === false) {
    report(walk, 'schema/pattern', `expected text like \`${shape.pattern.source}\`, got ${quote(value)}`);
  }
}

function checkWord(walk: Walk, words: readonly string[], value: string): void {
  if (words.includes(value)) return;
  const nearest = tryFindNearest(value, words);
  const message = `expected one of ${words.map(quote).join(', ')}, got ${quote(value)}`;
  report(walk, 'schema/enum', message, nearest && `did you mean \`${nearest}\`?`);
}

function checkRange(walk: Walk, shape: { minimum: number; maximum: number }, value: unknown): void {
  const found = Number(value);
  if (found >= shape.minimum && found <= shape.maximum) return;
  const limit = found < shape.minimum ? `at least ${shape.minimum}` : `at most ${shape.maximum}`;
  report(walk, 'schema/range', `expected ${limit}, got \`${found}\``);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return `the ${typeof value} ${quote(String(value))}`;
}

function reportType(walk: Walk, expected: string, value: unknown): void {
  report(walk, 'schema/type', `expected ${expected}, got ${describe(value)}`, repairOfType(expected, value));
}

function repairOfType(expected: string, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (expected === 'a string' && typeof value !== 'object') {
    return `quote it: "${String(value)}" (YAML reads bare numbers, \`yes\` and \`on\` as more than text)`;
  }
  if (expected === 'a list') return typeof value === 'object' ? 'begin each item with `- `' : 'write a list: `[…]`';
  return expected === 'a mapping' && Array.isArray(value) ? 'write the members without `- `' : undefined;
}
