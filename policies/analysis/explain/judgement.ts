/** What one layer says of a call, and where it stands in the manifests. */
import type { Named } from '../../language/mesh.ts';
import type { LayerName, LayerReport, Place } from './explanation.ts';

/** A layer's report before it is known which layer decides. */
export type Judgement = Omit<LayerReport, 'decides'>;

/** The place of an object, and of one of its rules. */
export function placeOf(
  kind: string,
  object: Named,
  rule: { readonly index: number; readonly line: number } | null = null,
): Place {
  const { namespace, name, at } = object;
  return { kind, namespace, name, rule: rule?.index ?? null, file: at.file, line: rule?.line ?? at.line };
}

/** Builds one judgement. */
export function judge(
  layer: LayerName,
  outcome: Judgement['outcome'],
  because: string,
  place: Place | null = null,
): Judgement {
  return { layer, outcome, because, place };
}
