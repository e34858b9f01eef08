import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The files of the repository that git knows or would add, as paths from its root; `patterns` are git pathspecs. */
export async function sourceFiles(...patterns: readonly string[]): Promise<readonly string[]> {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '--', ...patterns];
  const { stdout } = await promisify(execFile)('git', args, { maxBuffer: 1 << 26 });
  return stdout.split('\n').filter((path) => path !== '');
}
