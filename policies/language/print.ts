import { type Document, dump, type Node, visit } from 'js-yaml';
import { PRINT_SCHEMA } from './scalar.ts';

const FIRST_KEYS: readonly string[] = ['apiVersion', 'kind', 'metadata', 'spec'];

const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

const rank = (key: string): number => {
  const place = FIRST_KEYS.indexOf(key);
  return place === -1 ? FIRST_KEYS.length : place;
};

const keyOf = (item: { readonly key: Node }): string => (item.key.kind === 'scalar' ? item.key.value : '');

/** Sorts every mapping by key; the mapping at the top names what the object is first. */
function sortKeys(documents: Document[]): void {
  visit(documents, (node, { depth }) => {
    if (node.kind !== 'mapping') return;
    node.items.sort((left, right) => {
      const [a, b] = [keyOf(left), keyOf(right)];
      return (depth === 0 ? rank(a) - rank(b) : 0) || compareText(a, b);
    });
  });
}

/**
 * Prints a JSON value as one YAML document: block style, keys sorted by code unit (at the top `apiVersion`, `kind`,
 * `metadata`, `spec` come first), no anchors, no line folding, and strings quoted whenever YAML 1.1 or 1.2 would read
 * them as something else (`yes`, `1e3`, `0777`, dates). Equal values give equal bytes; `readDocuments` gives the value back.
 * Members that are `undefined` are left out, as JSON does.
 * Errors: throws on what JSON cannot hold (functions, symbols, cycles), which is a fault of the caller.
 */
export function printYaml(value: unknown): string {
  return dump(value, { schema: PRINT_SCHEMA, noRefs: true, lineWidth: -1, transform: sortKeys });
}
