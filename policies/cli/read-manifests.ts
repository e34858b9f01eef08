/** Reads manifests from folders, files or standard input. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { readDocuments, type SourceDocument } from '../language/document.ts';
import { type Problem, problem } from '../language/problem.ts';
import type { Io } from './io.ts';
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
 * `REVISION:PATH`, where no such file exists, what a git revision holds there.
 * Errors: `input/not-found`, `input/empty`, those of `readRevision`, and those of `readDocuments`; all at once.
 */
export async function readManifests(sources: readonly string[], io: Io): Promise<Manifests> {
  const documents: SourceDocument[] = [];
  const problems: Problem[] = [];
  const skipped: string[] = [];
  for (const source of sources) {
    for (const file of await filesOf(source, io)) {
      if (file.kind === 'problem') problems.push(file.problem);
      else if (file.origin === 'folder' && isForeignJson(file.name, file.text)) skipped.push(file.name);
      else {
        const reading = readDocuments(file.name, file.text);
        documents.push(...reading.documents);
        problems.push(...reading.problems);
      }
    }
  }
  if (documents.length === 0 && problems.length === 0) {
    problems.push(problem('input/empty', 'no manifest found', { file: sources.join(' '), path: '', line: 1 }));
  }
  return { documents, problems, skipped };
}

type InputFile =
  | { readonly kind: 'text'; readonly origin: 'folder' | 'named'; readonly name: string; readonly text: string }
  | { readonly kind: 'problem'; readonly problem: Problem };

async function filesOf(source: string, io: Io): Promise<readonly InputFile[]> {
  if (source === '-') return [{ kind: 'text', origin: 'named', name: 'stdin', text: await text(io.stdin) }];
  const kind = await stat(source).catch(() => undefined);
  if (kind === undefined && tryParseRevision(source) !== undefined) return filesOfRevision(source);
  if (kind === undefined) {
    const at = { file: source, path: '', line: 1 };
    return [{ kind: 'problem', problem: problem('input/not-found', 'no such file or folder', at) }];
  }
  if (!kind.isDirectory())
    return [{ kind: 'text', origin: 'named', name: source, text: await readFile(source, 'utf8') }];
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((name) => isManifest(name.slice(source.length)))
    .toSorted();
  return Promise.all(
    names.map(async (name) => ({ kind: 'text', origin: 'folder', name, text: await readFile(name, 'utf8') }) as const),
  );
}

/** True iff a file below a folder is read for its name: not in hidden folders, nor in those of packages. */
function isManifest(name: string): boolean {
  const isHidden = name.split('/').some((step) => step === 'node_modules' || /^\.[^.]/.test(step));
  return !isHidden && ['.yaml', '.yml', '.json'].includes(extname(name));
}

async function filesOfRevision(source: string): Promise<readonly InputFile[]> {
  const { readRevision } = await import('./read-revision.ts');
  const read = await readRevision(source, isManifest);
  if (!read.ok) return read.problems.map((found) => ({ kind: 'problem', problem: found }));
  return read.value.map(({ name, text: content }) => {
    const origin = name === source ? 'named' : 'folder';
    return { kind: 'text', origin, name, text: content };
  });
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
