/** From an object of rendered YAML back to the source code that it was generated from. */
import type { Cursor } from '../../language/parse-cursor.ts';
import { parseNamed } from '../../language/parse-traffic.ts';
import type { SourcePlace, Subject } from './finding.ts';

/** The annotation in which a generator says where an object came from: any text with `file.ts:line` in it. */
const ANNOTATION = 'meshwright.dev/source';

/** The source places of every annotated object. */
export class SourceMap {
  readonly #places: ReadonlyMap<string, readonly SourcePlace[]>;

  constructor(documents: readonly Cursor[]) {
    this.#places = new Map(
      documents.flatMap((document) => {
        const text = document.get('metadata', 'annotations', ANNOTATION).text();
        const kind = document.get('kind').text();
        return text === '' ? [] : [[keyOf({ kind, ...parseNamed(document) }), placesIn(text)] as const];
      }),
    );
  }

  /** The places of one object, each once; none when it says nothing. */
  placesOf(subject: Subject): readonly SourcePlace[] {
    return this.#places.get(keyOf(subject)) ?? [];
  }
}

const keyOf = ({ kind, namespace, name }: Subject) => `${kind} ${namespace}/${name}`;

function placesIn(text: string): readonly SourcePlace[] {
  const found = [...text.matchAll(/([\w./-]+\.[cm]?[jt]sx?):(\d+)/g)].map(([place]) => place);
  return [...new Set(found)].map((place) => {
    const colon = place.lastIndexOf(':');
    return { file: place.slice(0, colon), line: Number(place.slice(colon + 1)) };
  });
}
