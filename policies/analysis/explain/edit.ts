/** Edits of documents: built, described by place, and applied to copies. */
import { locate, type SourceDocument } from '../../language/document.ts';
import { Cursor } from '../../language/parse-cursor.ts';
import { parseNamed } from '../../language/parse-traffic.ts';
import { printPath, type Step } from '../../language/problem.ts';
import type { Edit } from './explanation.ts';
import { valueAt } from './fields.ts';

/** Builds one edit of a document. */
export function edit(document: SourceDocument, action: Edit['action'], steps: readonly Step[], value: unknown): Edit {
  const cursor = new Cursor(document);
  const { namespace, name } = parseNamed(cursor);
  const at = locate(document, steps);
  const object = { kind: cursor.get('kind').text(), namespace, name };
  return { object, file: at.file, line: at.line, steps, path: printPath(steps), action, value };
}

/** An edit that deletes what stands at `steps`. */
export function removal(document: SourceDocument, steps: readonly Step[]): Edit {
  return edit(document, 'remove', steps, valueAt(document, steps));
}

/** An edit that creates an object, written next to an existing document. */
export function creation(file: string, object: Edit['object'], value: unknown): Edit {
  return { object, file, line: 1, steps: [], path: '', action: 'create', value };
}

/** The documents with the edits made on copies; created objects come last. */
export function applyEdits(documents: readonly SourceDocument[], edits: readonly Edit[]): readonly SourceDocument[] {
  const changed = documents.map((document) => {
    const own = edits.filter((each) => each.action !== 'create' && isOf(each, document));
    if (own.length === 0) return document;
    const value: unknown = structuredClone(document.value);
    for (const each of own) apply(value, each);
    return { ...document, value, lineOf: document.lineOf };
  });
  const created = edits.filter(({ action }) => action === 'create');
  return [
    ...changed,
    ...created.map(({ file, value }, index) => ({ file, index: documents.length + index, value, lineOf: () => 1 })),
  ];
}

function isOf(each: Edit, document: SourceDocument): boolean {
  const cursor = new Cursor(document);
  const { namespace, name } = parseNamed(cursor);
  const { object } = each;
  return cursor.get('kind').text() === object.kind && namespace === object.namespace && name === object.name;
}

function apply(root: unknown, { steps, action, value }: Edit): void {
  const last = steps.at(-1);
  if (last === undefined) return;
  const owner = ownerOf(root, steps);
  if (action === 'append') {
    const list = Reflect.get(owner, last);
    if (Array.isArray(list)) list.push(value);
    else Reflect.set(owner, last, [value]);
  } else if (action === 'set') Reflect.set(owner, last, value);
  else if (Array.isArray(owner)) owner.splice(Number(last), 1);
  else Reflect.deleteProperty(owner, last);
}

/** The object or list that holds the last step; objects on the way are made where they are missing. */
function ownerOf(root: unknown, steps: readonly Step[]): object {
  let owner = root as object;
  for (const step of steps.slice(0, -1)) {
    const next: unknown = Reflect.get(owner, step);
    if (typeof next === 'object' && next !== null) owner = next;
    else {
      const made = {};
      Reflect.set(owner, step, made);
      owner = made;
    }
  }
  return owner;
}
