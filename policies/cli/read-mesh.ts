/** Reads a mesh with everything that a command may be told about it. */
import type { IssuerKeys } from '../analysis/index.ts';
import type { SourceDocument } from '../language/document.ts';
import type { Mesh } from '../language/mesh.ts';
import { type ParseOptions, parseMesh } from '../language/parse.ts';
import type { Problem, Result } from '../language/problem.ts';
import type { Io } from './io.ts';
import { DEFAULT_LIMITS, readFileWithin } from './limits.ts';
import { readIssuerKeys } from './read-issuer-keys.ts';
import { readManifests } from './read-manifests.ts';

/** The options of a command that reads a mesh. */
export interface MeshOptions {
  /** @default - the settings found in the sources, else Istio's defaults */
  readonly meshConfig?: string;
  /** @default - every issuer signs with a key of the rule that names it */
  readonly issuerKeys?: string;
}

/** A mesh, the documents behind it, and the options with which they were parsed. */
export interface ReadMesh {
  readonly mesh: Mesh;
  readonly documents: readonly SourceDocument[];
  readonly parseOptions: ParseOptions;
  readonly issuerKeys: IssuerKeys;
}

/** Reads the sources; every problem of manifests, mesh settings and keys at once. Errors: `input/…` and those of `parseMesh`. */
export async function readMesh(sources: readonly string[], options: MeshOptions, io: Io): Promise<Result<ReadMesh>> {
  const manifests = await readManifests(sources, io);
  for (const file of manifests.skipped) io.stderr.write(`${file}: no Kubernetes object, skipped\n`);
  const keys = await readIssuerKeys(options.issuerKeys);
  const settings = await readSettings(options.meshConfig);
  const parseOptions = settings.ok ? settings.value : {};
  const mesh = parseMesh(manifests.documents, parseOptions);
  const problems: readonly Problem[] = [
    ...manifests.problems,
    ...(settings.ok ? [] : settings.problems),
    ...(keys.ok ? [] : keys.problems),
    ...(mesh.ok ? [] : mesh.problems),
  ];
  if (problems.length > 0 || !mesh.ok || !keys.ok) return { ok: false, problems };
  return {
    ok: true,
    value: { mesh: mesh.value, documents: manifests.documents, parseOptions, issuerKeys: keys.value },
  };
}

async function readSettings(file: string | undefined): Promise<Result<ParseOptions>> {
  if (file === undefined) return { ok: true, value: {} };
  const text = await readFileWithin(file, DEFAULT_LIMITS.inputBytes);
  return text.ok ? { ok: true, value: { meshConfig: { file, text: text.value } } } : text;
}
