import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensureKeys } from '#infra/local/keys.ts';
import type { DeclaredIntent } from '#infra/local/meaning.ts';
import { synthesized } from './synthesized.ts';

/** A rendered environment and the state folder of a mesh of its own, below a folder of the test. */
export interface MeshFolder {
  readonly dist: string;
  readonly state: string;
  readonly intent: DeclaredIntent;
}

/** Makes development keys and synthesizes kind with them, below `folder`, apart from `dist/` and `.meshwright/`. */
export async function meshFolder(folder: string): Promise<MeshFolder> {
  const [dist, state] = [join(folder, 'dist'), join(folder, 'state')];
  const { jwksFile } = await ensureKeys(join(state, 'keys'));
  const files = await synthesized('kind', { jwks: await readFile(jwksFile, 'utf8') });
  for (const [path, text] of files) {
    await mkdir(dirname(join(dist, path)), { recursive: true });
    await writeFile(join(dist, path), text);
  }
  return { dist, state, intent: JSON.parse(files.get('intent.json') ?? 'null') as DeclaredIntent };
}
