/** Parses mutants: only the documents that changed are read again, everything else is shared with the original. */
import type { SourceDocument } from '../../language/document.ts';
import type { Mesh } from '../../language/mesh.ts';
import { type ParseOptions, parseMesh } from '../../language/parse.ts';
import { type Problem, problem } from '../../language/problem.ts';
import type { Change } from './mutant.ts';
import { Spot } from './spot.ts';

/** The lists of a mesh. */
export type MeshList = Exclude<keyof Mesh, 'config'>;

/** One object that is gone, new, or another than before. */
export interface Replacement {
  readonly list: MeshList;
  readonly before: MeshObject | undefined;
  readonly after: MeshObject | undefined;
}

/** What every object of a mesh's lists has. */
export interface MeshObject {
  readonly name: string;
  readonly namespace?: string;
  readonly kind?: string;
}

/** A mutant's mesh. */
export type Variant =
  | {
      readonly kind: 'parsed';
      readonly mesh: Mesh;
      readonly documents: readonly SourceDocument[];
      /** What changed; `everything` where the mesh settings did. */
      readonly replacements: readonly Replacement[] | 'everything';
    }
  /** The API server, istiod or the language itself refuses a document. */
  | { readonly kind: 'rejected'; readonly problems: readonly Problem[] };

const SETTINGS: ReadonlySet<string> = new Set(['ConfigMap', 'IstioOperator']);

/** The original with the means to parse its mutants. */
export class Original {
  readonly mesh: Mesh;
  readonly documents: readonly SourceDocument[];
  readonly #options: ParseOptions;
  /** Documents that may hold the mesh settings: every other one is read beside them. */
  readonly #settings: readonly SourceDocument[];
  readonly #lengths: ReadonlyMap<MeshList, number>;
  readonly #objects = new Map<SourceDocument, Found>();

  constructor(mesh: Mesh, documents: readonly SourceDocument[], options: ParseOptions) {
    this.mesh = mesh;
    this.documents = documents;
    this.#options = options;
    this.#settings = options.meshConfig === undefined ? documents.filter(isSettings) : [];
    this.#lengths = this.#lengthsOf(this.#settings);
  }

  #lengthsOf(documents: readonly SourceDocument[]): ReadonlyMap<MeshList, number> {
    const parsed = parseMesh(documents, this.#options);
    if (!parsed.ok) throw new Error('documents of a valid mesh are invalid on their own');
    return new Map(listsOf(parsed.value).map((list) => [list, parsed.value[list].length]));
  }

  /** The mesh with changes made. */
  variant(changes: readonly Change[]): Variant {
    const documents = this.#changed(changes);
    const touched = changes.map((change) => (change.kind === 'add' ? change.beside : change.document));
    if (changes.some(({ kind }) => kind !== 'add') && touched.some((document) => this.#settings.includes(document)))
      return this.#whole(documents);
    const replacements: Replacement[] = [];
    const problems: Problem[] = [];
    for (const change of changes) {
      const before = change.kind === 'add' ? undefined : this.#objectOf(change.document);
      const after = change.kind === 'drop' ? undefined : this.#read(changedDocument(change));
      if (after?.kind === 'rejected') problems.push(...after.problems);
      else replacements.push(this.#replacement(before, after, problems));
    }
    if (problems.length > 0) return { kind: 'rejected', problems };
    return { kind: 'parsed', mesh: replaced(this.mesh, replacements), documents, replacements };
  }

  #changed(changes: readonly Change[]): readonly SourceDocument[] {
    const rewritten = new Map(changes.flatMap((change) => (change.kind === 'add' ? [] : [[change.document, change]])));
    const kept = this.documents.flatMap((document) => {
      const change = rewritten.get(document);
      if (change === undefined) return [document];
      return change.kind === 'rewrite' ? [changedDocument(change)] : [];
    });
    return [...kept, ...changes.flatMap((change) => (change.kind === 'add' ? [changedDocument(change)] : []))];
  }

  #whole(documents: readonly SourceDocument[]): Variant {
    const parsed = parseMesh(documents, this.#options);
    if (!parsed.ok) return { kind: 'rejected', problems: parsed.problems };
    return { kind: 'parsed', mesh: parsed.value, documents, replacements: 'everything' };
  }

  #read(document: SourceDocument): Found | { readonly kind: 'rejected'; readonly problems: readonly Problem[] } {
    const parsed = parseMesh([...this.#settings, document], this.#options);
    if (!parsed.ok) return { kind: 'rejected', problems: parsed.problems };
    const list = listsOf(parsed.value).find((each) => parsed.value[each].length > (this.#lengths.get(each) ?? 0));
    const object = list === undefined ? undefined : (parsed.value[list].at(-1) as MeshObject | undefined);
    if (list === undefined || object === undefined) throw new Error('a document became no object');
    return { kind: 'found', list, object };
  }

  /** The object that a document of the original became. */
  #objectOf(document: SourceDocument): Found {
    const known = this.#objects.get(document);
    if (known !== undefined) return known;
    const read = this.#read(document);
    if (read.kind === 'rejected') throw new Error('a document of a valid mesh is invalid on its own');
    const object = (this.mesh[read.list] as readonly MeshObject[]).find((each) => isSame(each, read.object));
    if (object === undefined) throw new Error('a document of the mesh became no object of it');
    const made: Found = { ...read, object };
    this.#objects.set(document, made);
    return made;
  }

  #replacement(before: Found | undefined, after: Found | undefined, problems: Problem[]): Replacement {
    const found = after ?? before;
    if (found === undefined) throw new Error('a change without an object');
    const gone: Replacement = { list: found.list, before: before?.object, after: undefined };
    if (after === undefined) return gone;
    const objects: readonly MeshObject[] = this.mesh[after.list];
    const twin = objects.find((each) => each !== before?.object && isSame(each, after.object));
    if (twin === undefined) return { ...gone, after: after.object };
    // one object that is written twice counts once
    if (contentOf(twin) === contentOf(after.object)) return gone;
    const at = { file: '', path: 'metadata.name', line: 1 };
    const message = `\`${after.object.namespace ?? ''}/${after.object.name}\`: given twice with different content`;
    problems.push(problem('document/duplicate', message, at));
    return gone;
  }
}

function contentOf(object: MeshObject): string {
  return JSON.stringify(object, (key, value: unknown) => (key === 'at' ? undefined : value));
}

interface Found {
  readonly kind: 'found';
  readonly list: MeshList;
  readonly object: MeshObject;
}

function isSettings(document: SourceDocument): boolean {
  return SETTINGS.has(new Spot(document).get('kind').text());
}

function changedDocument(change: Exclude<Change, { kind: 'drop' }>): SourceDocument {
  const { file, index, lineOf } = change.kind === 'add' ? change.beside : change.document;
  return { file, index, value: change.value, lineOf };
}

function isSame(left: MeshObject, right: MeshObject): boolean {
  return left.name === right.name && left.namespace === right.namespace && left.kind === right.kind;
}

function listsOf(mesh: Mesh): readonly MeshList[] {
  return Object.keys(mesh).filter((member): member is MeshList => member !== 'config');
}

/** The mesh with objects replaced; a new one comes last, as its document does. */
export function replaced(mesh: Mesh, replacements: readonly Replacement[]): Mesh {
  const lists: Record<string, unknown> = { ...mesh };
  for (const { list, before, after } of replacements) {
    const objects = lists[list] as readonly MeshObject[];
    if (before === undefined) lists[list] = after === undefined ? objects : [...objects, after];
    else if (after === undefined) lists[list] = objects.filter((object) => object !== before);
    else lists[list] = objects.map((object) => (object === before ? after : object));
  }
  return lists as unknown as Mesh;
}
