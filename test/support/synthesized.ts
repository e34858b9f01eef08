import { readFile } from 'node:fs/promises';
import { environments } from '#infra/environments/index.ts';
import { type SynthesisInput, type SynthesisResult, synthesize } from '#infra/synthesize.ts';
import { admissions } from '#policies/intent/index.ts';
import { readDocuments, type SourceDocument } from '#policies/language/document.ts';
import { catalog } from '#services/catalog.ts';

/** The files of one environment as `make synth` would write them, with fixed public keys whose private half does not exist. */
export async function synthesized(
  name: string,
  overrides: Partial<SynthesisInput> = {},
): Promise<ReadonlyMap<string, string>> {
  return (await synthesizedFolders(name, overrides)).files;
}

/** The files of one environment, and those of its issuer. */
export async function synthesizedFolders(
  name: string,
  overrides: Partial<SynthesisInput> = {},
): Promise<Extract<SynthesisResult, { ok: true }>> {
  const environment = overrides.environment ?? environments.find((candidate) => candidate.name === name);
  if (environment === undefined) throw new Error(`no environment \`${name}\``);
  const jwks = await readFile(new URL('../../infra/environments/production.jwks.json', import.meta.url), 'utf8');
  const result = synthesize({ environment, catalog, admissions, jwks, ...overrides });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result;
}

/** The YAML documents of synthesized files. Errors: throws when a file does not parse. */
export function documentsOf(files: ReadonlyMap<string, string>): readonly SourceDocument[] {
  return [...files]
    .filter(([path]) => path.endsWith('.yaml'))
    .flatMap(([path, text]) => {
      const { documents, problems } = readDocuments(path, text);
      if (problems.length > 0) throw new Error(JSON.stringify(problems));
      return documents;
    });
}
