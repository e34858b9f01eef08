import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { StartError } from './start-error.ts';

/** The mesh that the manifests of a folder describe. Errors: StartError with the first problems of unusable ones. */
export async function readMesh(folder: string): Promise<Mesh> {
  const names = (await readdir(folder, { recursive: true }).catch(() => []))
    .filter((name) => name.endsWith('.yaml'))
    .sort();
  if (names.length === 0) throw new StartError(`no manifests in \`${folder}\``, 'synthesize them with `make synth`');
  const readings = await Promise.all(
    names.map(async (name) => readDocuments(join(folder, name), await readFile(join(folder, name), 'utf8'))),
  );
  const mesh = parseMesh(readings.flatMap((reading) => reading.documents));
  const problems = [...readings.flatMap((reading) => reading.problems), ...(mesh.ok ? [] : mesh.problems)];
  if (!mesh.ok || problems.length > 0) {
    const told = problems.slice(0, 5).map(({ at, message }) => `${at.file}:${at.line}: ${message}`);
    throw new StartError(`${problems.length} problems in the manifests:\n${told.join('\n')}`, 'synthesize them again');
  }
  return mesh.value;
}
