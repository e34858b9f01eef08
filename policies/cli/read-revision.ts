/** Reads manifests out of a git revision, without touching the working tree. */
import { execFile, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { problem, type Result } from '../language/problem.ts';
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
 * Errors: `git/unavailable`, `git/not-a-repository`, `git/unknown-revision`, `git/no-such-path`.
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
  if (kind.kind === 'said' && kind.text.trim() === 'blob')
    return { ok: true, value: await readBlobs([{ id: root, name: source }]) };
  const listed = await git(['ls-tree', '-r', '-z', root]);
  if (listed.kind !== 'said') return fault('no-such-path', `revision \`${revision}\` has no folder \`${path}\``);
  const prefix = source.endsWith(':') || source.endsWith('/') ? source : `${source}/`;
  const blobs = listed.text.split('\0').flatMap((entry) => {
    const [head = '', name = ''] = entry.split('\t');
    const [mode, type, blob = ''] = head.split(' ');
    // links are not followed, as when a folder is read
    return type === 'blob' && mode !== '120000' && wants(name) ? [{ id: blob, name: `${prefix}${name}` }] : [];
  });
  return { ok: true, value: await readBlobs(blobs.toSorted((left, right) => (left.name < right.name ? -1 : 1))) };
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

/** Reads all blobs with one process; each answer is a line `id type size`, the bytes, and a line break. */
async function readBlobs(
  blobs: readonly { readonly id: string; readonly name: string }[],
): Promise<readonly RevisionFile[]> {
  if (blobs.length === 0) return [];
  const child = spawn('git', ['cat-file', '--batch'], { env: QUIET, stdio: ['pipe', 'pipe', 'pipe'] });
  const [output, errors] = [readAll(child.stdout), text(child.stderr)];
  child.stdin.end(blobs.map(({ id }) => `${id}\n`).join(''));
  const bytes = await output;
  let at = 0;
  const files: RevisionFile[] = [];
  for (const { name } of blobs) {
    const end = bytes.indexOf(10, at);
    const [, type, size] = bytes.toString('utf8', at, end).split(' ');
    if (end < 0 || type !== 'blob') throw new Error(`git cat-file: ${(await errors).trim() || 'unexpected answer'}`);
    files.push({ name, text: bytes.toString('utf8', end + 1, end + 1 + Number(size)) });
    at = end + 2 + Number(size);
  }
  return files;
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
