/** What mutants are made of: operators sketch edits of documents, a mutant is one of them with a name. */
import type { SourceDocument } from '../../language/document.ts';
import type { Mesh } from '../../language/mesh.ts';
import type { Location } from '../../language/problem.ts';
import { Spot } from './spot.ts';

/** One change of one document. */
export type Change =
  | { readonly kind: 'rewrite'; readonly document: SourceDocument; readonly value: unknown }
  | { readonly kind: 'drop'; readonly document: SourceDocument }
  /** A new document, written next to another. */
  | { readonly kind: 'add'; readonly beside: SourceDocument; readonly value: unknown };

/** What one application of an operator does; the changes are made when they are asked for. */
export interface Sketch {
  readonly spot: Spot;
  /** What was done, in words: 'principal `a` became `*`'. */
  readonly what: string;
  readonly changes: () => readonly Change[];
}

/** One first-order mutation operator. */
export interface Operator {
  /** As in the table of the reference: `S4`. */
  readonly code: string;
  readonly title: string;
  readonly sketch: (materials: Materials) => Iterable<Sketch>;
}

/** An operator. */
export function operator(code: string, title: string, sketch: Operator['sketch']): Operator {
  return { code, title, sketch };
}

/** What operators read. */
export interface Materials {
  readonly mesh: Mesh;
  readonly documents: readonly SourceDocument[];
  /** The documents of a kind as places. */
  readonly of: (kind: string) => readonly Spot[];
}

/** One mutant. */
export interface Mutant {
  /** Operator and a number: `S4-12`. */
  readonly id: string;
  readonly operator: Operator;
  /** Kind, namespace and name of the object that was changed. */
  readonly object: string;
  readonly at: Location;
  readonly what: string;
  readonly changes: () => readonly Change[];
}

/** The materials of documents. */
export function materialsOf(mesh: Mesh, documents: readonly SourceDocument[]): Materials {
  const byKind = Map.groupBy(
    documents.map((document) => new Spot(document)),
    (spot) => spot.get('kind').text(),
  );
  return { mesh, documents, of: (kind) => byKind.get(kind) ?? [] };
}

/** A sketch that puts `value` at a place; undefined takes away what stands there. */
export function rewriting(spot: Spot, value: unknown, what: string): Sketch {
  return {
    spot,
    what,
    changes: () => [{ kind: 'rewrite', document: spot.document, value: spot.with(value) }],
  };
}

/** A sketch that drops the document of a place. */
export function dropping(spot: Spot, what: string): Sketch {
  return { spot, what, changes: () => [{ kind: 'drop', document: spot.document }] };
}

/** A sketch that adds a document beside that of a place. */
export function adding(spot: Spot, value: unknown, what: string): Sketch {
  return { spot, what, changes: () => [{ kind: 'add', beside: spot.document, value }] };
}

/** Every mutant of the operators, numbered for each operator in the order of the documents. */
export function mutantsOf(operators: readonly Operator[], materials: Materials): readonly Mutant[] {
  return operators.flatMap((operator) =>
    [...operator.sketch(materials)].map(({ spot, what, changes }, index) => ({
      id: `${operator.code}-${index + 1}`,
      operator,
      object: objectOf(spot),
      at: spot.at(),
      what,
      changes,
    })),
  );
}

function objectOf({ document }: Spot): string {
  const root = new Spot(document);
  const name = [root.get('metadata', 'namespace').text(), root.get('metadata', 'name').text()];
  return `${root.get('kind').text()} ${name.filter((part) => part !== '').join('/')}`;
}
