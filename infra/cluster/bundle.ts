/** Puts a program and everything that it imports, production dependencies included, into one file. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { ClusterError } from './cluster-error.ts';

/** One bundled program. */
export interface Bundle {
  /** JavaScript module text. */
  readonly text: string;
  /** What it was made of: the repository's own files, relative to its root, sorted. */
  readonly sources: readonly string[];
}

/** CommonJS dependencies ask for Node's modules by `require`, which a module does not have by itself. */
const banner = [
  "import { createRequire as createRequireOfBundle } from 'node:module';",
  'const require = createRequireOfBundle(import.meta.url);',
].join('\n');

/** Bundles `entry` (relative to `root`) for Node 26. Errors: ClusterError with file and line of whatever does not compile. */
export async function bundle(root: string, entry: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    // Stack traces keep their names; the rest of minifying is a quarter of the size.
    minifyWhitespace: true,
    minifySyntax: true,
    keepNames: true,
    legalComments: 'none',
    banner: { js: banner },
    write: false,
    metafile: true,
    logLevel: 'silent',
  }).catch((cause: Error) => {
    throw new ClusterError(`${entry} cannot be bundled`, cause.message.split('\n').slice(1), { cause });
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`bundling ${entry} gave no file`);
  return { text: output.text, sources: ownSources(metafile, root) };
}

function ownSources({ inputs }: Metafile, root: string): readonly string[] {
  return Object.keys(inputs)
    .map((path) => relative(root, join(root, path)))
    .filter((path) => !path.includes('node_modules/'))
    .sort();
}

/** A digest of files and of the dependencies that the lock file pins; null when a file is gone. */
export async function digestOfSources(root: string, sources: readonly string[]): Promise<string | null> {
  const hash = createHash('sha256');
  for (const source of ['package-lock.json', 'infra/cluster/bundle.ts', ...sources]) {
    const path = join(root, source);
    if (!existsSync(path)) return null;
    hash
      .update(`${source}\0`)
      .update(await readFile(path))
      .update('\0');
  }
  return hash.digest('hex');
}
