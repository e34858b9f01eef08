/** What a check of a cluster is, and what it compares the cluster with. */
import type { SourceDocument } from '../../language/document.ts';
import type { MeshConfig } from '../../language/mesh.ts';

/** One check. */
export interface Check {
  /** Stable, area first. Shape: `mesh/trust-domain`. */
  readonly code: string;
  readonly outcome: 'holds' | 'fails' | 'unknown';
  readonly message: string;
  /** How to repair it; '' when there is nothing to do. */
  readonly help: string;
}

/** What the checks compare the cluster with. */
export interface Wanted {
  readonly documents: readonly SourceDocument[];
  /** Mesh settings that the manifests were made for. */
  readonly config: MeshConfig;
  readonly rootNamespace: string;
}

/** Makes a check of one sentence. */
export const check = (code: string, outcome: Check['outcome'], message: string, help = ''): Check => ({
  code,
  outcome,
  message,
  help: outcome === 'holds' ? '' : help,
});
