import { constructFromEvents, EVENT_ID, parseEvents, YAMLException } from 'js-yaml';
import { sharingFault } from './alias.ts';
import { NOT_PLAIN, tryReadPlain } from './plain-yaml.ts';
import { duplicateKeys, type EventStream, lineAt, lineStarts, offsetOfPath, splitDocuments } from './position.ts';
import { type Location, type Problem, printPath, problem, quote, type Step } from './problem.ts';
import { KUBECTL_SCHEMA } from './scalar.ts';

/**
 * One Kubernetes object as its author wrote it, with the way back to its text.
 * Shape: `value` is the plain object; the items of a `List` are documents of their own, with paths of their own.
 * `index` counts the objects of the file from 0. Lines are counted from 1 and found on demand.
 */
export interface SourceDocument {
  readonly file: string;
  readonly index: number;
  readonly value: unknown;
  /** Line of the node at `path`, or of its deepest ancestor that is written down. */
  lineOf(path: readonly Step[]): number;
}

/** Location of the node at `path` of a document; its line is found when it is first asked for. */
export function locate(document: Pick<SourceDocument, 'file' | 'lineOf'>, path: readonly Step[]): Location {
  return {
    file: document.file,
    path: printPath(path),
    get line() {
      return document.lineOf(path);
    },
  };
}

/** The objects of a text and the faults of all that could not become one. */
export interface Reading {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly Problem[];
}

/** A stretch of the file that is parsed in one go. */
interface Chunk {
  readonly file: string;
  readonly text: string;
  /** Line breaks of the file before the chunk, counted when a line is asked for. */
  readonly linesBefore: () => number;
  /** Positions inside the chunk, worked out by a second parse when the first line is asked for. */
  readonly positions: () => Positions;
}

interface Positions {
  readonly streams: readonly EventStream[];
  readonly starts: readonly number[];
}

/** Where a value came from: chunk, place of its document in the chunk, path of its root in that document. */
interface Origin {
  readonly chunk: Chunk;
  readonly ordinal: number;
  readonly prefix: readonly Step[];
}

interface Sink {
  readonly documents: SourceDocument[];
  readonly problems: Problem[];
}

/** One by one: a text may hold more problems than a call may have arguments. */
function addAll(sink: Sink, problems: readonly Problem[]): void {
  for (const found of problems) sink.problems.push(found);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const PARSER_OPTIONS = { maxDepth: 100 };

function chunkOf(file: string, text: string, linesBefore: () => number): Chunk {
  let positions: Positions | undefined;
  const find = (): Positions => {
    positions ??= {
      streams: splitDocuments(text, parseEvents(text, PARSER_OPTIONS)),
      starts: lineStarts(text),
    };
    return positions;
  };
  return { file, text, linesBefore, positions: find };
}

/** `earliest` is the first line that can be meant: js-yaml points at the start of the text when it knows no better. */
function syntaxProblem(chunk: Chunk, error: unknown, earliest = 1): Problem {
  const mark = error instanceof YAMLException ? error.mark : undefined;
  const line = Math.max((mark?.line ?? 0) + 1, earliest);
  const at = { file: chunk.file, path: '', line: chunk.linesBefore() + line };
  if (!(error instanceof YAMLException)) return problem('yaml/syntax', 'text cannot be read as YAML', at);
  const column = mark === undefined || mark.position === 0 ? '' : ` at column ${mark.column + 1}`;
  return problem('yaml/syntax', `broken YAML${column}: ${error.reason}`, at);
}

function constructionProblems(chunk: Chunk, stream: EventStream, error: unknown): readonly Problem[] {
  const duplicates = duplicateKeys(stream);
  const { starts } = chunk.positions();
  if (duplicates.length === 0) return [syntaxProblem(chunk, error, lineAt(starts, offsetOfPath(stream, [])))];
  return duplicates.map(({ path, offset }) => {
    const at = {
      file: chunk.file,
      path: printPath(path),
      line: chunk.linesBefore() + lineAt(starts, offset),
    };
    const name = String(path.at(-1));
    return problem('yaml/duplicate-key', `key ${quote(name)} stands twice in one mapping`, at, 'keep one of the two');
  });
}

/** Turns one value of a chunk into documents: lists are flattened, anything that is no object is reported. */
function acceptValue(value: unknown, origin: Origin, sink: Sink): void {
  if (value === null || value === undefined) return;
  const at = locator(origin);
  if (!isObject(value)) {
    const found = Array.isArray(value) ? 'a list' : quote(String(value));
    sink.problems.push(problem('document/not-an-object', `expected a Kubernetes object, got ${found}`, at([])));
    return;
  }
  const faults = identityFaults(value, at);
  if (faults.length > 0) {
    addAll(sink, faults);
    return;
  }
  const items = value['items'];
  if (Array.isArray(items) && String(value['kind']).endsWith('List')) {
    items.forEach((item, position) => {
      acceptValue(inheritKind(item, value), { ...origin, prefix: [...origin.prefix, 'items', position] }, sink);
    });
    return;
  }
  if (isTooLarge(value, origin)) {
    const message = `\`${value['kind']}\` of more than ${OBJECT_BYTES / 2 ** 20} MiB: no API server takes it`;
    sink.problems.push(problem('document/too-large', message, at([]), 'split it into several objects'));
    return;
  }
  const lineOf = (path: readonly Step[]): number => at(path).line;
  sink.documents.push({ file: origin.chunk.file, index: sink.documents.length, value, lineOf });
}

/** The API server's limit of one request. Source: kubernetes apiserver `MaxRequestBodyBytes`. */
const OBJECT_BYTES = 3 * 2 ** 20;

/** Measured only where the text around it is as large: writing an object out costs as much as reading it. */
function isTooLarge(value: unknown, { chunk }: Origin): boolean {
  return chunk.text.length > OBJECT_BYTES && JSON.stringify(value).length > OBJECT_BYTES;
}

const locator =
  (origin: Origin) =>
  (path: readonly Step[]): Location => {
    const whole = [...origin.prefix, ...path];
    const { streams, starts } = origin.chunk.positions();
    const stream = streams[origin.ordinal];
    const line = stream === undefined ? 1 : lineAt(starts, offsetOfPath(stream, whole));
    return { file: origin.chunk.file, path: printPath(whole), line: origin.chunk.linesBefore() + line };
  };

function identityFaults(
  value: Readonly<Record<string, unknown>>,
  at: (path: readonly Step[]) => Location,
): readonly Problem[] {
  return (['apiVersion', 'kind'] as const).flatMap((member) => {
    const found = value[member];
    if (typeof found === 'string' && found !== '') return [];
    const code = member === 'kind' ? 'document/no-kind' : 'document/no-api-version';
    const got = found === undefined || found === null ? 'nothing' : quote(JSON.stringify(found));
    const message = `expected \`${member}\` to be a non-empty string, got ${got}`;
    return [problem(code, message, at([member]), `every Kubernetes object names its \`${member}\``)];
  });
}

/** Items of a typed list (`ServiceList`) may leave out what the list says; those of a plain `List` may not. */
function inheritKind(item: unknown, list: Readonly<Record<string, unknown>>): unknown {
  const kind = String(list['kind']).slice(0, -'List'.length);
  if (kind === '' || !isObject(item)) return item;
  return { apiVersion: list['apiVersion'], kind, ...item };
}

function acceptStream(stream: EventStream, origin: Origin, sink: Sink): void {
  let value: unknown;
  try {
    [value] = constructFromEvents(stream.events, { source: stream.text, schema: KUBECTL_SCHEMA });
  } catch (error) {
    addAll(sink, constructionProblems(origin.chunk, stream, error));
    return;
  }
  const aliases = stream.events.some((event) => event.type === EVENT_ID.ALIAS);
  const fault = aliases ? sharingFault(value, stream.events.length) : undefined;
  if (fault === undefined) acceptValue(value, origin, sink);
  else sink.problems.push(problem(fault.code, fault.message, locator(origin)([]), 'write the repeated part out'));
}

/**
 * Cuts a text at its `---` lines, where YAML always begins a document: one broken document does not hide the others,
 * and what one took to read is let go before the next. A text with directives, which stand before their `---`, stays whole.
 */
function readInto(sink: Sink, file: string, text: string): void {
  if (hasDirective(text)) {
    readChunk(
      chunkOf(file, text, () => 0),
      sink,
    );
    return;
  }
  const lines = new Lines(text);
  const readPart = (from: number, to: number): void => {
    const plain = to - from > LARGE_DOCUMENT ? NOT_PLAIN : tryReadPlain(text, { from, to });
    const part = text.slice(from, to);
    if (plain === NOT_PLAIN && !/^[ \t]*[^%#\s]/m.test(part)) return;
    const chunk = chunkOf(file, part, () => lines.before(from));
    if (plain === NOT_PLAIN) readChunk(chunk, sink);
    else acceptValue(plain, { chunk, ordinal: 0, prefix: [] }, sink);
  };
  let cut = 0;
  for (const { index } of text.matchAll(/^---(?=\s|$)/gm)) {
    readPart(cut, index);
    cut = index;
  }
  readPart(cut, text.length);
}

/** Looked for by plain search first, which is faster by far than a line anchor in an expression. */
function hasDirective(text: string): boolean {
  return text.includes('%') && /^%/m.test(text);
}

/** The lines of a file, found when the first is asked for. */
class Lines {
  readonly #text: string;
  #starts: readonly number[] | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** How many lines end before the line that begins at `offset`. */
  before(offset: number): number {
    this.#starts ??= lineStarts(this.#text);
    return lineAt(this.#starts, offset) - 1;
  }
}

/** Reads a chunk that is not plain into `sink`. */
function readChunk(chunk: Chunk, sink: Sink): void {
  const fault = sizeFault(chunk);
  if (fault !== undefined) {
    sink.problems.push(fault);
    return;
  }
  let streams: readonly EventStream[];
  try {
    streams = splitDocuments(chunk.text, parseEvents(chunk.text, PARSER_OPTIONS));
  } catch (error) {
    sink.problems.push(syntaxProblem(chunk, error));
    return;
  }
  streams.forEach((stream, ordinal) => {
    acceptStream(stream, { chunk, ordinal, prefix: [] }, sink);
  });
}

/** Beyond it the nodes of a document are counted before it is read; no API server takes an object of that size. */
const LARGE_DOCUMENT = 4 * 2 ** 20;
/** What a document of that size may hold: about 1.5 GB once read. A list of every object of a cluster holds less. */
const MOST_NODES = 4_000_000;

/** A large document must not hold more nodes than memory does: they are counted by the characters that begin one. */
function sizeFault({ file, text, linesBefore }: Chunk): Problem | undefined {
  if (text.length <= LARGE_DOCUMENT) return undefined;
  const nodes = aboutHowManyValues(text);
  if (nodes <= MOST_NODES) return undefined;
  const at = { file, path: '', line: linesBefore() + 1 };
  const help = 'split the list into documents of their own, with `---` between them';
  return problem('yaml/too-large', `a document of about ${nodes} values: expected ${MOST_NODES} at most`, at, help);
}

/** How many values a YAML text holds at most, but for aliases: as many as characters that begin one. */
export function aboutHowManyValues(text: string): number {
  let values = 0;
  for (const begin of ['\n', ',', '[', '{'])
    for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at + 1)) values += 1;
  return values;
}

/**
 * Reads the Kubernetes objects of a YAML or JSON text, as kubectl would see them.
 * Empty documents are skipped, lists flattened.
 * Errors: `yaml/syntax`, `yaml/duplicate-key`, `yaml/alias-bomb`, `yaml/recursive-alias`, `yaml/too-large`,
 * `document/too-large`, `document/not-an-object`, `document/no-api-version`, `document/no-kind`; every fault of the text at once, nothing is
 * thrown.
 */
export function readDocuments(file: string, text: string): Reading {
  const sink: Sink = { documents: [], problems: [] };
  readInto(sink, file, text);
  return sink;
}
