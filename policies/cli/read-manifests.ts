/** Reads manifests from folders, files or standard input. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { aboutHowManyValues, readDocuments, type SourceDocument } from '../language/document.ts';
import { type Problem, problem, type Result } from '../language/problem.ts';
import type { Io } from './io.ts';
import { DEFAULT_LIMITS, readFileWithin, readWithin, within } from './limits.ts';
import { tryParseRevision } from './revision.ts';

/** The documents of all sources and what could not be read. */
export interface Manifests {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly Problem[];
  /** JSON files of folders that hold no Kubernetes object, such as `intent.json`. */
  readonly skipped: readonly string[];
}

/**
 * Reads every `.yaml`, `.yml` and `.json` file of the folders, the files, standard input for `-`, and for
 * `REVISION:PATH`, where no such file exists, what a git revision holds there; all of them together may hold as many
 * bytes as the limits of `io` say.
 * Errors: `input/not-found`, `input/empty`, `input/too-large`, those of `readRevision`, and those of `readDocuments`; all at once.
 */
export async function readManifests(sources: readonly string[], io: Io): Promise<Manifests> {
  const documents: SourceDocument[] = [];
  const problems: Problem[] = [];
  const skipped: string[] = [];
  let left = (io.limits ?? DEFAULT_LIMITS).inputBytes;
  const most = mostOf(io);
  const held = { values: 0, rules: 0 };
  for (const source of sources) {
    for (const file of await filesOf(source)) {
      const text = await textOf(file, io, left);
      if (!text.ok) for (const found of text.problems) problems.push(found);
      else if (file.origin === 'folder' && isForeignJson(file.name, text.value)) skipped.push(file.name);
      else {
        left -= Buffer.byteLength(text.value);
        held.values += aboutHowManyValues(text.value);
        if (held.values > most.values) return tooMany(file.name, `${most.values} values`);
        const reading = readDocuments(file.name, text.value);
        held.rules += reading.documents.reduce((sum, document) => sum + rulesOf(document), 0);
        if (held.rules > most.rules) return tooMany(file.name, `${most.rules} rules of AuthorizationPolicies`);
        for (const document of reading.documents) documents.push(document);
        for (const found of reading.problems) problems.push(found);
      }
    }
  }
  if (documents.length === 0 && problems.length === 0) {
    problems.push(problem('input/empty', 'no manifest found', { file: sources.join(' '), path: '', line: 1 }));
  }
  return { documents, problems, skipped };
}

/**
 * How much manifests may hold in all, so that a heap of 2 GiB takes them: text of few bytes a rule costs more than its
 * bytes. In the default input it is more than twice the fleet of 10,000 services.
 */
function mostOf({ limits = DEFAULT_LIMITS }: Io): { readonly values: number; readonly rules: number } {
  return { values: Math.floor(limits.inputBytes / 24), rules: Math.floor(limits.inputBytes / 384) };
}

function rulesOf({ value }: SourceDocument): number {
  const { kind, spec } = value as { readonly kind?: unknown; readonly spec?: { readonly rules?: unknown } | null };
  const rules = kind === 'AuthorizationPolicy' && typeof spec === 'object' ? spec?.rules : undefined;
  return Array.isArray(rules) ? rules.length : 0;
}

function tooMany(file: string, most: string): Manifests {
  const help = 'give fewer manifests at a time, or raise --max-input (MiB) where the memory is there';
  const found = problem('input/too-large', `more than ${most} in all`, { file, path: '', line: 1 }, help);
  return { documents: [], problems: [found], skipped: [] };
}

interface InputFile {
  readonly origin: 'stdin' | 'folder' | 'named';
  readonly name: string;
  /** What is known of it without opening it: its text at a git revision, or why there is none. @default - to be read */
  readonly known?: Result<string>;
}

async function textOf({ origin, name, known }: InputFile, io: Io, mostBytes: number): Promise<Result<string>> {
  if (known !== undefined) return known.ok ? within(name, known.value, mostBytes) : known;
  return origin === 'stdin' ? readWithin(io.stdin, name, mostBytes) : readFileWithin(name, mostBytes);
}

async function filesOf(source: string): Promise<readonly InputFile[]> {
  if (source === '-') return [{ origin: 'stdin', name: 'stdin' }];
  const kind = await stat(source).catch(() => undefined);
  if (kind === undefined && tryParseRevision(source) !== undefined) return filesOfRevision(source);
  if (kind === undefined) {
    const at = { file: source, path: '', line: 1 };
    const problems = [problem('input/not-found', 'no such file or folder', at)];
    return [{ origin: 'named', name: source, known: { ok: false, problems } }];
  }
  if (!kind.isDirectory()) return [{ origin: 'named', name: source }];
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const files: string[] = [];
  for (const entry of entries) {
    const name = join(entry.parentPath, entry.name);
    if (!isManifest(name.slice(source.length))) continue;
    if (entry.isFile() || (entry.isSymbolicLink() && (await leadsToText(name)))) files.push(name);
  }
  return files.toSorted().map((name) => ({ origin: 'folder', name }));
}

/**
 * True of a link to a file, which kubectl applies like the file itself, and of one to nothing or to a folder, which is
 * then reported as what it is: a policy must not stay unread in silence.
 */
async function leadsToText(link: string): Promise<boolean> {
  const target = await stat(link).catch(() => undefined);
  return target === undefined || target.isFile() || target.isDirectory();
}

/** True iff a file below a folder is read for its name: not in hidden folders, nor in those of packages. */
function isManifest(name: string): boolean {
  const isHidden = name.split('/').some((step) => step === 'node_modules' || /^\.[^.]/.test(step));
  return !isHidden && ['.yaml', '.yml', '.json'].includes(extname(name));
}

async function filesOfRevision(source: string): Promise<readonly InputFile[]> {
  const { readRevision } = await import('./read-revision.ts');
  const read = await readRevision(source, isManifest);
  if (!read.ok) return [{ origin: 'named', name: source, known: read }];
  return read.value.map(({ name, text }) => ({
    origin: name === source ? 'named' : 'folder',
    name,
    known: { ok: true, value: text },
  }));
}

/** True iff the file is JSON of its own kind: an object that claims neither `apiVersion` nor `kind`. */
function isForeignJson(name: string, content: string): boolean {
  if (extname(name) !== '.json') return false;
  try {
    const value: unknown = JSON.parse(content);
    return typeof value !== 'object' || value === null || !('apiVersion' in value || 'kind' in value);
  } catch {
    return false;
  }
}
