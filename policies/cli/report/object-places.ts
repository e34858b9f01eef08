/** Where the objects of the input stand, by name. */
import type { SourcePlace, Subject } from '../../analysis/lint/finding.ts';
import { SourceMap } from '../../analysis/lint/source-map.ts';
import type { SourceDocument } from '../../language/document.ts';
import { Cursor } from '../../language/parse-cursor.ts';
import { parseNamed } from '../../language/parse-traffic.ts';
import { WORKLOAD_KINDS } from '../../language/parse-workload.ts';
import type { Step } from '../../language/problem.ts';

/** The lines of objects in YAML, looked for when the first is asked for, and of the source code that they were generated from. */
export class ObjectPlaces {
  readonly #input: readonly SourceDocument[];
  #known: Known | undefined;

  constructor(documents: readonly SourceDocument[]) {
    this.#input = documents;
  }

  /** The object of a kind, or of any kind of workload, by `namespace/name`; undefined when it is not there. */
  tryFind(
    kind: string,
    reference: string,
    path: readonly Step[] = [],
  ): { readonly at: SourcePlace; readonly object: string; readonly sources: readonly SourcePlace[] } | undefined {
    this.#known ??= knownIn(this.#input);
    const found = this.#known.byName.get(`${kind} ${reference}`);
    if (found === undefined) return undefined;
    const [namespace = '', name = ''] = reference.split('/');
    const subject: Subject = { kind: found.kind, namespace, name };
    return {
      at: { file: found.document.file, line: found.document.lineOf(path) },
      object: `${found.kind} ${reference}`,
      sources: this.#known.sources.placesOf(subject),
    };
  }
}

interface Known {
  readonly byName: ReadonlyMap<string, { readonly kind: string; readonly document: SourceDocument }>;
  readonly sources: SourceMap;
}

function knownIn(documents: readonly SourceDocument[]): Known {
  const cursors = documents.map((document) => ({ document, cursor: new Cursor(document) }));
  const named = cursors.map(({ document, cursor }) => {
    const kind = cursor.get('kind').text();
    const { namespace, name } = parseNamed(cursor);
    const key = `${Object.hasOwn(WORKLOAD_KINDS, kind) ? 'workload' : kind} ${namespace}/${name}`;
    return [key, { kind, document }] as const;
  });
  return { byName: new Map(named), sources: new SourceMap(cursors.map(({ cursor }) => cursor)) };
}
