/** Lints a mesh: every check once, then the suppressions. Read this file first, then `checks/`. */
import type { SourceDocument } from '../../language/document.ts';
import type { Mesh } from '../../language/mesh.ts';
import type { Profile } from '../profile.ts';
import { CODES, MESH_CHECKS } from './checks.ts';
import { contextOf } from './context.ts';
import type { Finding, LintResult } from './finding.ts';
import { SourceMap } from './source-map.ts';
import { applySuppressions } from './suppression.ts';

/** What lint reads: a mesh with the documents it was parsed from, and the day on which suppressions are judged. */
export interface LintInput {
  readonly mesh: Mesh;
  readonly documents: readonly SourceDocument[];
  readonly profile: Profile;
  /** YYYY-MM-DD. */
  readonly on: string;
}

/** All findings, sorted by file, line and code; the same input gives the same output. */
export function lint({ mesh, documents, profile, on }: LintInput): LintResult {
  const context = contextOf(mesh, documents, profile);
  const sources = new SourceMap(context.documents);
  const found = MESH_CHECKS.flatMap(({ code, severity, find }) =>
    [...find(context)].map(
      (sighting): Finding => ({
        ...sighting,
        code,
        severity: sighting.severity ?? severity,
        sources: sources.placesOf(sighting.subject),
      }),
    ),
  );
  const codes = new Set(CODES.map(({ code }) => code));
  const { findings, suppressed } = applySuppressions(context, found, { on, codes });
  return { findings: findings.toSorted(byPlace), suppressed };
}

function byPlace(left: Finding, right: Finding): number {
  return (
    compare(left.at.file, right.at.file) ||
    left.at.line - right.at.line ||
    compare(left.code, right.code) ||
    compare(left.message, right.message)
  );
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
