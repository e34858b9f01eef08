/** The mesh of a live cluster, parsed as manifests are. */
import type { Intent } from '../../analysis/compare/intent.ts';
import type { SourceDocument } from '../../language/document.ts';
import type { Mesh } from '../../language/mesh.ts';
import { parseMesh } from '../../language/parse.ts';
import { type Problem, problem, type Result } from '../../language/problem.ts';
import { ApiUnreachable } from './api.ts';
import type { Connection } from './connect.ts';
import { type LiveReading, readLive } from './live-objects.ts';

/** A mesh as it is in a cluster at one moment. */
export interface LiveMesh {
  readonly mesh: Mesh;
  readonly documents: readonly SourceDocument[];
  /** Namespaces that take no part in the mesh. */
  readonly leftOut: readonly string[];
  /** Kinds that the cluster does not serve. */
  readonly absent: readonly string[];
}

/** Which objects are read. */
export interface LiveMeshOptions {
  /** @default istio-system */
  readonly rootNamespace?: string;
  /** Namespaces of its callers are read whether sidecars are injected there or not. */
  readonly intent?: Intent | null;
  /** Further namespaces to read. */
  readonly also?: readonly string[];
}

/**
 * Reads and parses the mesh; what cannot be read leaves nothing proved.
 * Errors: those of `readLive` and `parseMesh`, `live/unreachable`.
 */
export async function readLiveMesh(connection: Connection, options: LiveMeshOptions = {}): Promise<Result<LiveMesh>> {
  const reading = await read(connection, options);
  if (!reading.ok) return reading;
  const { documents, leftOut, absent } = reading.value;
  const mesh = parseMesh(documents);
  const problems: readonly Problem[] = [...reading.value.problems, ...(mesh.ok ? [] : mesh.problems)];
  if (problems.length > 0 || !mesh.ok) return { ok: false, problems };
  return { ok: true, value: { mesh: mesh.value, documents, leftOut, absent } };
}

async function read(connection: Connection, options: LiveMeshOptions): Promise<Result<LiveReading>> {
  const also = [...namespacesOf(options.intent ?? null), ...(options.also ?? [])];
  const root = options.rootNamespace === undefined ? {} : { rootNamespace: options.rootNamespace };
  try {
    return { ok: true, value: await readLive(connection, { also, ...root }) };
  } catch (error) {
    if (!(error instanceof ApiUnreachable)) throw error;
    const at = { file: `context/${connection.context}`, path: '', line: 1 };
    const help = 'see that the cluster runs and that the context points to it';
    return { ok: false, problems: [problem('live/unreachable', `no answer from ${error.message}`, at, help)] };
  }
}

/**
 * Namespaces of callers, so that one whose injection was switched off by hand is looked at, too; callees outside the
 * mesh, such as the cluster's DNS, are no part of it.
 */
function namespacesOf(intent: Intent | null): readonly string[] {
  return (intent?.grants ?? []).flatMap(({ caller }) => (caller.kind === 'identity' ? [caller.namespace] : []));
}
