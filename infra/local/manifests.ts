import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readDocuments, type SourceDocument } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import type { Problem } from '#policies/language/problem.ts';
import { InputError } from './input-error.ts';

/** The YAML files of `dist/<environment>`, manifests and mesh settings, in path order, with the problems of all of them. */
export async function readManifests(
  folder: string,
): Promise<{ readonly documents: readonly SourceDocument[]; readonly problems: readonly Problem[] }> {
  const names = (await readdir(folder, { recursive: true }).catch(() => []))
    .filter((name) => name.endsWith('.yaml'))
    .sort();
  if (names.length === 0) throw new InputError(`no manifests in \`${folder}\``, 'synthesize them with `make synth`');
  const readings = await Promise.all(
    names.map(async (name) => readDocuments(join(folder, name), await readFile(join(folder, name), 'utf8'))),
  );
  return {
    documents: readings.flatMap((reading) => reading.documents),
    problems: readings.flatMap((reading) => reading.problems),
  };
}

/** The mesh that the manifests of a folder describe. Errors: StartError with the first problems of unusable ones. */
export async function readMesh(folder: string): Promise<Mesh> {
  const manifests = await readManifests(folder);
  const mesh = parseMesh(manifests.documents);
  const problems = [...manifests.problems, ...(mesh.ok ? [] : mesh.problems)];
  if (!mesh.ok || problems.length > 0) {
    const told = problems.slice(0, 5).map(({ at, message }) => `${at.file}:${at.line}: ${message}`);
    throw new InputError(`${problems.length} problems in the manifests:\n${told.join('\n')}`, 'synthesize them again');
  }
  return mesh.value;
}
