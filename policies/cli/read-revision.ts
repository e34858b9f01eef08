/** Reads manifests out of a git revision, without touching the working tree. */
import { execFile, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { type Problem, problem, type Result } from '../language/problem.ts';
import { tryParseRevision } from './revision.ts';

const run = promisify(execFile);
const MOST_BYTES = 1 << 30;
/** No hook, filter or pager has a part in what is read, and nothing is fetched or locked. */
const QUIET = {
  ...process.env,
  GIT_OPTIONAL_LOCKS: '0',
  GIT_NO_LAZY_FETCH: '1',
  GIT_TERMINAL_PROMPT: '0',
  LC_ALL: 'C',
};

/** One file of a revision, under the name `REVISION:path`. */
export interface RevisionFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Reads the files below a path of a revision that `wants` picks by name, sorted. The path is relative to the repository,
 * or to the working directory when it begins with `./`, as git has it.
 * Errors: `git/unavailable`, `git/not-a-repository`, `git/unknown-revision`, `git/no-such-path`, `git/broken-link`.
 */
export async function readRevision(
  source: string,
  wants: (name: string) => boolean,
): Promise<Result<readonly RevisionFile[]>> {
  const parsed = tryParseRevision(source);
  if (parsed === undefined) throw new Error(`\`${source}\` names no revision`);
  const { revision, path } = parsed;
  const fault = (code: string, message: string, help?: string) => ({
    ok: false as const,
    problems: [problem(`git/${code}`, message, { file: source, path: '', line: 1 }, help)],
  });
  const inside = await git(['rev-parse', '--git-dir']);
  if (inside.kind === 'missing') return fault('unavailable', 'no such file, and `git` is not on the PATH');
  if (inside.kind === 'failed')
    return fault(
      'not-a-repository',
      `no such file, and no git repository to look for \`${revision}\` in: ${inside.because}`,
    );
  const commit = await git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`]);
  if (commit.kind !== 'said')
    return fault('unknown-revision', `the repository has no revision \`${revision}\``, 'see `git log`');
  const id = commit.text.trim();
  const object = await git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${id}:${path}`]);
  if (object.kind !== 'said') return fault('no-such-path', `revision \`${revision}\` has no \`${path}\``);
  const root = object.text.trim();
  const kind = await git(['cat-file', '-t', root]);
  if (kind.kind === 'said' && kind.text.trim() === 'blob') return readBlobs([{ spec: `${id}:${path}`, name: source }]);
  const listed = await git(['ls-tree', '-r', '-z', '--full-tree', root]);
  if (listed.kind !== 'said') return fault('no-such-path', `revision \`${revision}\` has no folder \`${path}\``);
  const prefix = source.endsWith(':') || source.endsWith('/') ? source : `${source}/`;
  const blobs = listed.text.split('\0').flatMap((entry) => {
    const [head = '', name = ''] = entry.split('\t');
    const [mode, type, blob = ''] = head.split(' ');
    if (type !== 'blob' || !wants(name)) return [];
    // links are followed within the revision, as they are in a folder
    const spec = mode === '120000' ? `${id}:${prefix.slice(revision.length + 1)}${name}` : blob;
    return [{ spec, name: `${prefix}${name}` }];
  });
  return readBlobs(blobs.toSorted((left, right) => (left.name < right.name ? -1 : 1)));
}

type Said =
  | { readonly kind: 'said'; readonly text: string }
  | { readonly kind: 'failed'; readonly because: string }
  | { readonly kind: 'missing' };

async function git(args: readonly string[]): Promise<Said> {
  try {
    const { stdout } = await run('git', args, { env: QUIET, maxBuffer: MOST_BYTES });
    return { kind: 'said', text: stdout };
  } catch (error) {
    const { code, stderr } = error as { readonly code?: unknown; readonly stderr?: string };
    if (code === 'ENOENT') return { kind: 'missing' };
    return { kind: 'failed', because: (stderr ?? '').trim().split('\n')[0] ?? '' };
  }
}

/** What git says of a link that leads to no file of the revision. Source: git-cat-file(1), `--follow-symlinks`. */
const BROKEN: Readonly<Record<string, string>> = {
  symlink: 'out of the repository',
  dangling: 'to nothing',
  loop: 'round',
  notdir: 'through a file',
};

/**
 * Reads all blobs with one process; each answer is a line `id type size`, the bytes, and a line break, that of a broken
 * link `kind size` and where it leads.
 */
async function readBlobs(
  blobs: readonly { readonly spec: string; readonly name: string }[],
): Promise<Result<readonly RevisionFile[]>> {
  if (blobs.length === 0) return { ok: true, value: [] };
  const options = ['cat-file', '--batch', '--follow-symlinks'];
  const child = spawn('git', options, { env: QUIET, stdio: ['pipe', 'pipe', 'pipe'] });
  const [output, errors] = [readAll(child.stdout), text(child.stderr)];
  child.stdin.end(blobs.map(({ spec }) => `${spec}\n`).join(''));
  const bytes = await output;
  let at = 0;
  const files: RevisionFile[] = [];
  const problems: Problem[] = [];
  for (const { name } of blobs) {
    const end = bytes.indexOf(10, at);
    const [first = '', second = '', third] = bytes.toString('utf8', at, end).split(' ');
    const broken = third !== undefined ? undefined : BROKEN[first];
    const size = Number(broken === undefined ? third : second);
    if (end < 0 || !Number.isInteger(size))
      throw new Error(`git cat-file: ${(await errors).trim() || 'unexpected answer'}`);
    if (broken !== undefined || second !== 'blob') {
      const message = `a link that leads ${broken ?? 'to a folder'}`;
      problems.push(problem('git/broken-link', message, { file: name, path: '', line: 1 }));
    } else files.push({ name, text: bytes.toString('utf8', end + 1, end + 1 + size) });
    at = end + 2 + size;
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: files };
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
